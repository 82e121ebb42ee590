"""What was loaded before the conversation is passed over by the collector, and looked at again after it."""

from __future__ import annotations

import gc

from harry.daemon.gc_freeze import start_kept


def test_what_was_there_before_is_not_looked_through_and_garbage_of_the_conversation_is_still_found() -> None:
    before = len(gc.get_objects())
    with start_kept():
        assert len(gc.get_objects()) < before / 10
        ring: list[object] = []
        ring.append(ring)
        del ring
        assert gc.collect() >= 1
    assert gc.get_freeze_count() == 0
