"""The commands of `harry bench`: each prints what it measured and, on its last line, everything as one JSON object."""

# ruff: noqa: PLC0415  # what a bench needs is imported when it runs

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from harry.cli.groups import Group
from harry.cli.options import AsJson, Sets

app = typer.Typer(cls=Group, help="Measure how fast and how well Harry works.")

Number = Annotated[int | None, typer.Option("--n", min=1, max=1_000_000, help="How many times.")]
Few = Annotated[int | None, typer.Option("--n", min=1, max=10_000, help="How many; it takes seconds each.")]

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]...", exists=True, dir_okay=False, help="Cases in JSON; else those that come with Harry."
    ),
]


Rows = Annotated[int, typer.Option("--rows", min=1, max=5_000_000, help="How many memories.")]


@app.command("memory")
def memory(rows: Rows = 100_000, as_json: AsJson = False) -> None:
    """Measure how long it takes to find something in a large memory."""
    from harry.bench.figures import describe_surroundings
    from harry.bench.memory import run

    figures = {"bench": "memory", **run(rows), **describe_surroundings()}
    if not as_json:
        for key, value in figures.items():
            print(f"{key:>28}  {value}")
    print(json.dumps(figures))


@app.command("barge-in")
def barge_in(n: Number = None, as_json: AsJson = False) -> None:
    """Interrupt Harry at random instants, and measure how fast he falls silent."""
    from harry import bench

    bench.run("barge-in", n=n, as_json=as_json)


@app.command("turn")
def turn(n: Number = None, as_json: AsJson = False) -> None:
    """Measure what a turn costs beyond its engines."""
    from harry import bench

    bench.run("turn", n=n, as_json=as_json)


@app.command("voice")
def voice(
    n: Few = None,
    recordings: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="WAV files to ask with, 16 kHz, mono, 16 bit.")
    ] = None,
    pause: Annotated[float, typer.Option(min=0.5, max=60, help="Seconds of silence after each; 2 interrupts him.")] = 5,
    sets: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Hold a whole conversation with recorded speech, and measure it from the outside."""
    from harry import bench
    from harry.bench import voice as benched

    found = benched.run(n or 10, folder=recordings, pause=pause, sets=tuple(sets or ()))
    bench.report("voice", found, as_json=as_json)


@app.command("endpoint")
def endpoint(n: Few = None, as_json: AsJson = False) -> None:
    """Measure how often Harry takes a pause for the end of an utterance, and how long he waits to be sure."""
    from harry import bench

    bench.run("endpoint", n=n, as_json=as_json)


@app.command("echo")
def echo(n: Few = None, as_json: AsJson = False) -> None:
    """Let Harry hear himself in a synthetic room, for N minutes, and count what he takes for somebody else."""
    from harry import bench

    bench.run("echo", n=n, as_json=as_json)


@app.command("sessions")
def sessions(
    n: Few = None,
    seconds: Annotated[float, typer.Option(min=5, max=3600, help="How long they converse.")] = 25.0,
    vad: Annotated[str, typer.Option(metavar="energy|silero", help="What tells a voice from noise.")] = "energy",
    as_json: AsJson = False,
) -> None:
    """Hold N conversations at once, in real time, and measure what each costs."""
    from harry import bench
    from harry.bench import sessions as benched

    if vad not in ("energy", "silero"):
        raise typer.BadParameter("takes energy or silero", param_hint="--vad")
    detector: benched.Detector = "silero" if vad == "silero" else "energy"
    bench.report("sessions", benched.run(n or 1, seconds, vad=detector), as_json=as_json)


@app.command("door")
def door(
    n: Few = None,
    seconds: Annotated[float, typer.Option(min=5, max=3600, help="How long they converse.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Hold N conversations through the web server, their clients in another process, and measure what they see."""
    from harry import bench
    from harry.bench import door as benched

    bench.report("door", benched.run(n or 30, seconds), as_json=as_json)


@app.command("realtime")
def realtime(
    n: Few = None,
    seconds: Annotated[float, typer.Option(min=5, max=3600, help="How long they converse.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Hold N conversations by the Realtime protocol, their clients in another process, and measure what they see."""
    from harry import bench
    from harry.bench import realtime as benched

    bench.report("realtime", benched.run(n or 30, seconds), as_json=as_json)


@app.command("lore")
def lore(n: Few = None, as_json: AsJson = False) -> None:
    """Measure how fast the knowledge base finds what a sentence is about."""
    from harry import bench

    bench.run("lore", n=n, as_json=as_json)


@app.command("stores")
def stores(n: Few = None, as_json: AsJson = False) -> None:
    """Measure what is gained by doing things at the same time, on Redis, files and HTTP."""
    from harry import bench

    bench.run("stores", n=n, as_json=as_json)


@app.command("mind")
def mind(n: Few = None, as_json: AsJson = False) -> None:
    """Measure what Harry adds to a model's time, cuts, one model taking over from another, and a warm prefix."""
    from harry import bench
    from harry.log_setup import configure

    configure("error")  # that a mind fails is what is measured
    bench.run("mind", n=n, as_json=as_json)


@app.command("reflexes")
def reflexes(n: Few = None, as_json: AsJson = False) -> None:
    """Measure how soon Harry answers what needs no language model, while the language model hangs."""
    from harry import bench

    bench.run("reflexes", n=n, as_json=as_json)


@app.command("facts")
def facts(files: Files = None, as_json: AsJson = False) -> None:
    """Tell Harry facts, ask for them a day later without a language model, and count the right answers."""
    from harry import bench
    from harry.bench import facts as benched

    bench.report("facts", benched.run(files or ()), as_json=as_json)


@app.command("everyday")
def everyday(
    files: Files = None,
    spoken: Annotated[
        int | None,
        typer.Option("--spoken", metavar="N", min=0, help="Say N of the wishes aloud instead, and hear them; 0: all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Type everyday wishes without a language model, and count the right answers of each kind.

    Spoken, each is said by the next of Piper, flite and espeak-ng, as far as they are installed, and goes through the
    embedded ear.
    """
    from harry import bench
    from harry.bench import everyday as benched

    bench.report("everyday", benched.run(files or (), spoken), as_json=as_json)


@app.command("soak")
def soak(
    hours: Annotated[float, typer.Option(min=0.001, max=400, help="How long, by the wall.")] = 1.0,
    speed: Annotated[float, typer.Option(min=0.1, max=60, help="How many times as fast as by the wall.")] = 1.0,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", dir_okay=False, help="Draw what was used here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Converse for hours while everything fails now and then, and measure what grows, what is left and what is lost."""
    from harry import bench
    from harry.bench import soak as benched
    from harry.log_setup import configure

    configure("critical")  # that things fail is what is measured
    figures = benched.run(hours, speed, plot=plot, tell=lambda line: typer.echo(line, err=True))
    bench.report("soak", figures, as_json=as_json)
