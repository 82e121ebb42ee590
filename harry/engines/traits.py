"""Reads the traits of engines: as they declare them, or from the attributes that were read before there were traits."""

from __future__ import annotations

from dataclasses import fields
from typing import Protocol, runtime_checkable

from actors.protocols import EngineTraits


@runtime_checkable
class _Declares(Protocol):
    @property
    def traits(self) -> object: ...


def read_traits(given: object) -> EngineTraits:
    """Return the traits of an engine, or of an engine's class, which is known before the engine is loaded.

    An engine without `traits` is asked for the attributes `small`, `toolless`, `embedded`, `light` and `local`.
    """
    if isinstance(given, _Declares) and isinstance(given.traits, EngineTraits):
        return given.traits
    return EngineTraits(**{trait.name: getattr(given, trait.name, False) is True for trait in fields(EngineTraits)})
