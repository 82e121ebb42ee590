"""Messages of Wyoming on the wire: read in whatever pieces they come, and bounded."""

from __future__ import annotations

import json

import pytest
from harry_wyoming.codec import MAX_DATA_BYTES, MAX_HEAD_BYTES, MAX_PAYLOAD_BYTES, EventReader, WyomingFormatError, pack
from harry_wyoming.messages import AudioChunk, Event, Transcript
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
EVENTS = st.builds(
    Event,
    type=st.text(min_size=1, max_size=20),
    data=st.dictionaries(st.text(), JSON, max_size=4),
    payload=st.none() | st.binary(min_size=1, max_size=200),
)


@given(st.lists(EVENTS, max_size=4), st.integers(1, 50))
def test_what_is_written_is_read_in_whatever_pieces_it_comes(events: list[Event], size: int) -> None:
    wire = b"".join(map(pack, events))
    reader = EventReader()
    read = [event for at in range(0, len(wire), size) for event in reader.feed(wire[at : at + size])]
    assert read == events
    assert not reader.is_within


def test_data_within_the_line_and_behind_it_are_merged_and_the_later_wins() -> None:
    behind = b'{"text": "later", "more": 1}'
    head = {"type": "transcript", "data": {"text": "first", "language": "en"}, "data_length": len(behind)}
    [event] = EventReader().feed(json.dumps(head).encode() + b"\n" + behind)
    assert event.data == {"text": "later", "language": "en", "more": 1}
    assert Transcript.from_event(event) == Transcript("later", None, "en")


def test_an_empty_message_has_neither_data_nor_payload() -> None:
    [event] = EventReader().feed(b'{"type": "describe", "data": null, "payload_length": null}\n')
    assert (event.type, event.data, event.payload) == ("describe", {}, None)


def test_sound_goes_as_bytes() -> None:
    chunk = AudioChunk(rate=16_000, width=2, channels=1, audio=b"\n\0" * 10)
    [event] = EventReader().feed(pack(chunk.event()))
    assert AudioChunk.from_event(event) == chunk


@pytest.mark.parametrize(
    "wire",
    [
        b"x" * (MAX_HEAD_BYTES + 1),
        b"x" * (MAX_HEAD_BYTES + 1) + b"\n",
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b"[1]\n",
        b"{}\n",
        b'{"type": 1}\n',
        b'{"type": "a", "data": [1]}\n',
        b'{"type": "a", "data_length": -1}\n',
        b'{"type": "a", "data_length": true}\n',
        b'{"type": "a", "data_length": "1"}\n',
        b'{"type": "a", "data_length": 1.5}\n',
        b'{"type": "a", "data_length": %d}\n' % (MAX_DATA_BYTES + 1),
        b'{"type": "a", "payload_length": %d}\n' % (MAX_PAYLOAD_BYTES + 1),
        b'{"type": "a", "data_length": 3}\n[1]',
        b'{"type": "a", "data_length": 3}\n\xff\xfe\xfd',
        b"[" * 60_000 + b"\n",
        b'{"type": "a", "data_length": 9000}\n' + b'{"a":' * 1800,
    ],
)
def test_what_is_no_message_or_too_large_ends_the_reading(wire: bytes) -> None:
    with pytest.raises(WyomingFormatError):
        list(EventReader().feed(wire))


def test_messages_that_come_at_once_are_read_one_by_one() -> None:
    # Thousands fit into what is read of a connection at once: to read all of them would hold up everybody who talks.
    read = EventReader().feed(b'{"type": "a"}\n{"type": "b"}\n' + b"no message\n")
    assert [next(read).type, next(read).type] == ["a", "b"]
    with pytest.raises(WyomingFormatError):
        next(read)


def test_a_reader_may_take_less_than_another() -> None:
    wire = b'{"type": "a", "data_length": 10}\n{"b": "c"}'
    [event] = EventReader(max_data=10).feed(wire)
    assert event.data == {"b": "c"}
    with pytest.raises(WyomingFormatError):
        next(EventReader(max_data=9).feed(wire))


def test_how_much_is_to_be_read_is_known_once_it_is_whole() -> None:
    reader = EventReader()
    reader.feed(b'{"type": "a", "data_length": 11, "payload_length": 2}\n{"b": "cd"}x')
    assert (reader.next_size, reader.next()) == (0, None)
    reader.feed(b"y")
    assert reader.next_size == 11
    assert reader.next() == Event("a", {"b": "cd"}, b"xy")
    assert (reader.next_size, reader.is_within) == (0, False)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(wire: bytes) -> None:
    reader = EventReader()
    try:
        list(reader.feed(wire))
        list(reader.feed(b'{"type": "a"}\n'))
    except WyomingFormatError:
        pass
