"""The log: where it goes, and that no secret ever enters it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from harry import log_setup as logs
from harry.errors import StoreError
from harry.redaction import masked

SECRET = "sk-abcdefghijklmnop0123"


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root, levels = logging.getLogger(), {}
    names = ("", "harry", "actors", "channels")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    for handler in root.handlers[:]:
        if getattr(handler, "harrys", False):
            root.removeHandler(handler)
            handler.close()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


def written(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / logs.LOG_FILE).read_text().splitlines()]


def test_lines_go_to_standard_error_plain_and_from_the_level_on(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    log = structlog.get_logger("harry.test")
    log.info("not this")
    log.warning("but this", turn="a")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "but this" in captured.err
    assert "turn=a" in captured.err
    assert "not this" not in captured.err
    assert "\x1b" not in captured.err


def test_a_second_call_replaces_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logs.configure("info", tmp_path)
    structlog.get_logger("harry.test").info("once")
    assert [line["event"] for line in written(tmp_path)] == ["once"]
    assert capsys.readouterr().err == ""


def test_no_secret_is_written_whatever_the_caller_passed(tmp_path: Path) -> None:
    logs.configure("debug", tmp_path)
    log = structlog.get_logger("harry.test")
    log.info(
        f"asked with {SECRET}",
        api_key="plain",
        Authorization="Bearer plain",
        headers={"authorization": "Bearer plain", "nested": [{"secret": "plain", "x": SECRET}]},
        strange=ValueError(SECRET),
        max_tokens=512,
    )
    try:
        int(SECRET)
    except ValueError:
        log.exception("failed")
        logging.getLogger("somebody.elses").warning("refused %s", SECRET, exc_info=True)
    text = (tmp_path / logs.LOG_FILE).read_text()
    assert len(written(tmp_path)) == 3
    assert SECRET not in text
    assert "plain" not in text
    assert written(tmp_path)[0]["max_tokens"] == 512
    assert "invalid literal for int() with base 10: '***'" in str(written(tmp_path)[1]["exception"])


def test_libraries_are_heard_from_warnings_on(tmp_path: Path) -> None:
    logs.configure("debug", tmp_path)
    logging.getLogger("httpx").info("GET https://example.org/?q=what+was+said")
    logging.getLogger("httpx").warning("slow")
    assert [line["event"] for line in written(tmp_path)] == ["slow"]


def test_the_file_is_private_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_FILE_BYTES", 2_000)
    folder = tmp_path / "new"
    logs.configure("info", folder)
    for number in range(200):
        structlog.get_logger("harry.test").info("line", number=number)
    files = sorted(folder.iterdir())
    assert len(files) == 1 + logs.MAX_FULL_FILES
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        logs.configure("info", tmp_path / "file")


@pytest.mark.parametrize("text", ["", "a skill-based token", "risk-averse", "the sk- prefix", "task-12345678901"])
def test_what_only_resembles_a_secret_is_left_alone(text: str) -> None:
    assert masked(text) == text
