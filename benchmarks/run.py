"""Harry and his peers side by side: `make bench-peers`, or `python benchmarks/run.py` in Harry's own environment.

Each peer gets an environment of its own from pinned requirements, once. Then all are measured in turn, round after
round and each round in another order, by programs that do the same: see `peers/` and `harry/bench/sessions.py`.
The report goes to `docs/benchmarks.md`, the picture of every interruption to `docs/images/interruptions.svg`, and every
single run to a file of JSON lines next to the environments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import picture
from platformdirs import user_cache_path
from report import CASES, Case, write_report

HERE = Path(__file__).resolve().parent
PEERS = {"pipecat": "pipecat_sessions.py", "livekit": "livekit_sessions.py"}
HARRY = "import json, sys; from harry.bench.sessions import run; print(json.dumps(run(**json.loads(sys.argv[1]))))"


def prepare(home: Path, peer: str) -> Path:
    """Make a peer's environment if it is not there as required. Returns its Python."""
    requirements = HERE / "peers" / f"requirements-{peer}.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    environment = home / peer
    python = environment / "bin" / "python"
    ready = environment / ".requirements"
    if not ready.exists() or ready.read_text("ascii") != wanted:
        print(f"making an environment for {peer}: some hundred MB, some minutes", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--progress-bar", "off"]
        subprocess.run([*pip, "--requirement", str(requirements)], check=True)
        ready.write_text(wanted, "ascii")
    return python


def command(who: str, case: Case, pythons: dict[str, Path]) -> list[str]:
    """Return the command that measures one system in one case."""
    script = {"seconds": case.seconds, "voiced": case.voiced, "talk": case.talk, "reply": case.reply}
    if who in {"harry", "unguessing"}:
        asked = {"n": case.sessions, "speculate": who == "harry", "harness": who == "harry", "each": True, **script}
        return [sys.executable, "-c", HARRY, json.dumps(asked)]
    program = HERE / "peers" / PEERS.get(who, "conversation.py")
    flags = [f"--{name}={value}" for name, value in script.items()]
    return [str(pythons.get(who, pythons["pipecat"])), str(program), f"--n={case.sessions}", *flags]


def measure(who: str, case: Case, pythons: dict[str, Path]) -> dict[str, Any]:
    """Run one program; its last line is its result. One that fails or does not end is told as such."""
    began = time.monotonic()
    try:
        # No part of the environment may reach into another's packages.
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run(  # noqa: PLW1510  the exit code is looked at below
            command(who, case, pythons), capture_output=True, text=True, timeout=case.seconds * 2 + 120, env=clean
        )
    except subprocess.TimeoutExpired:
        return {"failed": "did not end"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        print(done.stderr[-2000:], file=sys.stderr)
        return {"failed": f"exit code {done.returncode}"}
    result: dict[str, Any] = json.loads(lines[-1])
    result["took_s"] = round(time.monotonic() - began, 1)
    return result


def rounds(
    count: int, cases: Sequence[Case], pythons: dict[str, Path], keep: Path, faster: float
) -> list[dict[str, Any]]:
    """Measure everybody in every case, `count` times, and keep each run as it comes."""
    runs = []
    who = ["harry", "livekit", "pipecat", "unguessing", "nobody"]
    for number in range(count):
        for case in cases:
            shorter = case.shorter(faster)
            for system in who[number % 3 : 3] + who[: number % 3] + who[3:]:
                result = {"round": number, "case": case.name, "who": system, **measure(system, shorter, pythons)}
                runs.append(result)
                with keep.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(result) + "\n")
                cpu = result.get("cpu_s_per_session_minute", result.get("failed"))
                print(f"round {number + 1}/{count}  {case.name:<8} {system:<8} CPU s/min {cpu}", flush=True)
    return runs


def main() -> None:
    """Read the command line and do it all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--faster", type=float, default=1.0, help="divide the length of every run by this")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    images = HERE.parent / "docs" / "images"
    parser.add_argument("--picture", type=Path, default=images / "interruptions.svg")
    parser.add_argument("--from", dest="kept", type=Path, help="write the report again from a file of earlier runs")
    options = parser.parse_args()
    if options.kept is not None:
        runs = [json.loads(line) for line in options.kept.read_text("utf-8").splitlines()]
    else:
        home = Path(os.environ.get("BENCH_HOME") or user_cache_path("harry") / "peers")
        home.mkdir(parents=True, exist_ok=True)
        pythons = {peer: prepare(home, peer) for peer in PEERS}
        keep = home / time.strftime("runs-%Y-%m-%d-%H%M%S.jsonl")
        runs = rounds(options.rounds, CASES, pythons, keep, options.faster)
        print(f"every run: {keep}")
    options.out.write_text(write_report(runs), "utf-8")
    print(f"report: {options.out}")
    if drawn := picture.draw(runs):
        options.picture.write_text(drawn, "utf-8")
        print(f"picture: {options.picture}")


if __name__ == "__main__":
    main()
