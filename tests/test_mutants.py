"""The mutants of `make mutants` still fit the house: each has its place once. That tests kill them takes minutes."""

from __future__ import annotations

import pytest

from tests.mutants import HOUSE, MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_has_its_place_once_and_changes_it(mutant: Mutant) -> None:
    assert (HOUSE / mutant.file).read_text("utf-8").count(mutant.was) == 1
    assert mutant.becomes != mutant.was
