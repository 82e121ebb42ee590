"""Events have types, and plug-ins may still tell them by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from channels.clock import AudioClock
from channels.event_types import BY_NAME, Degraded, Heard, SpeechStarted
from channels.events import Event, EventStream, EventSubscription
from tests.channels.sample_events import sample


@pytest.fixture
def stream() -> EventStream:
    return EventStream(AudioClock())


@pytest.fixture
def told(stream: EventStream) -> EventSubscription:
    return stream.listen()


@pytest.mark.parametrize("name", BY_NAME)
def test_nobody_changes_what_happened(name: str) -> None:
    event = sample(name)
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        event.turn = "another"  # type: ignore[misc]
    assert not hasattr(event, "__dict__")


def test_an_event_that_a_plug_in_tells_by_name_is_what_harry_s_own_would_be(
    stream: EventStream, told: EventSubscription
) -> None:
    stream.publish("speech_started", at=1.0, utterance="one")
    stream.publish("heard", turn="turn", at=2.0, text="Yes.")
    assert told.take_waiting() == [
        Event(1.0, SpeechStarted(utterance="one")),
        Event(2.0, Heard(turn="turn", text="Yes.")),
    ]


def test_an_event_that_only_a_plug_in_knows_is_written_as_it_was_told(
    stream: EventStream, told: EventSubscription
) -> None:
    stream.publish("tea", at=1.23456, turn="turn", cups=2, over=False)
    [event] = told.take_waiting()
    assert list(event.to_dict().items()) == [
        ("at", 1.2346), ("event", "tea"), ("turn", "turn"), ("cups", 2), ("over", False),
    ]  # fmt: skip


@pytest.mark.parametrize("values", [{}, {"utterance": "one", "loud": True}, {"utterance": "one", "turn": "turn"}])
def test_a_field_that_an_event_of_harry_s_lacks_or_does_not_have_is_refused(
    stream: EventStream, told: EventSubscription, values: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match=r"SpeechStarted.*(missing|unexpected)"):
        stream.publish("speech_started", **values)
    assert told.take_waiting() == []


def test_a_field_is_left_out_only_while_it_says_nothing() -> None:
    assert Event(0.0, Degraded(message="No disk.")).fields == {"message": "No disk."}
    assert Event(0.0, Degraded(message="A disk.", over=True)).fields == {"message": "A disk.", "over": True}
    assert Event(0.0, sample("transcript", meant=False)).fields["meant"] is False
