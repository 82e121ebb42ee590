"""The command line: reads what was asked, calls the room that does it, and turns every end into an exit code.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harry.cli import (
    bench,
    control,
    engines,
    everything_kept,
    exit_codes,
    lore,
    memory,
    models,
    page,
    past,
    persona,
    privacy,
    prompt,
    reminders,
    service,
    soc,
    taking_out,
    token,
)
from harry.cli.groups import Group
from harry.cli.options import AsJson, Call, Sets, writer

if TYPE_CHECKING:
    from harry.config.loading import Config, RunOptions

app = typer.Typer(
    name="harry",
    cls=Group,
    help="Harry, a voice companion for your own computer. `harry run` starts him.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(soc.app, name="soc", rich_help_panel=None)
app.add_typer(lore.app, name="lore")
app.add_typer(persona.app, name="persona")
app.add_typer(past.app, name="import")
app.add_typer(prompt.app, name="prompt")
app.add_typer(memory.app, name="memory")
app.add_typer(everything_kept.app)
app.add_typer(taking_out.app)
app.add_typer(models.app, name="models")
app.add_typer(privacy.app)
app.add_typer(control.app)
app.add_typer(engines.app)
app.add_typer(service.app, name="service")
app.add_typer(page.app)
app.add_typer(token.app, name="token")
app.add_typer(reminders.app, name="reminders")
app.add_typer(bench.app, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"harry {version('harry-voice')}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Read this configuration file.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from, and log everything.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print Harry's version.")
    ] = False,
    sets: Sets = None,
) -> None:
    """Fill in what all commands share; what is set before a command is handed on to it."""
    call: Call = ctx.obj
    call.config_file, call.debug = config, debug


def _seconds(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 86_400:
        raise typer.BadParameter("takes seconds, from 0 to 86400")
    return value


@app.command(short_help="Start Harry: he listens, or reads what you type.")
def run(  # noqa: PLR0917  (Typer passes them by name)
    ctx: typer.Context,
    mic: Annotated[
        str | None, typer.Option(metavar="default|none|wav:PATH|NAME", help="The microphone to hear with.")
    ] = None,
    speaker: Annotated[
        str | None, typer.Option(metavar="default|none|pygame|wav:PATH|NAME", help="The loudspeaker to speak with.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write every event to this file, as JSON Lines.")
    ] = None,
    until_quiet: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", callback=_seconds, help="Stop once there was nothing left to say for this long."
        ),
    ] = None,
    sets: Sets = None,
) -> None:
    """Start Harry: he listens, answers aloud, and falls silent when you speak."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from functools import partial

    from harry.config.loading import RunOptions, load_config
    from harry.daemon import run as daemon

    options = RunOptions(mic, speaker, events, until_quiet, door=True, debug=call.debug)
    if _offers_setup(config, options):
        config = call.configuration(sets)
    named = call.config_file.absolute() if call.config_file is not None else None
    raise typer.Exit(daemon.run(config, options, partial(load_config, named, sets or [])))


def _offers_setup(config: Config, options: RunOptions) -> bool:
    """Offer a newcomer at a terminal the questions of `harry setup`; True if they were asked."""
    if options.until_quiet is not None or config.file is not None or config.data_folder.exists():
        return False
    from harry.cli import setup

    return setup.is_first_start(config, options) and setup.offer(config, options)


@app.command("setup", short_help="Choose microphone, loudspeaker, names, voice and language model.")
def set_up(ctx: typer.Context, sets: Sets = None) -> None:
    """Ask for the usual settings, try the sound, and save the answers. Enter skips a question."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from harry.cli import setup

    setup.run(config, call.config_file)


@app.command(short_help="Ask one thing, and print the reply.")
def ask(ctx: typer.Context, text: Annotated[str, typer.Argument(metavar="TEXT")], sets: Sets = None) -> None:
    """Ask one thing, and print the reply."""
    call: Call = ctx.obj
    # An argument may hold bytes that are no text; nothing further on could write them down.
    text = text.encode("utf-8", "replace").decode().strip()
    if not text:
        raise typer.BadParameter("there is nothing to ask", param_hint="TEXT")
    config = call.configuration(sets)
    import trio

    from harry.services import ask as asking

    by_person = sys.stdin.isatty() and sys.stdout.isatty()
    rings = trio.run(partial(asking.ask, config, text, writer(), by_person=by_person))
    print()
    if rings and not _runs(config):
        print("harry: It rings only while Harry runs, and he does not now: `harry run` starts him.", file=sys.stderr)


def _runs(config: Config) -> bool:
    """Whether a Harry runs on the data folder, so that somebody rings."""
    from harry.daemon.control_socket import ask

    try:
        return bool(next(ask(config.data_folder, {"do": "status"}), {}))
    except TimeoutError:
        return True  # he holds the folder, and is busy
    except ConnectionError:
        return False


@app.command(short_help="Check whether Harry has everything he needs.")
def doctor(
    ctx: typer.Context,
    as_json: AsJson = False,
    deep: Annotated[bool, typer.Option("--deep", help="Load every engine as well.")] = False,
    audio: Annotated[bool, typer.Option("--audio", help="Speak, and listen to the echo.")] = False,
    sets: Sets = None,
) -> None:
    """Check everything Harry needs, and say what to do if something is missing."""
    call: Call = ctx.obj
    from harry.cli import doctor_checks as examination
    from harry.errors import ConfigurationError

    try:
        findings = examination.examine(call.configuration(sets), deep=deep, audio=audio)
    except ConfigurationError as error:
        findings = [examination.Finding("configuration", "problem", error.message, error.remedy)]
    print(examination.as_json(findings) if as_json else examination.as_text(findings))
    raise typer.Exit(1 if examination.prevents_start(findings) else 0)


@app.command(short_help="Record and draw a short conversation, without a microphone.")
def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the recording and the picture go.")] = Path("demo"),
    sets: Sets = None,
) -> None:
    """Hold a conversation of half a minute without a microphone; write a recording, and a picture of who spoke when."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from harry import demo as demonstration

    raise typer.Exit(demonstration.run(config, out))


def main() -> None:
    """Run the command that was asked for, and exit."""
    # A terminal that cannot show a character shows a question mark instead of an error.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    call = Call()
    try:
        typer.main.get_command(app)(obj=call, prog_name="harry")
        code: object = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:  # noqa: BLE001  the last of all: whatever it is, it ends as a sentence
        code = exit_codes.end(error, debug=call.debug)
    if not exit_codes.let_go_of_output() and not code:
        code = 1
    sys.exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
