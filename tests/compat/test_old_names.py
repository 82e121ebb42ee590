"""Older programs run under their own module names once `harry.compat.install()` was called, and every example does."""

from __future__ import annotations

import importlib
import logging
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

import harry.compat
from harry.compat import error_handler, loaders_async
from harry.errors import StoreError
from tests.support.compat_home import CALLERS, home  # noqa: F401  (a fixture)
from tests.support.paths import ROOT

EXAMPLES = sorted((ROOT / "examples" / "seed").glob("*.py"))
NAMES = [*harry.compat.MODULES, "error_handler"]


@pytest.fixture(autouse=True)
def _nothing_is_installed_yet() -> Iterator[None]:
    names = {*NAMES, *(name.removesuffix("_async") for name in NAMES)}
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(example, home, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARRY_ENGINES__LANGUAGE_MODEL", '["scripted"]')
    runpy.run_path(str(example), run_name="__main__")
    printed = capsys.readouterr().out
    expected = {
        "basic_call": "Loaded: my_value\n",
        "concurrent_operations": "('', None, '')\n",
        "ai_response": "I heard you.\n",
        "without_await": "another value\n",
        "test_async_implementation": "All passed.\n",
    }
    if example.stem == "error_handling":
        assert "no such file" in printed
    else:
        assert printed == expected.get(example.stem, "")


def test_every_example_is_told_of_in_their_readme():
    page = (EXAMPLES[0].parent / "README.md").read_text("utf-8")
    assert [path.name for path in EXAMPLES if f"`{path.name}`" not in page] == []


def test_the_old_names_are_unknown_until_they_are_installed_and_then_are_harrys(tmp_path):
    program = (
        "import importlib.util, sys, harry.compat\n"
        f"names = {NAMES!r}\n"
        "assert [name for name in names if importlib.util.find_spec(name)] == []\n"
        "harry.compat.install()\n"
        "harry.compat.install()\n"
        "import error_handler, loaders, loaders_async, ltm\n"
        "assert loaders_async.redis_save.__module__ == 'harry.compat.loaders_async'\n"
        "assert loaders.redis_load is loaders_async.redis_load_sync\n"
        "assert callable(ltm.memory_search) and callable(error_handler.if_errors)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_file_of_the_users_own_without_async_in_its_name_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "loaders.py").write_text("mine = True\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    harry.compat.install()
    assert importlib.import_module("loaders").mine


def test_an_old_module_that_is_loaded_already_is_not_replaced_behind_its_users_back(tmp_path, monkeypatch):
    (tmp_path / "ltm_async.py").write_text("mine = True\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = importlib.import_module("ltm_async")
    with pytest.raises(ImportError, match=r"ltm_async was imported from .*ltm_async\.py before"):
        harry.compat.install()
    assert sys.modules["ltm_async"] is mine
    assert "loaders_async" not in sys.modules


# What went wrong is logged with its cause, and raised again


def failing() -> None:
    try:
        int("seven")
    except ValueError as cause:
        raise StoreError("That could not be kept.") from cause


@error_handler.if_errors
async def awaited() -> None:
    failing()


@error_handler.if_errors
def called() -> None:
    failing()


@error_handler.if_errors
def iterated() -> Iterator[int]:
    yield 1
    failing()


@error_handler.if_errors
async def iterated_async():
    yield 1
    failing()


async def drain() -> None:
    async for _ in iterated_async():
        pass


def _plainly(function, *args):
    return function(*args)


@pytest.mark.parametrize(
    ("caller", "function", "name"),
    [
        (CALLERS["trio"], awaited, "awaited"),
        (CALLERS["asyncio"], awaited, "awaited"),
        (CALLERS["asyncio"], drain, "iterated_async"),
        (_plainly, called, "called"),
        (lambda function: list(function()), iterated, "iterated"),
    ],
)
def test_an_error_is_logged_once_with_its_cause_and_raised_again_as_it_is(caller, function, name, caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(StoreError, match="could not be kept") as caught:
        caller(function)
    [record] = caplog.records
    assert record.getMessage() == f"{name} failed: StoreError: That could not be kept."
    assert record.exc_info is not None
    assert record.exc_info[1] is caught.value
    assert "ValueError: invalid literal for int()" in caplog.text


def test_a_function_that_succeeds_gives_what_it_gave_and_keeps_its_name(caplog):
    @error_handler.if_errors
    async def answer(number: int = 42) -> int:
        """Return the answer."""
        return number

    assert CALLERS["asyncio"](answer) == 42
    assert (answer.__name__, answer.__doc__) == ("answer", "Return the answer.")
    assert caplog.records == []


def test_a_cancelled_call_is_no_error(caplog):
    @error_handler.if_errors
    async def waits() -> None:
        await trio.sleep_forever()

    async def main() -> None:
        with trio.move_on_after(0):
            await waits()

    trio.run(main)
    assert caplog.records == []


def test_the_old_names_are_those_of_the_modules_that_there_are():
    there = {path.stem for path in Path(loaders_async.__file__).parent.glob("*_async.py")}
    assert set(harry.compat.MODULES) == there
