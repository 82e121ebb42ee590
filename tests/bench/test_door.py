"""The bench of the door measures what it says it does: two short conversations, with no bound on how fast they are."""

from __future__ import annotations

from harry.bench import door


def test_the_bench_interrupts_through_the_door_and_leaves_nothing_behind() -> None:
    found = door.run(2, 10.0)
    assert found["sessions"] == 2
    assert found["interruptions"] >= 1
    assert found["detection_to_client_flush_ms"]["p50"] > 0
    assert found["first_voice_to_client_flush_ms"]["p50"] > found["detection_to_client_flush_ms"]["p50"]
    assert found["frames_received_of_expected"] > 0.5
    assert (found["failures"], found["tasks_left"]) == (0, 0)
