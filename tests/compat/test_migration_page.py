"""Every example of docs/migration.md, run as it stands there."""

from __future__ import annotations

import re

import pytest

from harry.compat import loaders_async
from tests.support.compat_home import home  # noqa: F401  (a fixture)
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "migration.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_there_are_as_many_examples_as_the_page_has_python():
    assert len(EXAMPLES) == PAGE.read_text("utf-8").count("```python") > 5


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_example_runs(number, home, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[number], f"example {number}", "exec"), {"__name__": "__main__"})
    if number == 1:
        assert capsys.readouterr().out == "Loaded: my_value\n"
        assert loaders_async.soc_today_sync() == "Harry is thinking about async operations"
    if "no/such/file" in EXAMPLES[number]:
        assert "no such file" in capsys.readouterr().out
