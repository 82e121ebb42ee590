"""The crucial few lines, broken one at a time: `python -m tests.mutants` applies each mutant to a copy of the house,
runs the tests that stand guard, and shows which of them kills it. A mutant that survives is exit code 1. With words,
only the mutants that have one of them in their name or file are tried.

`--write` puts the table into docs/mutants.md.
"""

from __future__ import annotations

import difflib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).parent.parent
PAGE = HOUSE / "docs" / "mutants.md"
GUARDS = ("tests/channels/test_gate.py", "tests/session/test_conductor.py", "tests/session/test_interruptions.py")
SPECULATION = ("tests/session/test_speculation.py",)
AUTH = ("tests/web/test_auth.py",)
DOOR = ("tests/web/test_rate_limits.py",)
PROXIES = ("tests/web/test_proxies.py",)
TOKENS = ("tests/host/test_access_tokens.py",)
EGRESS = ("tests/net/test_egress.py",)
WRITER = ("tests/actors/test_soc_writer.py",)
FILES = ("tests/files/test_synced.py",)
SECRETS = ("tests/test_redaction.py",)
TOOLS = ("tests/tools/test_confirmation.py", "tests/tools/test_mcp_servers.py")
HOSTING = ("tests/host/test_guests.py",)


@dataclass(frozen=True)
class Mutant:
    """`was` stands once in `file`, and becomes `becomes`; `guards` are the tests that have to notice."""

    name: str
    file: str
    was: str
    becomes: str
    guards: tuple[str, ...] = GUARDS


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
    Mutant(
        "withdraw does not cancel the guess's scope",
        "harry/session/conductor.py",
        "            self.gate.close(guess)\n            guess.turn.scope.cancel()\n",
        "            self.gate.close(guess)\n",
        SPECULATION,
    ),
    Mutant(
        "cut leaves the next reply softened",
        "harry/session/conductor.py",
        "        stale = self.gate.close(slot)\n        self.gate.ducked = False\n",
        "        stale = self.gate.close(slot)\n",
    ),
    Mutant(
        "the room for a turn's end is given back before its record is kept",
        "harry/session/conductor.py",
        "        if turn.id not in self._settled:\n            # The room may",
        "        if True:\n            # The room may",
    ),
    # Who may come in.
    Mutant(
        "an expired token lets in",
        "harry/host/access_tokens.py",
        'found if found is not None and found.kind != "code" and self._good(found) else None',
        'found if found is not None and found.kind != "code" else None',
        TOKENS,
    ),
    Mutant(
        "an expired code opens the page",
        "harry/host/access_tokens.py",
        "            self._known = {name: token for name, token in self._known.items() if self._good(token)}\n"
        "            yield\n            self._write(self._path)",
        "            yield\n            self._write(self._path)",
        TOKENS,
    ),
    Mutant(
        "a code lets in as a token does",
        "harry/host/access_tokens.py",
        'found if found is not None and found.kind != "code" and self._good(found) else None',
        "found if found is not None and self._good(found) else None",
        TOKENS,
    ),
    Mutant(
        "a code is good twice",
        "harry/host/access_tokens.py",
        "            del self._known[found.hash]\n",
        "",
        TOKENS,
    ),
    Mutant(
        "an expired token holds its connections",
        "harry/host/access_tokens.py",
        "return any(token.id == identity and self._good(token) for token",
        "return any(token.id == identity for token",
        TOKENS,
    ),
    Mutant(
        "connections stay when nobody knows who may come in",
        "harry/web/server/listener.py",
        "held = False  # nobody knows who may come in",
        "held = True",
        DOOR,
    ),
    Mutant(
        "the page's own word is asked of POST alone",
        "harry/web/server/auth.py",
        "if request.method not in _READING and not hmac",
        'if request.method == "POST" and not hmac',
        AUTH,
    ),
    Mutant(
        "an origin is known by its end",
        "harry/web/server/auth.py",
        "place is None or place[0] != name:",
        "place is None or not place[0].endswith(name):",
        AUTH,
    ),
    Mutant(
        "another port's page is this door's",
        "harry/web/server/auth.py",
        "        return asked == (port or usual) or",
        "        return True or",
        AUTH,
    ),
    Mutant(
        "another page of the same site is this door's",
        "harry/web/server/auth.py",
        'site not in (None, "same-origin", "none")',
        'site not in (None, "same-origin", "same-site", "none")',
        AUTH,
    ),
    Mutant(
        "a token among the subprotocols counts without a websocket",
        "harry/web/server/auth.py",
        "            if upgrade\n            else []\n",
        "",
        AUTH,
    ),
    Mutant(
        "the token is echoed among the subprotocols",
        "harry/web/server/auth.py",
        "tuple(protocol for protocol in proposed if not protocol.startswith(SUBPROTOCOL))",
        "tuple(proposed)",
        AUTH,
    ),
    Mutant(
        "a host is known by its beginning",
        "harry/web/server/auth.py",
        "found = _HOST.fullmatch(host.lower())",
        "found = _HOST.match(host.lower())",
        AUTH,
    ),
    Mutant(
        "what anybody says of a client is believed",
        "harry/web/server/proxies.py",
        "        if request.peer not in self:\n            return request\n",
        "",
        PROXIES,
    ),
    Mutant(
        "what a client says of himself is believed of a proxy",
        "harry/web/server/proxies.py",
        'in reversed(request.headers.get("x-forwarded-for", "").split(",")):',
        'in request.headers.get("x-forwarded-for", "").split(","):',
        PROXIES,
    ),
    Mutant(
        "a full address turns away who has a token",
        "harry/web/server/rate_limits.py",
        "            self._turn_out(next(iter(own)))\n",
        "            return None\n",
        DOOR,
    ),
    Mutant(
        "who has shown a token is turned out for who has not",
        "harry/web/server/rate_limits.py",
        "        self._take_out(seat)\n        seat.user = user\n        held[seat] = None\n",
        "        held[seat] = None\n",
        DOOR,
    ),
    Mutant(
        "a guest has as many connections as there are",
        "harry/web/server/rate_limits.py",
        "if guest and (len(held) >= self._per_user or",
        "if guest and (",
        DOOR,
    ),
    Mutant(
        "guests take the owner's last connections",
        "harry/web/server/rate_limits.py",
        " or self._guests >= self._in_all - max(1, self._in_all // 8)):",
        "):",
        DOOR,
    ),
    Mutant(
        "a guest holds as many conversations as there are",
        "harry/host/host.py",
        " or self._open[user] >= web.sessions_per_user:",
        ":",
        HOSTING,
    ),
    Mutant(
        "guests take the owner's last conversations",
        "harry/host/host.py",
        "if self.free <= _kept_free(self._shared.spill_pool.most) or self",
        "if self",
        HOSTING,
    ),
    Mutant(
        "a guest is offered the owner's tools",
        "harry/host/shared_tools.py",
        "and (owner or offer.tool.name in self._guests",
        "and (True or offer.tool.name in self._guests",
        TOOLS,
    ),
    # What is shown, and what leaves this computer.
    Mutant(
        "what another program wants is shown",
        "harry/redaction.py",
        "hidden=secret or HIDDEN in field.metadata)",
        "hidden=secret)",
        SECRETS,
    ),
    Mutant(
        "what an unknown engine is told is shown",
        "harry/engines/registry.py",
        'return {key: value if key == "kind" else without_secrets(value, key, hidden=True) for',
        "return {key: without_secrets(value, key) for",
        SECRETS,
    ),
    Mutant(
        "an address is shown with its password",
        "harry/redaction.py",
        'return _QUERY.sub(rf"\\1?{MASK}", _USERINFO.sub(f"{MASK}@", text))',
        'return _QUERY.sub(rf"\\1?{MASK}", text)',
        SECRETS,
    ),
    Mutant(
        "evillocalhost is this computer",
        "harry/net/egress.py",
        'if host in ("localhost", "::1"):',
        'if host.endswith("localhost") or host == "::1":',
        EGRESS,
    ),
    Mutant(
        "a mind on this computer is asked through a proxy",
        "harry/net/egress.py",
        "return not _EgressPolicy.local_only and not is_loopback(url)",
        "return not _EgressPolicy.local_only",
        EGRESS,
    ),
    Mutant(
        "a proxy is used under local_only",
        "harry/net/egress.py",
        "return not _EgressPolicy.local_only and not is_loopback(url)",
        "return not is_loopback(url)",
        EGRESS,
    ),
    Mutant(
        "a client for a mind trusts the environment",
        "harry/net/http_client.py",
        "        trust_env=egress.trusts_environment(url),\n    )\n\n\ndef new_mcp",
        "        trust_env=True,\n    )\n\n\ndef new_mcp",
        EGRESS,
    ),
    Mutant(
        "a client for MCP servers trusts the environment",
        "harry/net/http_client.py",
        "        trust_env=egress.trusts_environment(url),\n        event_hooks",
        "        trust_env=True,\n        event_hooks",
        EGRESS,
    ),
    Mutant(
        "the MCP library asks for whatever it likes",
        "harry/net/http_client.py",
        "        egress.permit(str(request.url), purpose)\n",
        "        pass\n",
        EGRESS,
    ),
    # What is asked before something is done.
    Mutant(
        "the mind words what the user agrees to",
        "harry/tools/toolbox.py",
        "            return replace(noted, question=question)\n",
        "            return noted\n",
        TOOLS,
    ),
    Mutant(
        "a question that was not heard is agreed to",
        "harry/tools/toolbox.py",
        "        return _letters(told) in _letters(heard)",
        "        return True",
        TOOLS,
    ),
    # What is on disk when it is promised.
    Mutant(
        "half a spilled line counts",
        "harry/memory/store/spill.py",
        'complete = content[: content.rfind(b"\\n") + 1]',
        "complete = content",
        WRITER,
    ),
    Mutant(
        "the name of a new spill is not synced",
        "harry/memory/store/spill.py",
        "        if new:\n            sync_folder(self.path.parent)\n",
        "",
        WRITER,
    ),
    Mutant(
        "the spill is not synced",
        "harry/memory/store/spill.py",
        "            _write_all(descriptor, lines, self._end)\n            os.fsync(descriptor)\n",
        "            _write_all(descriptor, lines, self._end)\n",
        WRITER,
    ),
    Mutant(
        "the writer acknowledges before the commit",
        "actors/soc_writer.py",
        "            return [(records, await self._store.write(records))]\n",
        "            for record in records:\n                self._acknowledge(record, 1)\n"
        "            return [(records, await self._store.write(records))]\n",
        WRITER,
    ),
    Mutant(
        "a short write counts as whole",
        "harry/files/atomic.py",
        "        while view:\n            view = view[os.write(self._descriptor, view) :]",
        "        os.write(self._descriptor, view)",
        FILES,
    ),
    Mutant(
        "a file written aside is not synced",
        "harry/files/atomic.py",
        "        os.fsync(self._descriptor)\n",
        "        pass\n",
        FILES,
    ),
    Mutant(
        "the folder of a file written aside is not synced",
        "harry/files/atomic.py",
        "            sync_folder(folder)\n        except OSError as error:\n            for file in written:",
        "            pass\n        except OSError as error:\n            for file in written:",
        FILES,
    ),
]


def copy_house(to: Path) -> None:
    """Copy what the guards need."""
    for folder in ("channels", "actors", "harry", "plugins", "tests"):
        shutil.copytree(HOUSE / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOUSE / "pyproject.toml", to)


def apply(mutant: Mutant, house: Path) -> None:
    """Break one place of a copy."""
    file = house / mutant.file
    source = file.read_text("utf-8")
    if source.count(mutant.was) != 1:
        raise LookupError(f"mutant {mutant.name!r}: its place stands {source.count(mutant.was)} times, not once")
    file.write_text(source.replace(mutant.was, mutant.becomes), "utf-8")


def killer(mutant: Mutant | None, guards: Sequence[str]) -> str | None:
    """The first of the guards that fails with the mutant in place, None if it survives. Raises if it cannot be applied.

    Without a mutant: the test that fails on the house as it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        house = Path(folder)
        copy_house(house)
        if mutant is not None:
            apply(mutant, house)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--timeout=20", "--tb=no", *guards],
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


def main(words: Sequence[str] = (), *, written: bool = False) -> int:
    chosen = [each for each in MUTANTS if not words or any(word in f"{each.name} {each.file}" for word in words)]
    already = killer(None, sorted({guard for each in chosen for guard in each.guards}))
    if already is not None:
        print(f"the house fails without any mutant: {already}")
        return 1
    survivors, rows = 0, []
    for mutant in chosen:
        by = killer(mutant, mutant.guards)
        survivors += by is None
        rows.append(row(mutant, by or ""))
        print(f"{'SURVIVED' if by is None else 'killed':>8}  {mutant.name}  {by or ''}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} mutants killed")
    if written and not words and not survivors:
        PAGE.write_text(HEAD + "\n".join(rows) + "\n", "utf-8")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main([word for word in sys.argv[1:] if word != "--write"], written="--write" in sys.argv))
