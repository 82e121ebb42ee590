"""The crucial few lines, broken one at a time: `python -m tests.mutants` applies each mutant to a copy of the house,
runs the tests that stand guard, and shows which of them kills it. A mutant that survives is exit code 1.

`--write` puts the table into docs/mutants.md.
"""

from __future__ import annotations

import difflib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).parent.parent
PAGE = HOUSE / "docs" / "mutants.md"
GUARDS = ["tests/channels/test_gate.py", "tests/session/test_conductor.py", "tests/session/test_interruptions.py"]


@dataclass(frozen=True)
class Mutant:
    """`was` stands once in `file`, and becomes `becomes`."""

    name: str
    file: str
    was: str
    becomes: str


MUTANTS = [
    Mutant(
        "cut does not close the slot",
        "harry/session/conductor.py",
        "        stale = self.gate.close(slot)\n        self.gate.ducked = False\n        turn.scope.cancel()",
        "        stale = 0\n        self.gate._live = None\n        turn.scope.cancel()",
    ),
    Mutant(
        "cut leaves the slot open until the stages have ended",
        "harry/session/conductor.py",
        "        stale = self.gate.close(slot)\n        self.gate.ducked = False\n        turn.scope.cancel()",
        "        stale = 0\n        turn.scope.cancel()",
    ),
    Mutant(
        "cut does not cancel the scope",
        "harry/session/conductor.py",
        "        stale = self.gate.close(slot)\n        self.gate.ducked = False\n        turn.scope.cancel()",
        "        stale = self.gate.close(slot)",
    ),
    Mutant(
        "a write into a closed slot is accepted",
        "channels/gate.py",
        "            if self.closed or self.finished:\n                return False",
        "            if self.finished:\n                return False",
    ),
    Mutant(
        "a waiting write goes on in a closed slot",
        "channels/gate.py",
        "                if self.closed:\n                    return False\n                room",
        "                room",
    ),
    Mutant(
        "close does not drop what is queued",
        "channels/gate.py",
        "            slot._queue.clear()\n            slot._queued = 0\n",
        "",
    ),
    Mutant(
        "close does not wake writers",
        "channels/gate.py",
        "            self._take_back(self._sink.flush())\n        slot._changed.notify()\n        slot._played.set()",
        "            self._take_back(self._sink.flush())\n        slot._played.set()",
    ),
    Mutant(
        "commit of a closed slot opens it",
        "channels/gate.py",
        "        if slot.state is not State.SHUT:\n            return slot.state is State.OPEN\n",
        "",
    ),
    Mutant(
        "flush does not subtract the unplayed",
        "channels/gate.py",
        "                    slot._pulled -= count\n",
        "",
    ),
    Mutant(
        "pull without the lock",
        "channels/gate.py",
        "        filled = 0\n        with self._lock:\n",
        "        filled = 0\n        if True:\n",
    ),
    Mutant(
        "pause drops what was flushed",
        "channels/gate.py",
        "                        slot._queue.appendleft(back)\n                        slot._queued += count\n",
        "                        pass\n",
    ),
    Mutant(
        "a natural end closes before the last sample is played",
        "channels/gate.py",
        "since >= self._sink.pending()",
        "True",
    ),
    Mutant(
        "a natural end does not wait for what was written",
        "harry/session/conductor.py",
        "                await slot.wait_played()\n",
        "",
    ),
    Mutant(
        "the flush runs under the lock",
        "channels/gate.py",
        "            slot.state = State.PAUSED\n        self._take_back(self._sink.flush())",
        "            slot.state = State.PAUSED\n            late = self._sink.flush()\n        self._take_back(late)",
    ),
    Mutant(
        "a word is heard with its first sample",
        "channels/gate.py",
        "            if end > min(samples, self._pulled):\n",
        "            if end - len(text) > min(samples, self._pulled):\n",
    ),
    Mutant(
        "the turn is acknowledged before it was kept",
        "harry/session/conductor.py",
        "        self._settled[turn.id] = turn\n        self._keep(record)",
        "        self._settled[turn.id] = turn\n        self.acknowledge(record)\n        self._keep(record)",
    ),
]


def copy_house(to: Path) -> None:
    """Copy what the guards need."""
    for folder in ("channels", "actors", "harry", "tests"):
        shutil.copytree(HOUSE / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOUSE / "pyproject.toml", to)


def apply(mutant: Mutant, house: Path) -> None:
    """Break one place of a copy."""
    file = house / mutant.file
    source = file.read_text("utf-8")
    if source.count(mutant.was) != 1:
        raise LookupError(f"mutant {mutant.name!r}: its place stands {source.count(mutant.was)} times, not once")
    file.write_text(source.replace(mutant.was, mutant.becomes), "utf-8")


def killer(mutant: Mutant | None) -> str | None:
    """The first test that fails with the mutant in place, None if it survives. Raises if it cannot be applied.

    Without a mutant: the test that fails on the house as it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        house = Path(folder)
        copy_house(house)
        if mutant is not None:
            apply(mutant, house)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--timeout=20", "--tb=no", *GUARDS],
            cwd=house,
            env={"PYTHONPATH": str(house), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    if run.returncode == 0:
        return None
    failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
    if failed:
        return failed[0].removeprefix("FAILED ").partition(" - ")[0]
    return f"the tests did not end ({run.returncode})"


HEAD = """# The mutants

A test that cannot fail proves nothing. So the crucial lines are broken on purpose, one mutant at a time, in a copy of
the code, and the tests that stand guard are run against each. Every mutant must be caught.

Written by `python -m tests.mutants --write` (it takes a few minutes). `-` is what stands there, `+` what the mutant
makes of it.

| Mutant | The broken lines | Caught by |
|---|---|---|
"""


def row(mutant: Mutant, by: str) -> str:
    """Write a mutant's row of the table."""
    compared = difflib.ndiff(mutant.was.splitlines(), mutant.becomes.splitlines())
    lines = [f"{line[0]} {line[2:].strip()}" for line in compared if line[0] in "+-" and line[2:].strip()]
    broken = "<br>".join(f"`{line}`" for line in lines)
    file, _, test = by.partition("::")
    return f"| {mutant.name} | {mutant.file.rpartition('/')[2]}:<br>{broken} | [`{test}`](../{file}) |"


def main() -> int:
    already = killer(None)
    if already is not None:
        print(f"the house fails without any mutant: {already}")
        return 1
    survivors, rows = 0, []
    for mutant in MUTANTS:
        by = killer(mutant)
        survivors += by is None
        rows.append(row(mutant, by or ""))
        print(f"{'SURVIVED' if by is None else 'killed':>8}  {mutant.name}  {by or ''}", flush=True)
    print(f"{len(MUTANTS) - survivors} of {len(MUTANTS)} mutants killed")
    if "--write" in sys.argv and not survivors:
        PAGE.write_text(HEAD + "\n".join(rows) + "\n", "utf-8")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
