"""`harry doctor`: looks at everything Harry needs and says, a line each, what is well and what to do where it is not.

It looks and does not touch: no model is loaded (unless it is asked to look deep), no device opened, no folder made.
A problem prevents a start, or keeps what is said from being kept; a warning is something Harry does without.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import trio

from harry.audio.choice import describe_devices
from harry.audio.pulse import home_left_alone
from harry.cli.engine_trial import DEADLINE, not_in_time, trouble_of
from harry.config.loading import Config
from harry.engines import registry
from harry.errors import ConfigurationError, HarryError, StoreError
from harry.host.engine_loading import Candidate, Chain
from harry.host.startup import chains
from harry.memory.store.connection import list_backups
from harry.memory.store.integrity import check_integrity, check_writable
from harry.memory.store.opening import STORE_FILE
from harry.mind.selection import BETTER_MINDS, LAST_RESORT
from harry.services.engine_list import TOOLS, list_installed, trouble_with

Severity: TypeAlias = Literal["ok", "warning", "problem"]

ENOUGH_DISK = 200_000_000
"""Bytes that should be free: conversations are small, but a full disk keeps nothing."""

FULL_DISK = 1_000_000
"""Bytes without which not even a conversation can be kept."""

_SENSES = {"speech to text": "ear", "language model": "mind", "text to speech": "voice"}
"""What Harry's documents call the roles of engines."""

_WORDS = ("default", "none", "pygame")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was found, and what to do about it."""

    subject: str
    state: Severity
    found: str
    remedy: str = ""


def examine(config: Config, *, deep: bool = False, audio: bool = False) -> list[Finding]:
    """Look at everything. `deep` loads every engine as well; `audio` has Harry speak and listen to himself."""
    with home_left_alone():
        return [
            *_machine(),
            *_settings(config),
            *_folder(config),
            *trio.run(_sound, config),
            *trio.run(_engines, config, deep),
            *trio.run(_plug_ins, config),
            *(trio.run(_echo, config) if audio else []),
        ]


async def _echo(config: Config) -> list[Finding]:
    from harry.cli.audio_check import listen_to_oneself  # noqa: PLC0415  only this looks at sound

    state, found, remedy = await listen_to_oneself(config)
    severity: Severity = "ok" if state == "ok" else "problem" if state == "problem" else "warning"
    return [Finding("echo", severity, found, remedy)]


def prevents_start(findings: list[Finding]) -> bool:
    """Say whether anything found keeps Harry from starting."""
    return any(finding.state == "problem" for finding in findings)


def as_text(findings: list[Finding]) -> str:
    """Write the findings for a person, a line each."""
    marks = {"ok": "  ok     ", "warning": "! warning", "problem": "✗ problem"}
    subjects = [_subject(finding) for finding in findings]
    width = max(map(len, subjects), default=0)
    return "\n".join(
        f"{marks[finding.state]}  {subject:<{width}}  {finding.found} {finding.remedy}".rstrip()
        for subject, finding in zip(subjects, findings, strict=True)
    )


def _subject(finding: Finding) -> str:
    sense = _SENSES.get(finding.subject)
    return f"{sense} ({finding.subject})" if sense else finding.subject


def as_json(findings: list[Finding]) -> str:
    """Write the findings for a program: one object, `well` false where something prevents a start."""
    return json.dumps(
        {"well": not prevents_start(findings), "findings": [asdict(finding) for finding in findings]},
        ensure_ascii=False,
    )


# The machine


def _machine(version: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    found = platform.python_version()
    if (3, 11) <= version <= (3, 13):
        yield Finding("python", "ok", f"{found}.")
    else:
        yield Finding("python", "problem", f"{found} is not supported.", "Use Python 3.11, 3.12 or 3.13.")
    yield processor(platform.machine(), _processor_flags(), os.cpu_count() or 1)


def processor(machine: str, flags: set[str] | None, cores: int) -> Finding:
    """Judge a processor by its instructions; `flags` is None where the system does not tell them."""
    found = f"{machine}, {cores} cores"
    if machine == "x86_64" and flags is not None and "avx2" not in flags:
        return Finding(
            "processor",
            "warning",
            f"{found}, without AVX2: the embedded mind cannot run.",
            "Give Harry a key or a server to think with.",
        )
    return Finding("processor", "ok", f"{found}{', AVX2' if flags and 'avx2' in flags else ''}.")


def _processor_flags() -> set[str] | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), None)


# What is kept, and where


def _settings(config: Config) -> Iterator[Finding]:
    if config.file is None:
        yield Finding("configuration", "ok", "No file: Harry's own defaults, the variables and --set.")
        return
    with_secrets = config.model_dump(mode="json", include={"engine", "home_assistant", "webhooks"})
    secrets = "**********" in json.dumps(with_secrets)
    if secrets and config.file.stat().st_mode & 0o077:
        yield Finding(
            "configuration",
            "warning",
            f"{config.file} holds a secret and can be read by others.",
            f"chmod 600 {config.file}",
        )
    else:
        yield Finding("configuration", "ok", f"{config.file}.")


def _folder(config: Config) -> Iterator[Finding]:
    folder = config.data_folder
    if config.memory.store == "memory":
        yield Finding("data folder", "ok", 'Nothing is kept: memory.store is "memory".')
        return
    there = next(path for path in (folder, *folder.parents) if path.exists())
    way_on = "Until then nothing is kept. Make it writable, or set HARRY_HOME to another folder."
    if not there.is_dir():
        yield Finding("data folder", "problem", f"{folder} cannot be made: {there} is a file.", way_on)
        return
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding("data folder", "problem", f"{folder} cannot be written.", way_on)
    elif there == folder and folder.stat().st_mode & 0o077:
        yield Finding(
            "data folder", "warning", f"{folder} can be read by others.", "Harry makes it private when he starts."
        )
    else:
        kept = (
            "holds a conversation"
            if (config.memory_folder / STORE_FILE).exists()
            else "is empty"
            if there == folder
            else "is new"
        )
        yield Finding("data folder", "ok", f"{folder} {kept}.")
    free = shutil.disk_usage(there).free
    if free < FULL_DISK:
        yield Finding("disk", "problem", "It is full: nothing more can be kept.", "Make room.")
    elif free < ENOUGH_DISK:
        yield Finding("disk", "warning", f"{free / 1e6:.0f} MB are free.", "Make room, or nothing more can be kept.")
    else:
        yield Finding("disk", "ok", f"{free / 1e9:.1f} GB are free.")
    yield from _store(config.memory_folder)


def _store(folder: Path) -> Iterator[Finding]:
    """Look through what is kept, and whether more could be."""
    path = folder / STORE_FILE
    if not os.access(folder, os.X_OK) or not path.exists():
        return
    try:
        check_integrity(path)
        check_writable(path)
    except StoreError as error:
        yield Finding("store", "problem", error.message, error.remedy)
        return
    backups = list_backups(folder)
    kept = f" The newest backup is {backups[-1]}." if backups else ""
    yield Finding("store", "ok", f"Whole.{kept}")


# Sound


async def _sound(config: Config) -> list[Finding]:
    report = await describe_devices()
    findings = [Finding("sound", "warning", problem) for problem in report.problems]
    if not findings:
        findings = [Finding("sound", "ok", "PortAudio and pygame answer.")]
    for kind, wanted in (("microphone", config.audio.microphone), ("loudspeaker", config.audio.loudspeaker)):
        names = [listed.name for listed in report.devices if listed.kind == kind]
        findings.append(device(kind, wanted, list(dict.fromkeys(names))))
    return findings


def device(kind: str, wanted: str | list[str], names: list[str]) -> Finding:
    """Judge what the configuration wants against the `names` of the devices there are."""
    asked = wanted if isinstance(wanted, str) else ", ".join(wanted)
    there = f"There are: {'; '.join(names)}." if names else "None was found."
    if isinstance(wanted, str) and wanted not in _WORDS and not wanted.isdigit():
        if wanted.startswith("wav:"):
            path = Path(wanted.removeprefix("wav:"))
            if kind == "microphone" and not path.is_file():
                return Finding(kind, "problem", f"There is no file {path}.", "Name a WAV file that exists.")
            return Finding(kind, "ok", f"{asked}.")
        if not any(wanted.casefold() in name.casefold() for name in names):
            remedy = registry.suggest_name(wanted, names) if names else "Connect it, or leave it to Harry: default."
            return Finding(kind, "problem", f"There is no {kind} {wanted!r}.", remedy)
    if wanted == "none" or names:
        return Finding(kind, "ok", f"{asked}. {'' if wanted == 'none' else there}".strip())
    without = "Harry reads what you type." if kind == "microphone" else "Harry writes his answers."
    return Finding(kind, "warning", f"{there} {without}", "Connect one, then start Harry again.")


# Engines


async def _engines(config: Config, deep: bool) -> list[Finding]:
    found: dict[int, list[Finding]] = {}

    async def judge(number: int, chain: Chain) -> None:
        found[number] = await _chain(chain, partial(_load, config.local_only, deadline) if deep else _look)

    deadline = trio.current_time() + DEADLINE
    async with trio.open_nursery() as nursery:
        for number, chain in enumerate(await chains(config)):
            nursery.start_soon(judge, number, chain)
    return [finding for _, findings in sorted(found.items()) for finding in findings]


Attempt: TypeAlias = Callable[[str, str, Mapping[str, Any]], Awaitable[HarryError | str | None]]
"""Tries an engine by its role, name and table, and tells what prevents it, or what it found."""


async def _chain(chain: Chain, attempt: Attempt) -> list[Finding]:
    """Find out which engine of a chain would serve, and why not those before it."""
    role = chain.role.replace("_", " ")
    findings: list[Finding] = []
    chosen = False
    for candidate in chain.candidates:
        if candidate.later is not None:
            continue  # It is not there yet, and nobody said that it should be.
        found = await attempt(chain.role, candidate.name, candidate.table)
        trouble = found if isinstance(found, HarryError) else None
        told = f" {found}." if isinstance(found, str) and found else ""
        if trouble is not None:
            wrong = f"{candidate.name}: {trouble.message}"
            by = registry.credit_of(chain.role, candidate.name, candidate.table)
            prevents = isinstance(trouble, ConfigurationError) or chain.named
            whose = "" if by in wrong else by.strip()
            findings.append(
                Finding(role, "problem" if prevents else "warning", f"{wrong} {whose}".strip(), trouble.remedy)
            )
        elif chosen and candidate.name == LAST_RESORT:
            continue  # Nothing is no fallback that anybody has to be told of.
        elif chosen:
            name = "no language model" if candidate.name == LAST_RESORT else candidate.name
            findings.append(Finding(role, "ok", f"{name} is the fallback.{told}"))
        else:
            chosen = True
            nothing = candidate.name == LAST_RESORT
            findings.append(Finding(role, "ok", _used(candidate) + told, BETTER_MINDS if nothing else ""))
    if not chosen and not any(finding.state == "problem" for finding in findings):
        needed = chain.role == "language_model"
        findings.append(Finding(role, "problem" if needed else "warning", "There is none that can be used."))
    return findings


def _used(candidate: Candidate) -> str:
    """Say which engine will be used, and why just this one."""
    if candidate.name == LAST_RESORT:
        return "No language model: what needs none is answered."
    why = f": {candidate.why}" if candidate.why else ""
    return f"{candidate.name} will be used{why}."


async def _load(local_only: bool, deadline: float, role: str, name: str, table: Mapping[str, Any]) -> HarryError | None:
    """Load the engine, in a process of its own, until `deadline` in trio's time."""
    with trio.move_on_at(deadline):
        return await trouble_of(role, name, table, local_only=local_only)
    return not_in_time()


async def _look(role: str, name: str, table: Mapping[str, Any]) -> HarryError | str:
    """Find out whether the engine could be loaded, without loading it."""
    found: list[str] = []
    trouble = await trouble_with(lambda: found.append(registry.look(role, name, table)))
    return found[0] if trouble is None else trouble


# Plug-ins


async def _plug_ins(config: Config) -> list[Finding]:
    """Name every plug-in that is broken, with its package; an engine that is chosen is judged with its chain."""
    findings: list[Finding] = []
    for entry in await list_installed(config):
        judged = entry.role in registry.ROLES and entry.use != "free"
        if entry.trouble and not entry.built_in and not judged:
            # An actor that is chosen and cannot be loaded keeps Harry from starting; a tool is left out.
            state: Severity = "problem" if entry.use == "chosen" and entry.role != TOOLS else "warning"
            role = entry.role.replace("_", " ")
            findings.append(Finding(f"plug-in {entry.name}", state, f"{role}: {entry.trouble}", entry.remedy))
    return findings
