"""Does Harry wait for you to finish, and not longer: scored by the method of eot-bench, on a set made here.

Every pause of a labelled turn is a decision: within the turn it must be waited out, at its end it should not. Each is
judged with what was known then: the sound up to it, and the real ear's words of that. As eot-bench does
(https://github.com/livekit/eot-bench), a policy of three knobs (likelihood that ends the turn; least silence; most
silence) is swept over the likelihoods, and the best false cut-offs at a mean dead air of 300 ms and the least dead air
at 5 % false cut-offs are told, with those of silence alone. A pause within a synthesised turn counts with twenty
lengths, the twentieths of the published distribution. `as_shipped` is the state machine as it is, with Silero's windows
and the time the ear and the turn model took on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import trio

from actors.protocols import Recognition, Samples, SpeechToText, VoiceActivityStream
from actors.turn_taking.endpointing import Endpointing, Sign
from channels.messages import EAR_RATE, FRAME_SAMPLES
from harry.bench.endpoint_set import HELD_OUT, TURNS
from harry.bench.endpoint_sound import (
    MAX_PAUSE_SECONDS,
    MEDIAN_PAUSE_SECONDS,
    MIN_PAUSE_SECONDS,
    SPREAD,
    SpokenTurn,
    load_recorded_turns,
    speak_turns,
)
from harry.engines.registry import find_engine_class
from harry.errors import EngineUnavailable
from harry.mind.llamacpp.turn_detector import TurnWords, TurnWordsSettings

_HEARD, _MADE_UP = 0.2, 0.1
"""Seconds of silence in what the ear is given, heard and made up, as the transcriber gives it."""
_APPROACH = 0.7
"""Seconds of voice before a pause that the state machine is shown."""
_WINDOW = FRAME_SAMPLES / EAR_RATE
_DELAYS = np.arange(0.2, 1.61, 0.05)
_TIMEOUTS = np.arange(0.2, 3.01, 0.1)
_TWENTIETHS = tuple(
    min(
        MAX_PAUSE_SECONDS,
        MIN_PAUSE_SECONDS + MEDIAN_PAUSE_SECONDS * float(np.exp(SPREAD * NormalDist().inv_cdf((place + 0.5) / 20))),
    )
    for place in range(20)
)


@dataclass(frozen=True, slots=True)
class Decision:
    """A pause as it was judged. `lengths` are the seconds it may have lasted, () at the end of a turn.

    `held_out` says that the rules were not tuned on its turn.
    `likelihood` is from ear and turn model, `by_words` from the ear alone; `fires_at` is when the state machine takes
    the turn for ended if nothing more is said, in seconds after the voice.
    """

    held_out: bool
    text: str
    lengths: tuple[float, ...]
    by_words: float
    likelihood: float
    fires_at: float
    took: float


@dataclass(frozen=True, slots=True)
class _Known:
    """What ear and turn model say of a pause, and how many seconds after they were asked."""

    text: str
    ear: float | None
    read_after: float
    model: float | None
    judged_after: float


class _Judge:
    """The engines, and how a pause is put to them."""

    def __init__(self, ear: SpeechToText, voice_activity: Any, model: Any) -> None:
        self._ear = ear
        self._voice_activity = voice_activity
        self._model = model

    async def judge(self, turn: SpokenTurn) -> list[Decision]:
        made = []
        for place, pause in enumerate(turn.pauses):
            ends = place == len(turn.pauses) - 1
            lengths = _TWENTIETHS if turn.origin == "synthesised" else (pause.end - pause.start,)
            heard = turn.samples[: round((pause.start + _HEARD) * EAR_RATE)]
            began = time.perf_counter()
            heard_as = Recognition.of(await self._ear.transcribe(np.pad(heard, (0, round(_MADE_UP * EAR_RATE)))))
            text, ear = heard_as.text, heard_as.finished
            read = time.perf_counter() - began
            likelihood = None if self._model is None else await self._model.likelihood(text, heard)
            known = _Known(text, ear, read, likelihood, time.perf_counter() - began)
            by_words, both = _likelihood(text, ear, None), _likelihood(text, ear, likelihood)
            fires_at = self._play(turn.samples, pause.start, known)
            made.append(
                Decision(
                    turn.text in HELD_OUT, text, () if ends else lengths, by_words, both, fires_at, known.judged_after
                )
            )
        return made

    def _play(self, samples: Samples, ceased: float, known: _Known) -> float:
        """Show the voice before a pause, and then silence, to the state machine, and the words once they are there."""
        stream: VoiceActivityStream = self._voice_activity.open_stream()
        machine = Endpointing(patience=1.0)
        first = max(0, round((ceased - _APPROACH) * EAR_RATE))
        voice = samples[first : round(ceased * EAR_RATE)]
        quiet = np.random.default_rng(1).standard_normal(4 * EAR_RATE).astype(np.float32) * 0.0005
        sound = np.concatenate([quiet[:EAR_RATE], voice, quiet])
        zero = (EAR_RATE + len(voice)) / EAR_RATE
        asked = until = None
        for at in range(0, len(sound) - FRAME_SAMPLES, FRAME_SAMPLES):
            end = (at + FRAME_SAMPLES) / EAR_RATE
            sign = machine.hear(stream.probability(sound[at : at + FRAME_SAMPLES]), end - _WINDOW, end)
            if asked is not None and until is not None and sign is not Sign.STOPPED and end >= asked + known.read_after:
                sign = machine.words(known.text, until, end, known.ear)
                if known.model is not None and end >= asked + known.judged_after and sign is not Sign.STOPPED:
                    sign = machine.weigh_turn_model(known.model, until, end)
            if sign is Sign.PAUSED:
                asked, until = end, machine.voice_ended_at
            elif sign is Sign.RESUMED:
                asked = None
            elif sign is Sign.STOPPED and end > zero - 0.1:
                return end - zero
        return 3.0


def _likelihood(text: str, ear: float | None, model: float | None) -> float:
    machine = Endpointing(speaking=True)
    machine.words(text, 0.0, 0.0, ear)
    if model is not None:
        machine.weigh_turn_model(model, 0.0, 0.0)
    return machine.likelihood


async def _decide(n: int) -> list[Decision]:
    def engine(role: str, kind: str, **settings: Any) -> Any:
        found = find_engine_class(role, kind)
        return found.load(kind, found.Settings(**settings))

    voice = engine("text_to_speech", "piper")
    judge = _Judge(
        engine("speech_to_text", "moonshine", deadline=60.0), engine("voice_activity", "silero"), _turn_model()
    )
    turns = [*await speak_turns(TURNS[:n], voice), *load_recorded_turns()]
    return [decision for turn in turns for decision in await judge.judge(turn)]


def _turn_model() -> Any:
    try:
        return TurnWords.load("turn-words", TurnWordsSettings())
    except EngineUnavailable:
        return None


def score_policies(holds: Sequence[tuple[float, Sequence[float]]], ends: Sequence[float]) -> dict[str, float | None]:
    """Find the operating points of the best policies over likelihoods: `holds` with the lengths of each, and of `ends`.

    A policy waits `delay` seconds where the likelihood reaches a threshold, else `timeout`; it cuts off a pause that is
    longer than that. Shares in percent, dead air in milliseconds; None where no policy gets there.
    """
    likelihoods = np.array([likelihood for likelihood, lengths in holds for _ in lengths])
    lengths = np.array([length for _, pauses in holds for length in pauses])
    weights = np.array([1 / len(pauses) for _, pauses in holds for _ in pauses])
    weights /= weights.sum()
    at_end = np.array(ends)
    cut_by_delay = (_DELAYS[:, None] < lengths) * weights
    cut_by_timeout = (_TIMEOUTS[:, None] < lengths) * weights
    in_order = _DELAYS[:, None] - 1e-9 <= _TIMEOUTS
    points: list[tuple[float, float]] = []
    for threshold in sorted({0.0, 1.1, *likelihoods, *at_end}):
        surely, finished = likelihoods >= threshold, float(np.mean(at_end >= threshold))
        cut = (cut_by_delay @ surely)[:, None] + cut_by_timeout @ ~surely
        wait = (finished * _DELAYS)[:, None] + (1 - finished) * _TIMEOUTS
        points += zip(cut[in_order].tolist(), wait[in_order].tolist(), strict=True)
    return _operating_points(points)


def score_silence_only(lengths: Iterable[Sequence[float]]) -> dict[str, float | None]:
    """Find the same for silence alone: a pause longer than the delay is cut off."""
    all_lengths = [tuple(pauses) for pauses in lengths]
    points = [
        (float(np.mean([np.mean(np.array(pauses) > delay) for pauses in all_lengths])), float(delay))
        for delay in np.arange(0.2, 3.01, 0.05)
    ]
    return _operating_points(points)


def _operating_points(points: Sequence[tuple[float, float]]) -> dict[str, float | None]:
    def fewest(air: float) -> float | None:
        reached = [cut for cut, wait in points if wait <= air + 1e-9]
        return round(100 * min(reached), 1) if reached else None

    def least(share: float) -> float | None:
        reached = [wait for cut, wait in points if cut <= share + 1e-9]
        return round(1000 * min(reached)) if reached else None

    return {
        "false_cut_offs_at_300_ms": fewest(0.3),
        "false_cut_offs_at_600_ms": fewest(0.6),
        "dead_air_ms_at_5_percent": least(0.05),
        "dead_air_ms_at_10_percent": least(0.10),
    }


def _score(decisions: Sequence[Decision]) -> dict[str, Any]:
    holds = [decision for decision in decisions if decision.lengths]
    ends = [decision for decision in decisions if not decision.lengths]
    waits = [decision.fires_at for decision in ends]
    cut = [float(np.mean(np.array(decision.lengths) > decision.fires_at)) for decision in holds]
    return {
        "pauses": len(holds),
        "ends": len(ends),
        "words_and_turn_model": score_policies(
            [(decision.likelihood, decision.lengths) for decision in holds], [e.likelihood for e in ends]
        ),
        "words": score_policies(
            [(decision.by_words, decision.lengths) for decision in holds], [decision.by_words for decision in ends]
        ),
        "silence_only": score_silence_only(decision.lengths for decision in holds),
        "as_shipped": {
            "false_cut_offs": round(100 * float(np.mean(cut)), 1),
            "dead_air_ms": {
                "mean": round(1000 * float(np.mean(waits))),
                "p50": round(1000 * float(np.percentile(waits, 50))),
                "p95": round(1000 * float(np.percentile(waits, 95))),
            },
        },
    }


def run(n: int) -> dict[str, Any]:
    """Judge the pauses of the first `n` turns of the set, and of the recordings. Shares in percent."""
    decisions = trio.run(_decide, min(n, len(TURNS)))
    unseen = [decision for decision in decisions if decision.held_out]
    return {
        "turns": min(n, len(TURNS)),
        **_score(decisions),
        "held_out": _score(unseen),
        "decision_ms": round(1000 * float(np.median([decision.took for decision in decisions]))),
        "set": "synthesised with Piper, one voice, pauses of published lengths at places marked by hand; 9 recordings",
    }
