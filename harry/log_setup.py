"""Harry's log: where it goes, how it looks, and what never enters it.

Lines go to standard error or, if the configuration says so, to a file in the data folder that is private and bounded.
Nothing that looks like a secret is written, whatever the caller passed.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

import structlog

from harry.errors import StoreError
from harry.redaction import MASK, is_secret, masked

LOG_FILE = "harry.log"
MAX_FILE_BYTES = 1_000_000
"""Bytes at which a new log file is begun."""

MAX_FULL_FILES = 3
"""How many full files are kept in addition to the one that is written."""


def configure(level: str, folder: Path | None = None) -> None:
    """Send everything of at least `level` to standard error, or to `harry.log` in `folder`. A later call replaces.

    Raises `StoreError` where the file cannot be written.
    """
    handler: logging.Handler = _StandardError() if folder is None else _open_file(folder)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _make_renderer(folder)],
        )
    )
    handler.setLevel(level.upper())
    _replace_handler(handler)
    # Libraries are heard from warnings on: httpx, for one, tells every address it asks at `info`.
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    for name in ("harry", "actors", "channels"):
        logging.getLogger(name).setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _make_renderer(folder: Path | None) -> Any:
    # An exception stands in the event as text by now, so that it too was looked through for secrets.
    if folder is not None:
        return structlog.processors.JSONRenderer()
    colours = sys.stderr is not None and sys.stderr.isatty()
    return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)


def _replace_handler(handler: logging.Handler) -> None:
    """Put a handler in the place of the one of an earlier call, leaving those of others alone."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        if getattr(old, "harrys", False):
            root.removeHandler(old)
            old.close()
    handler.harrys = True  # type: ignore[attr-defined]  # a mark, so that a second call replaces its own handler only
    root.addHandler(handler)


def hide_secrets(_logger: object, _method: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mask every value that has the name or the look of a secret, however deep it lies. A structlog processor."""
    return {key: MASK if is_secret(key, value) else _hide_in(value) for key, value in event.items()}


def _hide_in(value: Any, depth: int = 4) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping) and depth:
        return {key: MASK if is_secret(str(key), inner) else _hide_in(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [_hide_in(inner, depth - 1) for inner in value]
    if value is None or isinstance(value, bool | int | float | logging.LogRecord):
        return value
    # What a renderer would turn into text is turned into text here, where it can be looked through.
    return masked(repr(value))


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=False),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    hide_secrets,
]
"""What every event goes through, Harry's and the libraries', before it is rendered."""


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at the moment: the live line puts itself in front of it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None:
        """Stay with the present one."""


def _open_file(folder: Path) -> RotatingFileHandler:
    path = folder / LOG_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _PrivateFile(
            path, maxBytes=MAX_FILE_BYTES, backupCount=MAX_FULL_FILES, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise StoreError(
            f"The log file {path} cannot be written: {error.strerror}.",
            remedy="Set log.file = false, or make the folder writable.",
        ) from error


class _PrivateFile(RotatingFileHandler):
    """A rotating file that only its owner may read, from its first byte on."""

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
        return open(descriptor, "a", encoding=self.encoding, errors=self.errors)  # noqa: PTH123
