"""The bench of the Realtime protocol measures what it says: two short conversations, with no bound on how fast."""

from __future__ import annotations

from harry.bench import realtime


def test_the_bench_interrupts_by_the_protocol_and_no_sound_of_a_flushed_reply_comes() -> None:
    found = realtime.run(2, 10.0)
    assert found["sessions"] == 2
    assert found["interruptions"] >= 1
    assert found["detection_to_client_flush_ms"]["p50"] > 0
    assert found["first_voice_to_client_flush_ms"]["p50"] > found["detection_to_client_flush_ms"]["p50"]
    assert 0 < found["ahead_ms_max"] <= 200
    assert found["sound_after_flush"] == 0
    assert (found["failures"], found["tasks_left"]) == (0, 0)
