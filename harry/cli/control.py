"""`harry status`, `stop`, `mute` and the like: they reach the Harry who runs on the configured data folder."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: help and mistakes answer at once

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from harry.cli.options import AsJson, Call, Sets

app = typer.Typer()
"""Commands at the root of the command line."""

_LATER = "Try again in a moment; if that goes on, start him again."


@app.command(short_help="Show what the running Harry does, and what went wrong.")
def status(
    ctx: typer.Context,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again whenever it changes.")] = False,
    sets: Sets = None,
) -> None:
    """Show what the running Harry does, hears and speaks with, and what went wrong. Exit code 1 if none runs."""
    from harry.daemon.control_socket import ask
    from harry.errors import HarryError

    folder = ctx.obj.configuration(sets).data_folder
    try:
        for state in ask(folder, {"do": "status", "watch": watch}):
            if "error" in state:
                raise HarryError(state["error"], remedy=state.get("remedy", ""))
            print(json.dumps(state) if as_json else _told(state), flush=True)
            if not watch:
                return
    except ConnectionError as error:
        print(json.dumps({"ready": False, "listening": False}) if as_json else f"{error} `harry run` starts one.")
    except TimeoutError as error:
        raise HarryError("Harry does not answer.", remedy=_LATER) from error
    raise typer.Exit(1)


@app.command(short_help="Stop the running Harry; what was said is kept.")
def stop(ctx: typer.Context, sets: Sets = None) -> None:
    """Stop the running Harry; what was said is kept."""
    _do(ctx, "stop", sets, "Harry ends.")


RELOAD_SECONDS = 600.0
"""Seconds for which a reload is waited for: it may load an engine for each role."""


@app.command(short_help="Have the running Harry read his configuration again.")
def reload(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """Have the running Harry read his configuration again; says what changes now, and what needs a restart.

    If it has a mistake, that is said and nothing changes. A conversation goes on meanwhile.
    """
    from harry.config.loading import find_data_folder
    from harry.daemon.control_socket import ask
    from harry.errors import ConfigurationError, HarryError

    if sets:
        raise ConfigurationError(
            "A reload reads the configuration that Harry was started with, and takes no --set.",
            remedy="Write the keys into the configuration file.",
        )
    try:
        # Not by the configuration: where that has a mistake, Harry himself is to say which.
        answer = next(ask(find_data_folder(), {"do": "reload"}, within=RELOAD_SECONDS), None)
    except ConnectionError as error:
        raise HarryError(str(error), remedy="`harry run` starts one.") from error
    except TimeoutError as error:
        raise HarryError("Harry does not answer.", remedy=_LATER) from error
    if answer is None:
        raise HarryError("Harry did not answer.", remedy="harry status")
    if "error" in answer:
        raise HarryError(f"Nothing has changed. {answer['error']}", remedy=answer.get("remedy", ""))
    done = answer["reloaded"]
    print(json.dumps(done) if as_json else _reloaded(done), flush=True)
    if done["failed"]:
        raise typer.Exit(1)


_WHEN = {
    "now": "Changed:",
    "next": "Changed in conversations that begin from now on; the one at the microphone began with Harry:",
    "restart": "Only after a restart (harry stop, then harry run; or harry service stop and start):",
    "failed": "Not changed:",
}


def _reloaded(done: dict[str, list[dict[str, str]]]) -> str:
    """Tell what a reload has done, key by key."""
    lines = []
    for when, heading in _WHEN.items():
        if done[when]:
            lines += [heading, *(f"  {line['key']}: {line['why']}" for line in done[when])]
    return "\n".join(lines) or "Nothing has changed in the configuration."


@app.command(short_help="Have him say something, or ask, in a gap.")
def say(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    *,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="To whom it is said; left out, to you.")
    ] = None,
    urgency: Annotated[str, typer.Option(metavar="now|normal|low", help="How long a gap it waits for.")] = "normal",
    ask: Annotated[bool, typer.Option("--ask", help="Wait for the answer, and print it.")] = False,
    within: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="With --ask: how long an answer is waited for (30).")
    ] = None,
    expires_in: Annotated[
        float | None, typer.Option("--expires-in", metavar="SECONDS", help="After this it is too late to say it.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="What has the same key is told once within ten minutes.")] = None,
    sets: Sets = None,
) -> None:
    """Have him say something in his own voice, in a gap: never over you.

    In the quiet hours only what is urgent (now) is said, and what is normal while you talk with him. With --ask the
    next words that are meant for him are printed as they were understood; exit code 3 if nobody answers.
    """
    from harry.errors import HarryError, Unanswered
    from harry.session.announcements import State

    if within is not None and not ask:
        raise typer.BadParameter("is for questions: --ask", param_hint="--within")
    wanted = {"text": text, "user": user, "urgency": urgency, "ask": ask, "answer_within": within}
    state = _ask(ctx, "say", sets, **wanted, expires_in=expires_in, key=key)
    announced = state.get("announced")
    if announced is None:
        raise HarryError("The Harry who runs is of another version.", remedy="Start him again.")
    if not ask:
        print(announced["told"])
    elif announced["state"] == State.ANSWERED:
        print(announced["answer"])
    else:
        raise Unanswered(announced["told"])


@app.command(short_help="Make him fall silent.")
def hush(ctx: typer.Context, sets: Sets = None) -> None:
    """Make the Harry at this computer's microphone fall silent."""
    _do(ctx, "hush", sets, "Silent.")


@app.command(short_help="Shut the microphone.")
def mute(ctx: typer.Context, sets: Sets = None) -> None:
    """Shut the microphone until `harry unmute`."""
    _do(ctx, "mute", sets, "The microphone is shut.")


@app.command(short_help="Open the microphone again.")
def unmute(ctx: typer.Context, sets: Sets = None) -> None:
    """Open the microphone again."""
    _do(ctx, "unmute", sets, "The microphone is open.")


@app.command(short_help="Let him rest until he is woken.")
def rest(ctx: typer.Context, sets: Sets = None) -> None:
    """Let him rest as after a long silence. The wake phrase wakes him; without one, any voice does."""
    _do(ctx, "rest", sets, "Harry rests.")


@app.command(short_help="Wake him: what you say next is meant for him.")
def wake(ctx: typer.Context, sets: Sets = None) -> None:
    """Wake him: what you say next is meant for him, even without his name."""
    _do(ctx, "wake", sets, "Harry listens.")


@app.command(short_help="Hold the push-to-talk button down.")
def press(ctx: typer.Context, sets: Sets = None) -> None:
    """Hold the push-to-talk button down (for a shortcut of your desktop). If the microphone is open, this wakes him."""
    _do(ctx, "press", sets, "")


@app.command(short_help="Let go of the push-to-talk button.")
def release(ctx: typer.Context, sets: Sets = None) -> None:
    """Let go of the push-to-talk button: what you said is answered."""
    _do(ctx, "release", sets, "")


def _do(ctx: typer.Context, command: str, sets: list[str] | None, done: str) -> None:
    _ask(ctx, command, sets)
    if done:
        print(done)


def _ask(ctx: typer.Context, command: str, sets: list[str] | None, **more: object) -> dict[str, Any]:
    """Have the Harry who runs do something, and return his state then."""
    from harry.daemon.control_socket import ask
    from harry.errors import HarryError

    call: Call = ctx.obj
    try:
        answer = next(ask(call.configuration(sets).data_folder, {"do": command, **more}), None)
    except ConnectionError as error:
        raise HarryError(str(error), remedy="`harry run` starts one.") from error
    except TimeoutError as error:
        raise HarryError("Harry does not answer.", remedy=_LATER) from error
    if answer is None:
        # One who ends may be gone before he has answered; of everything else it is unknown whether it was done.
        if command != "stop":
            raise HarryError("Harry did not answer.", remedy="harry status")
        return {}
    if "error" in answer:
        raise HarryError(answer["error"], remedy=answer.get("remedy", ""))
    return answer


def _told(state: dict[str, Any]) -> str:
    """Say a state in a few lines."""
    devices = state["devices"]
    lines = [
        f"Harry {state['version']} is {state['state']}{', off the record' if state['off_the_record'] else ''}.",
        f"  hears with   {_device(devices['microphone'], works=devices['microphone_works'])}",
        f"  speaks with  {devices['loudspeaker'] or 'nothing'}",
        *(f"  {role.replace('_', ' '):<18} {engine or 'none'}" for role, engine in state["engines"].items()),
        f"  conversations {state['sessions']}, memory {state['memory_mb']} MB, process {state['process']}",
    ]
    failing = [name for name, how in state["actors"].items() if how != "running"]
    if failing:
        lines.append(f"  failing: {', '.join(failing)}")
    lines += [
        f"  webhook {name}: {hook['lost']} lost, {hook['waiting']} waiting. {hook['trouble']}".rstrip()
        for name, hook in state.get("webhooks", {}).items()
        if hook["lost"] or hook["trouble"]
    ]
    if not state["keeps"]:
        lines.append("  Nothing is kept on disk.")
    lines += [f"  trouble: {error}" for error in state["errors"][-3:]]
    return "\n".join(lines)


def _device(name: str | None, *, works: bool) -> str:
    if name is None:
        return "nothing"
    return name if works else f"{name}, which is away"
