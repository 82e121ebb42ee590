"""A memory of its own for each test of the names that older programs know, and Harrys of every kind of caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from harry.compat import services


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty data folder, let go of at the end; finding goes by words, so that no model is loaded."""
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HARRY_CONFIG", raising=False)
    monkeypatch.setattr(services, "_embedder", lambda: None)
    services.configure()
    yield tmp_path / "home"
    services.close()


def _in_trio(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> Any:
    async def main() -> Any:
        return await function(*args, **kwargs)

    return trio.run(main)


def _in_asyncio(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> Any:
    return asyncio.run(function(*args, **kwargs))


CALLERS: dict[str, Callable[..., Any]] = {"trio": _in_trio, "asyncio": _in_asyncio}
