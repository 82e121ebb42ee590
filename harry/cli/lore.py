"""`harry lore`: what Harry knows by keyword. Add, list, import, export, switch, delete, and see why something fires.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from harry.cli.groups import group
from harry.cli.options import AsJson, Call, Sets

if TYPE_CHECKING:
    from harry.memory.lore.model import Book, Entry, Scope, Verdict
    from harry.memory.lore.store import LoreStore

T = TypeVar("T")

app = typer.Typer(cls=group("list"), help="List or change the facts that come to mind when a word comes up.")

OWN_BOOK = "notes"
"""The book of entries that were added one by one."""

LORE_BUDGET = 500
"""Tokens of a prompt for entries that are not constant."""

MOST_TOLD = 100
"""Entries of an import that are told one by one: those that are left out, and those that never fire."""

_SHOWN = 20  # entries without a key in the sentence that are named one by one

Namespace = Annotated[str | None, typer.Option("--namespace", metavar="NAME", help="Whose books; else Harry's own.")]
Persona = Annotated[str | None, typer.Option("--persona", metavar="NAME", help="Whose lore; else the configured one.")]
Numbers = Annotated[list[int], typer.Argument(metavar="NUMBER", help="Entries, as `harry lore list` numbers them.")]
BookName = Annotated[str | None, typer.Option("--book", metavar="NAME", help="A book by its name.")]


def _ask(
    ctx: typer.Context,
    sets: list[str] | None,
    namespace: str | None,
    persona: str | None,
    work: Callable[[LoreStore, Scope], Awaitable[T]],
    *,
    looking: bool = False,
) -> T | None:
    """Do `work` with the store; None if it only looks, and there is no store yet."""
    import trio

    from harry.errors import ConfigurationError
    from harry.memory.lore.model import Scope
    from harry.memory.lore.store import LoreStore
    from harry.memory.store.data_folder import prepare_folder
    from harry.memory.store.database import Database
    from harry.memory.store.opening import NAMESPACE, STORE_FILE

    call: Call = ctx.obj
    config = call.configuration(sets)
    if config.memory.store == "memory":
        raise ConfigurationError('memory.store is "memory": nothing is kept.', remedy='Set memory.store = "sqlite".')
    path = config.memory_folder / STORE_FILE
    if looking and not path.exists():
        # Looking must not make anything.
        return None
    prepare_folder(config.memory_folder)
    scope = Scope(namespace or NAMESPACE, persona or config.persona.name)

    async def ask() -> T:
        database = await Database.open(path)
        try:
            return await work(LoreStore(database), scope)
        finally:
            await database.aclose()

    return trio.run(ask)


async def _load(store: LoreStore, scope: Scope) -> list[Book]:
    _, books = await store.load(scope)
    return books


@app.command(short_help="Add an entry.")
def add(  # noqa: PLR0917  (Typer passes them by name)
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What joins the prompt.")],
    keys: Annotated[list[str] | None, typer.Option("--key", metavar="KEY", help="A word; may be repeated.")] = None,
    secondary: Annotated[
        list[str] | None, typer.Option("--secondary", metavar="KEY", help="One of these must be there too.")
    ] = None,
    constant: Annotated[bool, typer.Option("--constant", help="Join every prompt.")] = False,
    regex: Annotated[bool, typer.Option("--regex", help="The keys are regular expressions.")] = False,
    case_sensitive: Annotated[bool, typer.Option("--case-sensitive", help="Tell capitals from small letters.")] = False,
    order: Annotated[float, typer.Option(help="The place in the prompt; lower is earlier.")] = 100,
    priority: Annotated[float | None, typer.Option(help="What stays when there is too much; higher stays.")] = None,
    book: Annotated[str, typer.Option("--book", metavar="NAME", help="The book it goes to.")] = OWN_BOOK,
    namespace: Namespace = None,
    persona: Persona = None,
    sets: Sets = None,
) -> None:
    """Add an entry; its number is printed."""
    from harry.memory.lore.model import Entry

    if not text.strip():
        raise typer.BadParameter("there is nothing to add", param_hint="TEXT")
    if not constant and not any(key.strip() for key in keys or []):
        raise typer.BadParameter("say at least one --key, or --constant", param_hint="--key")
    entry = Entry(
        keys=tuple(keys or ()),
        content=text,
        secondary_keys=tuple(secondary or ()),
        selective=bool(secondary),
        constant=constant,
        use_regex=regex,
        case_sensitive=case_sensitive or None,
        insertion_order=_finite(order),
        priority=None if priority is None else _finite(priority),
    )
    print(_ask(ctx, sets, namespace, persona, lambda store, scope: store.add(scope, entry, book=book)))


def _finite(number: float) -> float:
    if not abs(number) <= 1e12:
        raise typer.BadParameter(f"{number} is no place in an order")
    return int(number) if number.is_integer() else number


@app.command("list", short_help="List all entries (the default).")
def list_entries(  # noqa: PLR0917  (as above)
    ctx: typer.Context,
    book: BookName = None,
    as_json: AsJson = False,
    namespace: Namespace = None,
    persona: Persona = None,
    sets: Sets = None,
) -> None:
    """Print all entries with their numbers, book by book."""
    books = _ask(ctx, sets, namespace, persona, _load, looking=True) or []
    wanted = [known for known in books if book is None or known.name == book]
    if not any(name.entries for name in wanted) and not as_json:
        print('Nothing is known by keyword yet. `harry lore add "TEXT" --key WORD` adds an entry.')
        return
    for name in wanted:
        if not as_json:
            print(_plain(f"{name.name} ({len(name.entries)})"))
        for entry in name.entries:
            print(json.dumps(_shown(name, entry), ensure_ascii=False) if as_json else _line(entry))


def _shown(book: Book, entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        "book": book.name,
        "title": entry.title,
        "enabled": entry.enabled,
        "constant": entry.constant,
        "keys": list(entry.keys),
        "secondary_keys": list(entry.secondary_keys),
        "use_regex": entry.use_regex,
        "insertion_order": entry.insertion_order,
        "priority": entry.priority,
        "content": entry.content,
    }


def _line(entry: Entry) -> str:
    marks = [mark for mark, holds in (("constant", entry.constant), ("disabled", not entry.enabled)) if holds]
    keys = ", ".join(entry.keys)
    text = entry.content if len(entry.content) <= 60 else f"{entry.content[:57]}..."
    return _plain(f"{entry.number:>6}  [{keys[:50]}] {text}") + (f"  ({', '.join(marks)})" if marks else "")


def _plain(text: str) -> str:
    # An entry may hold anything; what would steer the terminal is left out.
    return "".join(character if character.isprintable() else " " for character in text)


@app.command("import", short_help="Read a lorebook from a file.")
def import_book(  # noqa: PLR0917  (as above)
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A lorebook, card (JSON or PNG), world or .lorebook.")],
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Call the book this.")] = None,
    in_place: Annotated[bool, typer.Option("--replace", help="Put it in the place of the book of that name.")] = False,
    namespace: Namespace = None,
    persona: Persona = None,
    sets: Sets = None,
) -> None:
    """Read a lorebook: V3, the book in a V2 or V3 card, or one of SillyTavern, NovelAI, Agnai or Risu."""
    from dataclasses import replace

    from harry.memory.lore.importing import explain_silent, read_book

    found = read_book(file)
    book = replace(found.book, name=name) if name and name.strip() else found.book
    gone = _ask(ctx, sets, namespace, persona, lambda store, scope: store.add_book(scope, book, replace=in_place))
    disabled = sum(not entry.enabled for entry in book.entries)
    constant = sum(entry.constant for entry in book.entries)
    print(
        _plain(f"{book.name}: {len(book.entries)} entries from {found.kind}, {constant} constant, {disabled} disabled.")
    )
    if gone:
        print(f"They took the place of {gone} entries.")
    for note in found.notes:
        print(note)
    silent = explain_silent(book)
    lines = [f"  left out    {left.place} {left.title}{left.field}: {left.why}" for left in found.left_out]
    lines += [f"  never fires {verdict.entry.title[:50]}: {verdict.why}" for verdict in silent]
    for line in lines[:MOST_TOLD]:
        print(_plain(line))
    if len(lines) > MOST_TOLD:
        print(f"  ... and {len(lines) - MOST_TOLD} more; `harry lore test` says of each why.")
    if lines:
        print(f"{len(book.entries) - len(silent)} of {len(book.entries)} entries can fire.")


@app.command(short_help="Write a book as V3 JSON.")
def export(  # noqa: PLR0917  (as above)
    ctx: typer.Context,
    book: Annotated[str | None, typer.Argument(metavar="BOOK", help="Its name; not needed for an only one.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead.")] = None,
    namespace: Namespace = None,
    persona: Persona = None,
    sets: Sets = None,
) -> None:
    """Write a book as a stand-alone V3 lorebook, to standard output or a file."""
    from harry.errors import ConfigurationError
    from harry.memory.lore.importing import serialize_book

    books = _ask(ctx, sets, namespace, persona, _load, looking=True) or []
    wanted = [known for known in books if book is None or known.name == book]
    if len(wanted) != 1:
        names = ", ".join(repr(known.name) for known in books[:10]) or "none"
        what = f"There is no book {book!r}." if book is not None else f"There are {len(books)} books."
        raise ConfigurationError(_plain(what), remedy=_plain(f"Name one of: {names}."))
    written = serialize_book(wanted[0])
    if out is None:
        print(written, end="")
        return
    try:
        out.write_text(written, "utf-8")
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error.strerror}.", remedy="Name another file.") from error


@app.command(short_help="Let entries fire again.")
def enable(
    ctx: typer.Context, numbers: Numbers, namespace: Namespace = None, persona: Persona = None, sets: Sets = None
) -> None:
    """Let entries fire again."""
    _ask(ctx, sets, namespace, persona, lambda store, scope: store.enable(scope, numbers, enabled=True))


@app.command(short_help="Keep entries from firing.")
def disable(
    ctx: typer.Context, numbers: Numbers, namespace: Namespace = None, persona: Persona = None, sets: Sets = None
) -> None:
    """Keep entries from firing; they stay in the book."""
    _ask(ctx, sets, namespace, persona, lambda store, scope: store.enable(scope, numbers, enabled=False))


@app.command(short_help="Delete entries, or a book.")
def delete(  # noqa: PLR0917  (as above)
    ctx: typer.Context,
    numbers: Annotated[list[int] | None, typer.Argument(metavar="NUMBER", help="Entries by their number.")] = None,
    book: BookName = None,
    namespace: Namespace = None,
    persona: Persona = None,
    sets: Sets = None,
) -> None:
    """Delete entries by their numbers, or a whole book by its name."""
    if bool(numbers) == (book is not None):
        raise typer.BadParameter("name either entries or a --book", param_hint="NUMBER")
    if book is not None:
        gone = _ask(ctx, sets, namespace, persona, lambda store, scope: store.delete_book(scope, book))
        print(_deleted(gone or 0))
        return
    chosen = numbers or []
    _ask(ctx, sets, namespace, persona, lambda store, scope: store.delete(scope, chosen))
    print(_deleted(len(set(chosen))))


def _deleted(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'} deleted."


@app.command("test", short_help="See which entries fire on a sentence, and why.")
def explain(  # noqa: PLR0917  (as above)
    ctx: typer.Context,
    sentences: Annotated[list[str], typer.Argument(metavar="SENTENCE", help="What is said; the newest last.")],
    budget: Annotated[int, typer.Option(min=0, max=1_000_000, help="Tokens there is room for.")] = LORE_BUDGET,
    show_all: Annotated[bool, typer.Option("--all", help="Name also every entry without a key in it.")] = False,
    as_json: AsJson = False,
    namespace: Namespace = None,
    persona: Persona = None,
    sets: Sets = None,
) -> None:
    """Say which entries fire on a sentence, which do not, and why."""
    from harry.memory.lore.service import KnowledgeBase

    async def judge(store: LoreStore, scope: Scope) -> list[Verdict]:
        # An argument may hold bytes that are no text.
        said = [sentence.encode("utf-8", "replace").decode() for sentence in sentences]
        return await KnowledgeBase(store, scope).explain(said, budget)

    verdicts = _ask(ctx, sets, namespace, persona, judge, looking=True) or []
    if as_json:
        for verdict in verdicts:
            print(json.dumps(_explained(verdict), ensure_ascii=False))
        return
    fired = [verdict for verdict in verdicts if verdict.fires]
    print(f"{len(fired)} of {len(verdicts)} entries fire.")
    for verdict in fired:
        print(_plain(f"  fires     {verdict.entry.number:>6}  {verdict.entry.title[:50]}: {verdict.why}"))
    quiet = [verdict for verdict in verdicts if not verdict.fires]
    plain = [verdict for verdict in quiet if verdict.reason == "no key"]
    summed_up = len(plain) > _SHOWN and not show_all
    for verdict in quiet:
        if not (summed_up and verdict.reason == "no key"):
            print(_plain(f"  does not  {verdict.entry.number:>6}  {verdict.entry.title[:50]}: {verdict.why}"))
    if summed_up:
        print(f"  {len(plain)} more have no key in it (--all names them).")


def _explained(verdict: Verdict) -> dict[str, object]:
    return {
        "number": verdict.entry.number,
        "book": verdict.book,
        "title": verdict.entry.title,
        "fires": verdict.fires,
        "reason": verdict.reason.value,
        "why": verdict.why,
        "tokens": verdict.tokens,
    }
