"""Who plays which part: every actor is named by an entry point, Harry's own and those of plug-ins, and can be replaced.

The group is `harry.actors`; an entry point's name is ROLE.NAME, and `[actors]` of the configuration chooses the NAME.
The session's actors are classes, a turn's stages are functions; each is called just as Harry's own of that role.
"""

from __future__ import annotations

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


def load_actors(chosen: Mapping[str, str]) -> ActorSet:
    """Load the actors by role and name; every package's files are read for it, so this is for the start.

    Raises `ConfigurationError` for a name that no entry point has.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    return ActorSet(
        **{role.name: _found(points, role.name, chosen.get(role.name, "harry")) for role in fields(ActorSet)}
    )


def _found(points: Mapping[str, EntryPoint], role: str, name: str) -> Any:
    known = {entry: point for entry, point in points.items() if entry.startswith(f"{role}.")}
    point = known.get(f"{role}.{name}")
    if point is None:
        names = [entry.removeprefix(f"{role}.") for entry in known]
        raise ConfigurationError(f"actors.{role}: there is no {role} {name!r}.", remedy=suggest_name(name, names))
    try:
        return point.load()
    except ImportError as error:
        raise EngineUnavailable(
            f"The {role} {name!r} cannot be imported: {error}.", remedy=f"Correct or remove actors.{role}."
        ) from error
