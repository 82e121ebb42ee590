"""The personas of a data folder: imported from character cards, listed, shown, chosen, and written as cards again.

An import is one folder, made beside its place and renamed at the end, so there is all of it or nothing. The card lies
in it as it came; what enters a prompt is read from it each time.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tomlkit
import trio

from harry.config.card_persona import count_unused
from harry.config.cards import Card, parse_card, read_card
from harry.config.editing import change_file
from harry.config.loading import MEMORIES, PERSONAS, Config, usual_file
from harry.config.persona import OWN, SHARED, Persona, load_persona
from harry.errors import ConfigurationError, StoreError
from harry.files.atomic import write_file
from harry.files.fsync import sync_folder
from harry.files.png_text import CutOffError, replace_texts
from harry.memory.lore.importing import ImportedBook, read_book
from harry.memory.lore.model import Scope
from harry.memory.lore.store import LoreStore
from harry.memory.store.data_folder import prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.opening import NAMESPACE, STORE_FILE

MAX_NAME_CHARACTERS = 64
"""Characters of a name by which somebody is called."""

CARD, PICTURE, SETTINGS = "card.json", "card.png", "persona.toml"


@dataclass(frozen=True, slots=True)
class KnownPersona:
    """A persona that can be used. `folder` is None for Harry himself; `used`: the configuration names it."""

    name: str
    folder: Path | None
    used: bool
    memory: str = SHARED
    card: str = ""


@dataclass(frozen=True, slots=True)
class ImportedPersona:
    """What became of a card: where the persona is, what it remembers with, its book, and sentences about it."""

    name: str
    folder: Path
    card: str
    memory: str
    entries: int = 0
    notes: tuple[str, ...] = ()


async def import_card(config: Config, path: Path, *, name: str | None = None, share: bool = False) -> ImportedPersona:
    """Make a persona of a card. `share`: it remembers with Harry, and not by itself.

    Raises `ConfigurationError`, `StoreError`; then there is nothing of it.
    """
    card = await trio.to_thread.run_sync(read_card, path)
    called = _checked_name(name if name is not None else card.called, given=name is not None)
    slug = make_slug(called)
    place = config.data_folder / PERSONAS / slug
    there = await trio.to_thread.run_sync(list_personas, config)
    taken = next((known for known in there if known.name.casefold() == called.casefold()), None)
    if taken is not None or place.exists():
        raise ConfigurationError(f"There is a persona {called!r} already.", remedy="Call this one by --name NAME.")
    prepare_folder(config.data_folder)
    prepare_folder(place.parent)
    fresh = place.with_name(f".{slug}.{secrets.token_hex(6)}.new")
    memory = config.data_folder / MEMORIES / slug
    gone_if_it_fails = [fresh]
    notes = [*card.notes]
    if (unused := await trio.to_thread.run_sync(count_unused, card)) > 0:
        notes.append(f"A prompt has no room for {unused} of its characters; they are kept, and not used.")
    try:
        await trio.to_thread.run_sync(_write, fresh, card, called, SHARED if share else OWN)
        keeps_book = card.has_book and config.memory.store != "memory"
        book = await trio.to_thread.run_sync(_book, fresh / CARD, notes) if keeps_book else None
        if book is not None:
            gone_if_it_fails += [] if share or memory.exists() else [memory]
            await _keep_book(config, slug, called, book, share=share)
        await trio.to_thread.run_sync(_take_place, fresh, place)
        gone_if_it_fails.clear()
    finally:
        await trio.to_thread.run_sync(_remove, gone_if_it_fails)
    entries = len(book.book.entries) if book is not None else 0
    return ImportedPersona(called, place, describe_card(card), SHARED if share else OWN, entries, tuple(notes))


def list_personas(config: Config) -> list[KnownPersona]:
    """List Harry himself, the personas of the data folder, and the configured one if it lies elsewhere. Blocking.

    A folder that cannot be read is left out, unless it is the configured one: that one Harry would not start with.
    """
    used = Path(config.persona.folder).expanduser().absolute() if config.persona.folder else None
    found = [KnownPersona(load_persona().name, None, used is None)]
    folders = sorted(
        folder for folder in (config.data_folder / PERSONAS).glob("*")
        if folder.is_dir() and not folder.name.startswith(".")
    )  # fmt: skip
    if used is not None and used not in folders:
        folders.append(used)
    for folder in folders:
        try:
            persona = load_persona(folder)
        except ConfigurationError:
            if folder == used:
                raise
            continue
        found.append(KnownPersona(persona.name, folder, folder == used, persona.memory, _kind_of(folder)))
    return found


def find_persona(config: Config, name: str | None) -> tuple[KnownPersona, Persona]:
    """Find a persona by its name or its folder's; None is the one that is used. Raises `ConfigurationError`."""
    personas = list_personas(config)
    if name is None:
        known = next(known for known in personas if known.used)
    else:
        wanted = name.strip().casefold()
        matching = [
            known for known in personas
            if wanted in (known.name.casefold(), known.folder.name.casefold() if known.folder else "")
        ]  # fmt: skip
        if not matching:
            names = ", ".join(known.name for known in personas)
            raise ConfigurationError(f"There is no persona {name!r}.", remedy=f"There are: {names}.")
        known = matching[0]
    return known, load_persona(known.folder)


def use(config: Config, name: str) -> tuple[KnownPersona, Path, str]:
    """Write into the configuration who answers from the next start on; blocking.

    Returns the persona, the file, and the name that was taken out of it, "" for none. Raises `ConfigurationError`.
    """
    known, _ = find_persona(config, name)
    file = config.file or usual_file()
    changes = {"persona.folder": str(known.folder) if known.folder else None, "persona.name": None}
    before = config.persona.name if "name" in config.persona.model_fields_set else ""
    read = change_file(file, changes)
    if read.persona.name != known.name or read.persona.folder != (changes["persona.folder"] or ""):
        raise ConfigurationError(
            f"{file} now names {known.name}, but a HARRY_PERSONA__ variable wins over it.", remedy="Unset it."
        )
    return known, file, "" if before == known.name else before


def export_card(config: Config, name: str | None, *, as_picture: bool = False) -> bytes:
    """Return a persona's card: the JSON as it was imported, or the picture it came in; blocking.

    Of a persona that came from no card a V3 card is made of its texts. Raises `ConfigurationError`.
    """
    known, persona = find_persona(config, name)
    source = _read(known.folder / CARD) if known.folder is not None and (known.folder / CARD).is_file() else None
    if source is None:
        source = _made_of(persona)
    if not as_picture:
        return source
    picture = _read(known.folder / PICTURE) if known.folder is not None and (known.folder / PICTURE).is_file() else None
    if picture is None:
        raise ConfigurationError(f"{known.name} has no picture.", remedy="Name a file that ends with .json.")
    version = parse_card(source, str(known.name)).version
    text = base64.b64encode(source)
    try:
        return replace_texts(picture, {b"ccv3" if version == 3 else b"chara": text})
    except CutOffError as error:
        raise ConfigurationError(f"The picture of {known.name} is damaged: {error}.") from error


def make_slug(name: str) -> str:
    """Make the name of a folder: letters and digits of ASCII, so that no name leads anywhere else."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48]
    return slug or f"persona-{name.encode('utf-8', 'replace').hex()[:24]}"


def describe_card(card: Card) -> str:
    """Say what a card is, such as "a V2 card in a PNG"."""
    carrier = {"PNG": "in a PNG", "charx": "in a .charx", "JSON": "as JSON"}[card.carrier]
    return f"a V{card.version} card {carrier}"


def _checked_name(name: str, *, given: bool) -> str:
    called = " ".join(name.split())
    remedy = "Say another --name." if given else "Name it by --name NAME."
    if not called or len(called) > MAX_NAME_CHARACTERS or not called.isprintable():
        what = f"{called[:40]!r} cannot be a name" if called else "The card has no name"
        raise ConfigurationError(f"{what}: a name has 1 to {MAX_NAME_CHARACTERS} characters.", remedy=remedy)
    if called.casefold() == load_persona().name.casefold():
        raise ConfigurationError(f"{called} is the name of Harry himself.", remedy=remedy)
    return called


def _write(folder: Path, card: Card, name: str, memory: str) -> None:
    folder.mkdir(mode=0o700)
    settings = tomlkit.document()
    settings.add("name", tomlkit.item(name))
    settings.add("card", tomlkit.item(CARD))
    settings.add(
        tomlkit.comment(f'"{OWN}": what is said with {{{{char}}}} is remembered apart; "{SHARED}": with Harry.')
    )
    settings.add("memory", tomlkit.item(memory))
    write_file(folder / CARD, card.source, mode=0o600)
    if card.picture is not None:
        write_file(folder / PICTURE, card.picture, mode=0o600)
    write_file(folder / SETTINGS, tomlkit.dumps(settings).encode(), mode=0o600)
    # Read once as it will be read: what would keep Harry from starting is met here.
    load_persona(folder)


def _book(path: Path, notes: list[str]) -> ImportedBook | None:
    """Read the card's book; one that cannot be read at all is told, and keeps the persona from nothing."""
    try:
        found = read_book(path)
    except ConfigurationError as error:
        notes.append(f"Its lorebook is left out: {error.message.replace(str(path), 'the book')}")
        return None
    notes += found.notes
    if found.left_out:
        notes.append(f"{len(found.left_out)} entries of its lorebook cannot be read, and are left out.")
    return found


async def _keep_book(config: Config, slug: str, name: str, found: ImportedBook, *, share: bool) -> None:
    folder = config.data_folder if share else config.data_folder / MEMORIES / slug
    prepare_folder(folder.parent)
    prepare_folder(folder)
    book = found.book if found.book.name.strip() and found.book.name != Path(CARD).stem else replace(
        found.book, name=name
    )  # fmt: skip
    database = await Database.open(folder / STORE_FILE)
    try:
        await LoreStore(database).add_book(Scope(NAMESPACE, name), book, replace=True)
    finally:
        await database.aclose()


def _remove(folders: Sequence[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _take_place(fresh: Path, place: Path) -> None:
    try:
        fresh.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise StoreError(f"{place} cannot be written: {error.strerror}.") from error


def _kind_of(folder: Path) -> str:
    try:
        content = _read(folder / CARD)
        card = parse_card(content, str(folder / CARD))
    except ConfigurationError:
        return ""
    return f"V{card.version}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error


def _made_of(persona: Persona) -> bytes:
    data = {
        "name": persona.name, "description": persona.about, "personality": "", "scenario": "",
        "first_mes": persona.greeting, "mes_example": "", "creator_notes": "", "system_prompt": "",
        "post_history_instructions": persona.reminder, "alternate_greetings": [], "tags": [], "creator": "",
        "character_version": "", "extensions": {}, "group_only_greetings": [],
    }  # fmt: skip
    card = {"spec": "chara_card_v3", "spec_version": "3.0", "data": data}
    return (json.dumps(card, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace")
