"""Which minds are tried, in which order, when nobody was asked: pure, so that the order can be read and tested.

What the configuration names comes first and alone; else a key, a server on this computer, a file the user named, and
at last none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harry.config.mind_presets import PRESETS
from harry.mind.openai.discovery import LocalServer

BETTER_MINDS = (
    "There are three ways to a better mind: a key (set OPENROUTER_API_KEY or OPENAI_API_KEY), "
    "a server on this computer such as Ollama, or a GGUF model file: `harry models pull qwen3-1.7b` fetches one."
)
"""Said when the embedded model is all there is."""

SMALLEST = "smollm2"
"""The embedded model; it invents what it does not know, so that it must be switched on."""

LAST_RESORT = "none"
"""No model at all; see `harry.mind.absent`."""


class Choice(NamedTuple):
    """An engine to try: its name, its `[engine.NAME]` table, and why it is one."""

    name: str
    table: dict[str, Any]
    why: str


def list_choices(
    configured: Sequence[str] | None,
    environ: Mapping[str, str],
    local_servers: Mapping[str, LocalServer],
    gguf_path: Path | None,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    pulled: Path | None = None,
    smallest: bool = False,
) -> list[Choice]:
    """List the minds to try, the preferred first. `tables` are the configuration's, by engine name.

    `gguf_path` is a file that the user named, `pulled` one that was fetched by
    `harry models pull`. `smallest`: the embedded model may serve, too.
    """
    laid: dict[str, Mapping[str, Any]] = dict(tables or {})

    def choice(name: str, why: str, known: Mapping[str, Any] | None = None) -> Choice:
        preset = PRESETS.get(name, {})
        own = laid.get(name, {})
        if "kind" in own and own["kind"] != preset.get("kind"):
            preset = {}
        return Choice(name, {**preset, **(known or {}), **own}, why)

    def served(name: str) -> dict[str, Any] | None:
        server = local_servers.get(name)
        return None if server is None else {"base_url": server.base_url, "model": server.models[0]}

    if configured is not None:
        files = {"gguf": {"path": pulled}} if pulled is not None else {}
        return [choice(name, "the configuration names it", served(name) or files.get(name)) for name in configured]
    choices = [
        choice(name, f"{PRESETS[name]['api_key_env']} is set")
        for name in ("openrouter", "openai")
        if environ.get(PRESETS[name]["api_key_env"], "").strip()
    ]
    choices += [choice(name, "it answers on this computer", served(name)) for name in [*local_servers][:1]]
    if gguf_path is not None:
        choices.append(choice("gguf", "you named its file", {"path": gguf_path}))
    elif pulled is not None:
        choices.append(choice("gguf", "you pulled it", {"path": pulled}))
    if smallest:
        choices.append(choice(SMALLEST, "engines.smallest_mind switches it on"))
    return [*choices, choice(LAST_RESORT, "what needs no language model is answered without one")]
