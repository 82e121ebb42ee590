"""The mutants of `make mutants` still fit the house: each has its place once. That tests kill them takes minutes."""

from __future__ import annotations

import re

import pytest

from tests.mutants import HOUSE, MUTANTS, PAGE, Mutant, row


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_has_its_place_once_and_changes_it(mutant: Mutant) -> None:
    assert (HOUSE / mutant.file).read_text("utf-8").count(mutant.was) == 1
    assert mutant.becomes != mutant.was


def test_the_page_of_the_mutants_has_each_as_it_is_and_names_a_test_that_there_is() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(MUTANTS)
    for mutant, line in zip(MUTANTS, rows, strict=True):
        found = re.search(r"\[`(\w+)(\[.*\])?`\]\(\.\./(tests/[\w/]+\.py)\) \|$", line)
        assert found, line
        test, _, file = found.groups()
        assert f"def {test}(" in (HOUSE / file).read_text("utf-8")
        assert line == row(mutant, f"{file}::{test}{found[2] or ''}")
