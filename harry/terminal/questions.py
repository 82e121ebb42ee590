"""A question at the terminal, before or without a conversation: the terminal shows and edits what is typed."""

from __future__ import annotations

import os
import sys

import trio

from harry.terminal.input import read_available

ESCAPE = "\x1b"


async def ask(question: str, source: int = 0) -> str | None:
    """Ask, and return the line that was typed, without its end and blanks; None at the end of the input.

    The terminal must be in its usual mode: one read is one line then, so what was typed ahead of it stays for later.
    """
    print(question, end="", flush=True)
    data = await read_available(source)
    await trio.lowlevel.checkpoint()
    if not data:
        print(flush=True)
        return None
    if not os.isatty(source) and sys.stdout is not None:
        print(flush=True)
    return data.decode("utf-8", "replace").strip(" \t\r\n")
