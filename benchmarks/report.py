"""Writes `docs/benchmarks.md` from the runs: medians, and ratios between runs of the same round, good or bad."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

Run = dict[str, Any]
WHO = ("harry", "livekit", "pipecat")


@dataclass(frozen=True)
class Case:
    """A script: `sessions` users who speak `voiced` s, hear `talk` s of a reply of `reply` s, and interrupt."""

    name: str
    title: str
    sessions: int
    seconds: float
    voiced: float
    talk: float
    reply: float

    def shorter(self, by: float) -> Case:
        """Make the same script for a shorter time."""
        return replace(self, seconds=self.seconds / by)


CASES = (
    Case("brisk", "One session, short turns: interrupted every two seconds", 1, 60.0, 0.16, 1.6, 3.0),
    Case("one", "One conversation: the user speaks 2 s, the bot 3 s, again and again", 1, 30.0, 2.0, 3.0, 8.0),
    Case("many", "25 such conversations in one process", 25, 25.0, 2.0, 3.0, 8.0),
)


@dataclass(frozen=True)
class Row:
    """A line of a table. `digits` after the point; `compared` rows get ratios."""

    label: str
    read: Callable[[Run], float]
    digits: int = 2
    compared: bool = True


def _find_percentile(key: str, which: str) -> Callable[[Run], float]:
    return lambda run: float(run[key][which])


def _value(key: str) -> Callable[[Run], float]:
    return lambda run: float(run[key])


LATENCIES = (
    Row("voice declared -> cut, p50, ms", _find_percentile("vad_to_cut_ms", "p50"), 3),
    Row("the same, p95, ms", _find_percentile("vad_to_cut_ms", "p95"), 3),
    Row("the same in CPU time, p50, ms", _find_percentile("cpu_vad_to_cut_ms", "p50"), 3),
    Row("first voiced buffer -> cut, p50, ms", _find_percentile("first_voice_to_cut_ms", "p50")),
    Row("the same, p95, ms", _find_percentile("first_voice_to_cut_ms", "p95")),
    Row("end of speech declared -> first chunk, p50, ms", _find_percentile("end_of_speech_to_first_chunk_ms", "p50")),
    Row("the same, p95, ms", _find_percentile("end_of_speech_to_first_chunk_ms", "p95")),
    Row("the same in CPU time, p50, ms", _find_percentile("cpu_end_of_speech_to_first_chunk_ms", "p50")),
)
COSTS = (
    Row("CPU seconds per session-minute, harness included", _value("cpu_s_per_session_minute")),
    Row("memory per session when ready, MB", _value("rss_mb_per_session")),
    Row("memory per session at the end, MB", _value("rss_mb_per_session_after")),
    Row("tasks per session", _value("tasks_per_session"), 1),
    Row("interruptions measured", _value("interruptions"), 0, compared=False),
    Row("interruptions lost", _value("lost"), 0, compared=False),
    Row("utterances without an answer in 5 s", _value("unanswered"), 0, compared=False),
    Row("stale samples taken after the cut", _value("stale_samples"), 0, compared=False),
    Row("delay of the harness's own ticks, p95, ms", _find_percentile("tick_late_ms", "p95"), compared=False),
)
ROWS = {"brisk": LATENCIES + COSTS[4:], "one": COSTS, "many": LATENCIES + COSTS}


def _read(row: Row, runs: Sequence[Run]) -> list[float]:
    found = []
    for run in runs:
        try:
            found.append(row.read(run))
        except (KeyError, TypeError):
            continue  # A run that failed, or in which nothing came to an end: the count next to the table tells.
    return found


def _median(row: Row, runs: Sequence[Run]) -> float | None:
    found = _read(row, runs)
    return statistics.median(found) if found else None


def _ratio(row: Row, runs: Sequence[Run], peer: str) -> float | None:
    """Return the median, over rounds, of Harry's figure divided by the peer's in the same round."""
    ratios = []
    for number in sorted({run["round"] for run in runs}):
        pair = [
            _median(row, [run for run in runs if run["round"] == number and run["who"] == who])
            for who in ("harry", peer)
        ]
        if pair[0] is not None and pair[1]:
            ratios.append(pair[0] / pair[1])
    return statistics.median(ratios) if ratios else None


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _table(case: Case, runs: Sequence[Run]) -> list[str]:
    lines = ["| | Harry | livekit | pipecat | Harry : livekit | Harry : pipecat |", "|---|--:|--:|--:|--:|--:|"]
    for row in ROWS[case.name]:
        cells = [_shown(_median(row, [run for run in runs if run["who"] == who]), row.digits) for who in WHO]
        ratios = [_shown(_ratio(row, runs, peer), 2) if row.compared else "" for peer in WHO[1:]]
        lines.append(f"| {row.label} | {' | '.join(cells)} | {' | '.join(ratios)} |")
    return lines


def _harness(runs: Sequence[Run]) -> str:
    cost = Row("", _value("cpu_s_per_session_minute"))
    own = _median(Row("", _value("harness_cpu_s_per_session_minute")), [run for run in runs if run["who"] == "harry"])
    alone = _median(cost, [run for run in runs if run["who"] == "nobody"])
    return (
        f"The harness alone, in CPU seconds per session-minute: {_shown(own, 2)} on trio with the duplex card of\n"
        f"Harry's bench, {_shown(alone, 2)} on asyncio with the peers' feed and an output paced at 40 ms."
    )


def _name(row: Row, case: Case) -> str:
    """Write a row's label so that it can stand alone."""
    if not row.label.startswith("the same"):
        return row.label
    rows = ROWS[case.name]
    before = [other.label for other in rows[: rows.index(row)] if not other.label.startswith("the same")]
    return f"{before[-1].partition(',')[0]}{row.label.removeprefix('the same')}"


def _without_guessing(case: Case, runs: Sequence[Run]) -> str:
    """Say what Harry needs when he does not begin to answer before the utterance has ended."""
    plain = [run for run in runs if run["who"] == "unguessing"]
    cost = _shown(_median(COSTS[0], plain), COSTS[0].digits)
    told = f"Harry without speculation: CPU seconds per session-minute {cost}"
    if LATENCIES[5] in ROWS[case.name]:
        first = [_shown(_median(row, plain), row.digits) for row in LATENCIES[5:7]]
        told += f"; end of speech declared -> first chunk {first[0]} ms (p50), {first[1]} ms (p95)"
    return f"{told}."


def _judged(runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    """Comparisons in which Harry needs less, and those in which he does not."""
    better, worse = [], []
    for case in CASES:
        mine = [run for run in runs if run["case"] == case.name]
        for row in ROWS[case.name]:
            for peer in WHO[1:] if row.compared else ():
                ratio = _ratio(row, mine, peer)
                if ratio is not None:
                    line = f"{case.title.partition(':')[0]}: {_name(row, case)}: {ratio:.2f} times {peer}'s"
                    (worse if ratio >= 1 else better).append(line)
    return better, worse


def write_report(runs: Sequence[Run]) -> str:
    """Write the whole page."""
    harry = next((run for run in runs if run["who"] == "harry" and "failed" not in run), {})
    versions = {
        who: next((run["version"] for run in runs if run["who"] == who and "version" in run), "?") for who in WHO[1:]
    }
    loads = [run["load"] for run in runs if "load" in run]
    failed = [
        f"{run['who']} in {run['case']}, round {run['round'] + 1}: {run['failed']}" for run in runs if "failed" in run
    ]
    count = len({run["round"] for run in runs})
    page = [
        "# Harry compared with other frameworks",
        "",
        "Written by `make bench-peers`; running it again changes this page. The frameworks are compared, not the",
        "engines: speech recognition, language model and voice are scripted and answer at once in all three.",
        "",
        f"* **Machine**: {harry.get('machine', '?')};",
        f"  load average while measuring {min(loads, default=0)} to {max(loads, default=0)}.",
        f"* **Versions**: Harry {harry.get('harry', '?')} (trio {harry.get('trio', '?')}), livekit-agents",
        f"  {versions.get('livekit')}, pipecat-ai {versions.get('pipecat')}; Python {harry.get('python', '?')}.",
        f"* **Rounds**: {count}; in each, all are measured one after the other, and the order changes between rounds.",
        "  The figures are medians over the rounds. **The ratios are medians of ratios within a round**: absolute",
        "  times depend on the machine and on what else it does, ratios far less. Below 1, Harry needs less.",
        "",
    ]
    for case in CASES:
        mine = [run for run in runs if run["case"] == case.name]
        page += [
            f"## {case.title}",
            "",
            f"Each run takes {_seconds(mine):g} s.",
            "",
            *_table(case, mine),
            "",
            _harness(mine),
            "",
        ]
    better, worse = _judged(runs)
    page += ["## Where Harry is behind", "", *([f"* {line}" for line in worse] or ["Nowhere in these tables."]), ""]
    page += [f"In the other {len(better)} comparisons Harry needs less.", ""]
    if failed:
        page += ["## Runs that failed", "", *[f"* {line}" for line in failed], ""]
    page += [METHOD]
    return "\n".join(page)


def _seconds(runs: Sequence[Run]) -> float:
    """Return how long the runs of a case were."""
    return next((float(run["seconds"]) for run in runs if run["who"] == "harry" and "seconds" in run), 0.0)


METHOD = """## Method

One process holds all sessions of a run, in real time. A scripted user is fed to each session in buffers of 20 ms of
16 kHz sound, on absolute deadlines: a tone for the time he speaks, then digital silence until he has heard the reply
for long enough (up to seven buffers longer, in turn); then he speaks into it. With several sessions the users begin at
different moments of the cycle. The first interruption and the first reply of each session are left out.

* Speech recognition gives its words, the language model its ten words and the voice its sound without any delay. Voices
  speak at 24 kHz in pieces of 100 ms; each sample carries the number of its reply.
* Voice activity is judged by loudness. **livekit and pipecat**: one voiced buffer (20 ms) is speech and takes the
  floor, three silent ones (60 ms) end it; no other wait. **Harry**: windows are 32 ms, and buffers are cut to that
  size as they are for a real microphone; two voiced windows in a row make a voice, which takes the floor (fewer never
  do, and *voice declared* is measured there); five silent ones (160 ms) end an utterance, because the words of the
  script are a finished question. How long that silence has to be is a setting and is part of no figure. But after 160
  ms of it Harry transcribes and begins to answer into a slot that nobody hears, and opens it at the end of the
  utterance: if the words are still the same, the first chunk is ready by then. livekit's pre-emptive generation is
  the same idea, and is on. A guess that has to be withdrawn costs CPU time, which this script, without pauses, does
  not show.
* *Voice declared* and *end of speech declared* are the moments at which the detector says so, in all three before the
  framework hears of it. *Cut* is when the output will play nothing more of the reply: Harry's card is told to throw
  away what it holds; livekit's output is paused or cleared, whichever comes first; pipecat's output has handled the
  interruption. *First chunk* is when the output has taken the first sound of the reply: Harry's gate (open, so that
  the next pull of the card takes it), livekit's `capture_frame`, pipecat's `write_audio_frame`.
* CPU time is that of the whole process, harness included; for a latency, it is the process's CPU time between the
  same two events. With one session it is about what the clock of a quiet machine would show.
* *Stale samples* are counted by the number they carry, from the cut on.
* **livekit** runs as `AgentSession` without a server, with pausing, pre-emptive generation and the transcript
  synchroniser on. **pipecat** runs the pipeline of its getting-started voice agent, with metrics, RTVI and turn
  tracking on. **Harry** runs whole, with a store in memory.

## Limits: what these figures do not say

* The outputs differ, because each framework has its own idea of one. Harry's card pulls every 20 ms, also when
  nothing sounds. pipecat's is paced chunk by chunk, as its websocket transport is, and holds about 40 ms that
  nobody can take back (not counted here). livekit's is virtual, takes everything at once and costs next to nothing,
  which is its best case. Harry's card and livekit's can throw away what they hold; a sound card behind PortAudio
  cannot, and plays on for some 50 ms.
* Microphone and loudspeaker of Harry's card share one tick, as in a duplex sound card; the peers' feed and output wake
  the process separately. The line below each table says what either harness costs alone. On a quiet machine most of
  the cost of a single session is that of waking up 50 times a second, in all three.
* *First voiced buffer -> cut* includes Harry's cutting into windows and the second window: a voice is declared 20 to
  60 ms after its first buffer came; in the peers, as set here, at once. With each project's own detector and its
  usual waits (pipecat 200 ms, livekit 500 ms of speech), those waits are far larger than anything here.
* The first sound leaves Harry's gate at the next pull of the card, up to one block later.
* Memory at the start is growth per session: it includes what is imported for the first session.
* All three use one core. No network, no encoding, no real engine: twenty-five users in one process is a question of
  overhead, not a deployment.
"""
