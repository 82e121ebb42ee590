"""Writes the reference of what programs import, from the code itself: `python -m tests.docs.reference`.

A page for each of `harry.plugin`, `harry.testing` and `harry.compat`, in docs/reference; a test compares them.
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from tests.support.paths import ROOT

FOLDER = ROOT / "docs" / "reference"
PAGES = {
    "plugin": ("What the author of a plug-in imports", ["harry.plugin"]),
    "testing": (
        "What tests are made with",
        [
            "harry.testing.conformance",
            "harry.testing.engines",
            "harry.testing.loudspeaker",
            "harry.testing.microphone",
        ],
    ),
    "compat": (
        "The functions of older programs",
        [
            "harry.compat",
            "harry.compat.loaders_async",
            "harry.compat.ltm_async",
            "harry.compat.knowledgebase_search_async",
            "harry.compat.central_logic_async",
            "harry.compat.open_router_async",
            "harry.compat.error_handler",
        ],
    ),
}
GUIDES = {"plugin": "plugins.md", "testing": "plugins.md", "compat": "migration.md"}


class _Words:
    """An annotation that is shown as it is written."""

    def __init__(self, written: object) -> None:
        self.written = _shorten(written if isinstance(written, str) else inspect.formatannotation(written))

    def __repr__(self) -> str:
        return self.written


def _shorten(written: str) -> str:
    """Leave out the modules of types."""
    return re.sub(r"\b[a-z_][\w.]*\.([A-Z]\w*)", r"\1", written)


def render(page: str) -> str:
    """Return a page of the reference as Markdown."""
    title, modules = PAGES[page]
    made = f"Made from the code by `python -m tests.docs.reference`; [the guide](../{GUIDES[page]}) says how to use it."
    head = f"# {title}\n\n{made}\n"
    return "\n".join([head, *(_module(import_module(name)) for name in modules)])


def _module(module: ModuleType) -> str:
    parts = [f"## `{module.__name__}`\n", f"{inspect.getdoc(module)}\n"]
    if any(name.endswith("_sync") for name in vars(module)):
        parts.append("Each function has a twin whose name ends with `_sync`, to be called without `await`.\n")
    for name, value in _public(module):
        parts.append(f"### `{name}`\n")
        if inspect.isclass(value) and value.__name__ != name:
            parts.append(f"An earlier name of `{value.__name__}`.\n")
        elif inspect.isclass(value):
            parts += _class(name, value)
        elif inspect.isfunction(value):
            parts.append(_explained(name, value))
        else:
            parts.append("One-dimensional float32.\n" if "numpy" in repr(value) else f"`{_shorten(repr(value))}`\n")
    return "\n".join(parts)


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Go through what a module offers: `__all__`, or what is defined in it and has a public name."""
    offered = getattr(module, "__all__", None)
    for name in sorted(offered, key=str.casefold) if offered else list(vars(module)):
        value = vars(module)[name]
        own = inspect.isclass(value) or inspect.isfunction(value)
        if offered or (own and value.__module__ == module.__name__ and not re.search(r"^_|_sync$", name)):
            yield name, value


def _class(name: str, value: type) -> Iterator[str]:
    if issubclass(value, enum.Enum):
        yield f"{inspect.getdoc(value)}\n"
        yield "Values: " + ", ".join(f"`{member.value}`" for member in value) + ".\n"
        return
    plain = getattr(value, "_is_protocol", False) or issubclass(value, BaseException)
    yield f"{inspect.getdoc(value)}\n" if plain else _explained(name, value)
    for method, function in vars(value).items():
        if not method.startswith("_") and callable(getattr(value, method)) and not inspect.isclass(function):
            yield f"**`{method}`**\n"
            yield _explained(method, getattr(value, method))


def _explained(name: str, value: Any) -> str:
    """Return signature and docstring."""
    awaited = "async " if inspect.iscoroutinefunction(value) else ""
    return f"```text\n{awaited}{name}{_signature(value)}\n```\n\n{inspect.getdoc(value)}\n"


def _signature(value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except ValueError:
        return "(...)"
    parameters = [_plain(parameter) for name, parameter in signature.parameters.items() if name != "self"]
    returned = signature.return_annotation
    told = (
        inspect.Signature.empty if returned is inspect.Signature.empty or inspect.isclass(value) else _Words(returned)
    )
    written = str(signature.replace(parameters=parameters, return_annotation=told))
    return written if len(written) < 100 else _broken(written, parameters)


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Show an annotation as it is written, and of a default that is a function only that there is one."""
    if inspect.isfunction(parameter.default):
        parameter = parameter.replace(default=_Words("..."))
    if parameter.annotation is inspect.Parameter.empty:
        return parameter
    return parameter.replace(annotation=_Words(parameter.annotation))


def _broken(written: str, parameters: list[inspect.Parameter]) -> str:
    """Put each parameter on a line of its own."""
    lines, starred = [], False
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            lines.append("*")
            starred = True
        starred |= parameter.kind is inspect.Parameter.VAR_POSITIONAL
        lines.append(str(parameter))
    return "(\n" + "".join(f"    {line},\n" for line in lines) + ")" + written.rpartition(")")[2]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page in PAGES:
        (FOLDER / f"{page}.md").write_text(render(page), "utf-8")
