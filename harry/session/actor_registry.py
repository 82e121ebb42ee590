"""Who plays which part: every actor is named by an entry point, Harry's own and those of plug-ins, and can be replaced.

The group is `harry.actors`; an entry point's name is ROLE.NAME, and `[actors]` of the configuration chooses the NAME.
The session's actors are classes, a turn's stages are functions; each is called just as Harry's own of that role.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from actors.listener import Listener
from actors.recorder import Recorder
from actors.responder import respond
from actors.retriever import retrieve
from actors.soc_writer import SocWriter
from actors.speaker import speak
from actors.thinker import Thinker
from actors.transcriber import Transcriber
from harry.engines.freshness import note_loaded, refuse_if_changed
from harry.engines.packages import blamed, broken, is_built_in
from harry.engines.registry import suggest_name
from harry.errors import ConfigurationError, EngineUnavailable

GROUP = "harry.actors"


@dataclass(frozen=True, slots=True)
class ActorSet:
    """The actors of a session and the stages of its turns."""

    recorder: Any = Recorder
    listener: Any = Listener
    transcriber: Any = Transcriber
    retriever: Any = retrieve
    responder: Any = respond
    speaker: Any = speak
    soc_writer: Any = SocWriter
    thinker: Any = Thinker


def list_actors() -> dict[str, EntryPoint]:
    """Return the entry points of actors by ROLE.NAME. No plug-in takes the name of one of Harry's own."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=is_built_in)}


def load_actors(chosen: Mapping[str, str]) -> ActorSet:
    """Load the actors by role and name; every package's files are read for it, so this is for the start.

    Raises `ConfigurationError` for a name that no entry point has, `EngineUnavailable` for an actor that is broken.
    """
    points = list_actors()
    return ActorSet(
        **{role.name: _found(points, role.name, chosen.get(role.name, "harry")) for role in fields(ActorSet)}
    )


def _found(points: Mapping[str, EntryPoint], role: str, name: str) -> Any:
    known = {entry: point for entry, point in points.items() if entry.startswith(f"{role}.")}
    point = known.get(f"{role}.{name}")
    if point is None:
        names = [entry.removeprefix(f"{role}.") for entry in known]
        raise ConfigurationError(f"actors.{role}: there is no {role} {name!r}.", remedy=suggest_name(name, names))
    return load_actor(role, point)


def load_newcomer(role: str, name: str) -> Any:
    """Load an actor in a process that runs for a while: also one of a package that was installed meanwhile.

    Raises `ConfigurationError` for a name that no entry point has, `EngineUnavailable` for an actor that is broken, or
    whose package was loaded already and is another one on disk by now.
    """
    importlib.invalidate_caches()
    points = list_actors()
    if point := points.get(f"{role}.{name}"):
        refuse_if_changed(point)
    try:
        return _found(points, role, name)
    except EngineUnavailable as error:
        raise EngineUnavailable(error.message, remedy="Choose another, or tell its author.") from error


def load_actor(role: str, point: EntryPoint) -> Any:
    """Import what an entry point names for a role. Raises `EngineUnavailable` for whatever goes wrong."""
    name = point.name.removeprefix(f"{role}.")
    what = f"The {role} {name!r}"
    try:
        with blamed(what, point):
            found = point.load()
            note_loaded(point)
    except EngineUnavailable as error:
        raise EngineUnavailable(error.message, remedy=f"Correct or remove actors.{role}.") from error
    if not callable(found):
        reason = f"what it names cannot be called, it is a {type(found).__name__}"
        raise EngineUnavailable(broken(what, point, reason).message, remedy=f"Correct or remove actors.{role}.")
    return found
