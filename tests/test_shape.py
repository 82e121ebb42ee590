"""Functions, constructors and classes stay small; what is larger says why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_FUNCTION_LINES = 50
MAX_CLASS_LINES = 300
MAX_PARAMETERS = 8
REASON = "One class, because"
"""What the docstring of a longer class says before its reason."""

WIDE_CONSTRUCTORS = {"Listener"}
"""The ear's thresholds and stages: each is set by name, by the one who builds a session."""


def _definitions() -> Iterator[tuple[str, ast.AST]]:
    for package in ("harry", "actors", "channels", "plugins"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield str(path.relative_to(ROOT)), node


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_function_is_longer_than_a_page() -> None:
    long = [
        (path, node.name, _lines(node))
        for path, node in _definitions()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_no_constructor_takes_more_than_can_be_remembered() -> None:
    wide = [
        (path, owner.name)
        for path, owner in _definitions()
        if isinstance(owner, ast.ClassDef) and owner.name not in WIDE_CONSTRUCTORS
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        # Without `self`.
        if len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs) - 1 > MAX_PARAMETERS
    ]
    assert wide == []


def test_a_long_class_says_why_it_is_one() -> None:
    unexplained = [
        (path, node.name, _lines(node))
        for path, node in _definitions()
        if isinstance(node, ast.ClassDef)
        and _lines(node) > MAX_CLASS_LINES
        and REASON not in (ast.get_docstring(node) or "")
    ]
    assert unexplained == []
