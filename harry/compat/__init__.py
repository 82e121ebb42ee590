"""The names that older programs know Harry's memory by: thin functions over his services, for any kind of caller.

Each `async` function may be awaited under trio or asyncio, and has a twin with `_sync` behind its name for plain code,
a thread, or the inside of a running loop. They work while a Harry runs, too; `services.configure` says for which one.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

MODULES = ("loaders_async", "ltm_async", "knowledgebase_search_async", "central_logic_async", "open_router_async")
"""What `install` lets older programs import without `harry.compat.` in front, besides `error_handler`."""


def install() -> None:
    """Let `import loaders_async` and the other names of `MODULES`, and `import error_handler`, find Harry's functions.

    Older programs then run as they are. A module without `_async` (`import loaders`) has the same functions for plain
    code; where a file of that name can be found, it is left alone. Raises `ImportError` if another module of one of
    the names is loaded already. A second call changes nothing.
    """
    ours = {name: import_module(f"{__name__}.{name}") for name in (*MODULES, "error_handler")}
    for name, module in ours.items():
        there = sys.modules.get(name)
        if there is not None and there is not module:
            where = getattr(there, "__file__", None) or "elsewhere"
            raise ImportError(f"{name} was imported from {where} before harry.compat.install() was called.", name=name)
    sys.modules.update(ours)
    for name in MODULES:
        plain = name.removesuffix("_async")
        if plain not in sys.modules and find_spec(plain) is None:
            sys.modules[plain] = _without_await(plain, ours[name])


def _without_await(name: str, module: ModuleType) -> ModuleType:
    """Make a module whose functions are the `_sync` twins of another's, under their plain names."""
    made = ModuleType(name, module.__doc__)
    twins = {key.removesuffix("_sync"): value for key, value in vars(module).items() if key.endswith("_sync")}
    vars(made).update(twins)
    return made
