"""Python functions as tools: a decorator makes of a function's hints what the mind is told, and checks what it sends.

An `async` function runs on trio's loop; any other in a thread, which is left behind when the call is cut; its result
then joins the next prompt.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, get_type_hints, overload

import structlog
import trio
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from actors.protocols import Tool
from harry.engines.packages import blamed
from harry.errors import EngineUnavailable
from harry.tools.toolbox import DEADLINE, LATE, Answer, Offer, ToolError

GROUP = "harry.tools"
"""The group of entry points; each names a function that `tool` has decorated."""

MAX_THREADS = 8
"""Functions that may run in threads at once, those that nobody waits for any more included."""

F = TypeVar("F", bound=Callable[..., Any])

log = structlog.get_logger(__name__)


@overload
def tool(function: F) -> F: ...
@overload
def tool(
    *, name: str = "", effect: bool = False, deadline: float = DEADLINE, confirm: bool = False
) -> Callable[[F], F]: ...
def tool(
    function: Any = None, *, name: str = "", effect: bool = False, deadline: float = DEADLINE, confirm: bool = False
) -> Any:
    """Offer a function to the mind. Its docstring is the description, its hints are the schema.

    `effect`: it changes something outside the conversation. `confirm`: only after the user's yes. `deadline` is in
    seconds. It returns text, or an `Answer` with pictures, and raises `ToolError` with a sentence for the mind.
    """
    if function is None:
        return partial(_marked, name=name, effect=effect, deadline=deadline, confirm=confirm)
    return _marked(function, name=name, effect=effect, deadline=deadline, confirm=confirm)


def _marked(function: Any, *, name: str, effect: bool, deadline: float, confirm: bool) -> Any:
    function.__harry_tool__ = {
        "name": name or function.__name__,
        "effect": effect,
        "deadline": deadline,
        "confirm": confirm,
    }
    return function


def make_offer(function: Callable[..., Any]) -> Offer:
    """Make the offer of a decorated function. Raises `TypeError` for one whose parameters have no names."""
    marks: dict[str, Any] = getattr(function, "__harry_tool__", None) or {"name": function.__name__}
    model = _model(function, marks["name"])
    schema = model.model_json_schema()
    schema.pop("title", None)
    description = inspect.getdoc(function) or ""
    tool = Tool(marks["name"], description, schema, effect=marks.get("effect", False))
    handler = partial(_call, function, model, marks["name"])
    return Offer(tool, handler, marks.get("deadline", DEADLINE), marks.get("confirm", False))


def _model(function: Callable[..., Any], name: str) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"the tool {name} takes parameters that have no name")
        fields[parameter.name] = (
            hints.get(parameter.name, str),
            ... if parameter.default is parameter.empty else parameter.default,
        )
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


async def _call(
    function: Callable[..., Any],
    model: type[BaseModel],
    name: str,
    arguments: Mapping[str, Any],
) -> Answer | str:
    try:
        checked = model.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ToolError(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}.") from None
    given = {field: getattr(checked, field) for field in model.model_fields}
    if inspect.iscoroutinefunction(function):
        return _answer(await function(**given))
    return await _in_thread(partial(function, **given), name)


async def _in_thread(work: Callable[[], Any], name: str) -> Answer | str:
    late = LATE.get(None)
    token = trio.lowlevel.current_trio_token()
    waiting = True

    def run() -> Answer | str:
        result = _answer(work())
        if not waiting and late is not None:
            text = result.text if isinstance(result, Answer) else result
            try:
                token.run_sync_soon(late, name, text)
            except trio.RunFinishedError:
                log.info("a tool ended after Harry", tool=name)
        return result

    try:
        return await trio.to_thread.run_sync(run, abandon_on_cancel=True, limiter=_limiter())
    finally:
        waiting = False


_LIMITER: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("harry.tools.functions")


def _limiter() -> trio.CapacityLimiter:
    try:
        return _LIMITER.get()
    except LookupError:
        limiter = trio.CapacityLimiter(MAX_THREADS)
        _LIMITER.set(limiter)
        return limiter


def _answer(result: Any) -> Answer | str:
    return result if isinstance(result, Answer | str) else "" if result is None else str(result)


def load_plugin_tools() -> list[Offer]:
    """Load the functions that entry points name. One that cannot be loaded, or is no tool, is logged and left out."""
    found: list[Offer] = []
    for point in entry_points(group=GROUP):
        try:
            found.append(load_tool(point))
        except EngineUnavailable as error:
            log.warning("a tool cannot be loaded", tool=point.name, cause=str(error))
    return found


def load_tool(point: EntryPoint) -> Offer:
    """Make the offer of what an entry point names. Raises `EngineUnavailable` for whatever goes wrong."""
    with blamed(f"The tool {point.name!r}", point):
        return make_offer(point.load())
