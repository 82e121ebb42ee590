"""Blocking work in threads: deadlines, cancellation, retirement, and what an abandoned thread may still do."""

import threading
import time

import pytest
import trio

from harry.engines.worker_threads import Emit, WorkerThreads
from harry.errors import EngineError, EngineTimeout


async def test_the_result_of_the_work_comes_back() -> None:
    assert await WorkerThreads("engine", deadline=5).run(lambda a, b: a + b, 1, 2) == 3


async def test_an_error_of_the_work_becomes_an_engine_error_with_its_cause() -> None:
    def breaks() -> None:
        raise ZeroDivisionError("no")

    with pytest.raises(EngineError, match="engine failed: ZeroDivisionError: no") as caught:
        await WorkerThreads("engine", deadline=5).run(breaks)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_a_cancelled_call_returns_at_once_and_tells_the_engine_to_stop() -> None:
    stop = threading.Event()
    offload = WorkerThreads("engine", deadline=60)
    with trio.fail_after(5):
        with trio.move_on_after(0.05):
            await offload.run(stop.wait, 30, abort=stop.set)
    assert stop.is_set()
    assert not offload.retired


async def test_a_call_that_outlives_its_deadline_retires_the_instance() -> None:
    stop = threading.Event()
    offload = WorkerThreads("engine", deadline=0.05)
    try:
        with pytest.raises(EngineTimeout, match=r"did not answer within 0\.05 seconds"):
            await offload.run(stop.wait, 30)
        assert offload.retired
    finally:
        stop.set()


async def test_waiting_for_a_busy_engine_is_no_hang_of_the_engine() -> None:
    stop = threading.Event()
    offload = WorkerThreads("engine", deadline=0.1)
    offload._limiter = trio.CapacityLimiter(1)
    started = trio.Event()

    async def hold() -> None:
        offload_for_long = WorkerThreads("engine", deadline=60)
        offload_for_long._limiter = offload._limiter
        started.set()
        await offload_for_long.run(stop.wait, 30)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold)
        await started.wait()
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(EngineTimeout, match="too busy"):
            await offload.run(time.time)
        assert not offload.retired
        stop.set()


async def test_items_of_a_stream_arrive_in_order_and_hold_the_engine_back() -> None:
    taken: list[int] = []
    emitted: list[int] = []

    def work(emit: Emit[int]) -> None:
        for number in range(5):
            emitted.append(number)
            emit(number)

    async def send(item: int) -> None:
        assert len(emitted) == item + 1, "the engine waits until the item was taken"
        taken.append(item)
        await trio.lowlevel.checkpoint()

    await WorkerThreads("engine", deadline=5).stream(work, send)
    assert taken == [0, 1, 2, 3, 4]


async def test_a_cancelled_stream_stops_the_engine_at_its_next_item() -> None:
    ended = threading.Event()
    answers: list[bool] = []

    def work(emit: Emit[int]) -> None:
        while True:
            answers.append(emit(1))
            if not answers[-1]:
                break
        ended.set()

    async def send(item: int) -> None:
        await trio.lowlevel.checkpoint()

    with trio.move_on_after(0.05):
        await WorkerThreads("engine", deadline=60).stream(work, send)
    assert await trio.to_thread.run_sync(ended.wait, 5)
    assert answers[-1] is False


async def test_a_cancelled_stream_whose_listener_hangs_frees_the_thread() -> None:
    ended = threading.Event()

    def work(emit: Emit[int]) -> None:
        emit(1)
        ended.set()

    async def send(item: int) -> None:
        await trio.sleep_forever()

    with trio.move_on_after(0.05):
        await WorkerThreads("engine", deadline=60).stream(work, send)
    assert await trio.to_thread.run_sync(ended.wait, 5)


async def test_a_stream_that_falls_silent_is_too_slow_and_a_slow_listener_is_not_its_fault() -> None:
    stop = threading.Event()

    def work(emit: Emit[int]) -> None:
        emit(1)
        emit(2)
        stop.wait(30)

    async def send(item: int) -> None:
        await trio.sleep(0.15)

    offload = WorkerThreads("engine", deadline=0.1)
    began = trio.current_time()
    try:
        with pytest.raises(EngineTimeout, match="said nothing"):
            await offload.stream(work, send)
    finally:
        stop.set()
    assert trio.current_time() - began >= 0.4
    assert offload.retired
