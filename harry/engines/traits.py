"""Reads the traits of engines: as they declare them, or from the attributes that were read before there were traits."""

from __future__ import annotations

from dataclasses import fields

from actors.protocols import EngineTraits


def read_traits(given: object) -> EngineTraits:
    """Return the traits of an engine, or of an engine's class, which is known before the engine is loaded.

    An engine without `traits` is asked for the attributes `small`, `toolless`, `embedded`, `light` and `local`.
    """
    # Read once: a chain of minds works its traits out anew each time.
    declared: object = getattr(given, "traits", None)
    if isinstance(declared, EngineTraits):
        return declared
    return EngineTraits(**{trait.name: getattr(given, trait.name, False) is True for trait in fields(EngineTraits)})
