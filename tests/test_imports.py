"""No module imports another in a circle, and no room of Harry's is a heap."""

from __future__ import annotations

from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("harry", "actors", "channels", "harry_http_audio", "harry_wyoming")
MAX_MODULES = 8


def _cycles(graph: grimp.ImportGraph) -> list[set[str]]:
    """Return the strongly connected components of more than one module.

    After R. Tarjan, "Depth-first search and linear graph algorithms", 1972.
    """
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[set[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for imported in graph.find_modules_directly_imported_by(module):
            if imported not in order:
                visit(imported)
                lowest[module] = min(lowest[module], lowest[imported])
            elif imported in stack:
                lowest[module] = min(lowest[module], order[imported])
        if lowest[module] == order[module]:
            at = stack.index(module)
            component, stack[at:] = set(stack[at:]), []
            if len(component) > 1:
                cycles.append(component)

    for module in graph.modules:
        if module not in order:
            visit(module)
    return cycles


def test_no_module_imports_another_in_a_circle_not_even_for_types() -> None:
    assert _cycles(grimp.build_graph(*PACKAGES, cache_dir=None)) == []


def test_a_circle_would_be_found() -> None:
    graph = grimp.ImportGraph()
    for name in "abcd":
        graph.add_module(name)
    for importer, imported in ("ab", "bc", "ca", "cd"):
        graph.add_import(importer=importer, imported=imported)
    assert _cycles(graph) == [{"a", "b", "c"}]


@pytest.mark.parametrize("room", ["harry", "harry/memory"])
def test_a_house_of_rooms_holds_few_modules_outside_them(room: str) -> None:
    assert len(list((ROOT / room).glob("*.py"))) <= MAX_MODULES
