"""The functions of `harry.compat` under every kind of caller: trio, asyncio, plain code, a thread, a running loop."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import pytest
import trio

from harry.compat import knowledgebase_search_async, loaders_async, ltm_async, portal, services
from harry.config.loading import Config
from harry.config.sections import Memory
from harry.errors import ConfigurationError, StoreError
from tests.support.compat_home import CALLERS, home  # noqa: F401  (a fixture)

pytestmark = pytest.mark.usefixtures("home")

MODULES = (loaders_async, ltm_async, knowledgebase_search_async)
SEED = {
    loaders_async: (
        "redis_save redis_load redis_append save_json load_json save_file open_file save_to_soc soc_today "
        "get_yesterday_soc save_to_fleeting_convo_history fleeting"
    ),
    ltm_async: "search memory_search journal_search upsert delete_vector_by_id booksearch notesearch testsearch",
    knowledgebase_search_async: "load_knowledgebase constant_entries kb_entries get_key_matches",
}


def public(module):
    return [each for each in vars(module).values() if inspect.iscoroutinefunction(each) and each.__name__[0] != "_"]


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_the_seed_is_there_with_its_twin_and_a_word_on_it(module):
    for name in SEED[module].split():
        assert inspect.iscoroutinefunction(getattr(module, name))
    for function in public(module):
        if function.__module__ != module.__name__:
            continue
        twin = getattr(module, f"{function.__name__}_sync")
        assert not inspect.iscoroutinefunction(twin)
        assert inspect.signature(twin) == inspect.signature(function)
        assert "services" not in inspect.signature(function).parameters
        assert len(function.__doc__) > 20
        assert function.__doc__ in twin.__doc__
        assert twin.__name__ == f"{function.__name__}_sync"


@pytest.mark.parametrize("caller", CALLERS)
def test_the_async_function_can_be_awaited_under(caller):
    run = CALLERS[caller]
    run(loaders_async.redis_save, "mood", "calm")
    assert run(loaders_async.redis_load, "mood") == "calm"
    assert run(loaders_async.redis_load, "mood", username="bob") is None


def test_the_twin_works_in_plain_code_in_a_thread_and_inside_running_loops():
    loaders_async.redis_save_sync("mood", "calm")
    heard = []

    def ask() -> None:
        heard.append(loaders_async.redis_load_sync("mood"))

    async def main() -> None:
        ask()

    ask()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    asyncio.run(main())
    trio.run(main)
    assert heard == ["calm"] * 4


def test_many_callers_at_once_share_one_store():
    async def main() -> None:
        await asyncio.gather(*(loaders_async.redis_append("log", f"{number}") for number in range(50)))

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaders_async.redis_entries_sync("log")) == 200


@pytest.mark.parametrize("caller", CALLERS)
def test_errors_reach_the_caller_as_they_are(caller):
    for ask in (
        lambda: CALLERS[caller](loaders_async.redis_save, "", "x"),
        lambda: loaders_async.redis_save_sync("", "x"),
    ):
        with pytest.raises(ValueError, match="1 to 1000 characters"):
            ask()


# A portal of a test's own


class Slow:
    """Services that take their time, and say when they were let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.left = threading.Event()
        self.opened = 0
        self.closed = 0

    @asynccontextmanager
    async def open(self):
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1

    async def hang(self) -> None:
        self.entered.set()
        try:
            await trio.sleep_forever()
        finally:
            self.left.set()


@pytest.fixture
def slow():
    made = Slow()
    door = portal.Portal(made.open)
    yield made, portal.port(door)(Slow.hang), door
    door.close()
    assert made.opened == made.closed


def test_a_call_that_is_cancelled_under_asyncio_ends_in_the_thread_too(slow):
    made, hang, _ = slow

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(hang(), 0.05)

    asyncio.run(main())
    assert made.left.wait(10)


async def test_a_call_that_is_cancelled_under_trio_ends_in_the_thread_too(slow):
    made, hang, _ = slow
    with trio.move_on_after(0.05) as scope:
        await hang()
    assert scope.cancelled_caught
    assert await trio.to_thread.run_sync(made.left.wait, 10)


@pytest.mark.parametrize("caller", [*CALLERS, "plain"])
def test_no_call_takes_longer_than_its_bound(slow, caller, monkeypatch):
    made, hang, door = slow
    monkeypatch.setattr(door, "within", 0.05)
    with pytest.raises(StoreError, match="did not answer"):
        portal.make_synchronous(hang)() if caller == "plain" else CALLERS[caller](hang)
    assert made.left.wait(10)


def test_closing_ends_what_still_runs_and_the_next_call_begins_anew(slow):
    made, hang, door = slow
    failed = []

    def call() -> None:
        try:
            portal.make_synchronous(hang)()
        except StoreError as error:
            failed.append(str(error))

    for life in (1, 2):
        thread = threading.Thread(target=call)
        thread.start()
        assert made.entered.wait(10)
        made.entered.clear()
        door.close()
        thread.join(10)
        assert made.closed == life
    assert failed == ["Harry's memory was closed meanwhile."] * 2


def test_a_twin_called_in_the_portals_own_thread_says_so_instead_of_waiting_for_itself(slow):
    _, hang, door = slow

    async def ask_itself(_: Slow) -> None:
        portal.make_synchronous(hang)()

    with pytest.raises(RuntimeError, match="wait for one another"):
        portal.make_synchronous(portal.port(door)(ask_itself))()


def test_a_store_that_cannot_be_opened_is_said_and_tried_again(home, tmp_path):  # noqa: F811
    home.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="is a file"):
        loaders_async.redis_load_sync("mood")
    home.unlink()
    assert loaders_async.redis_load_sync("mood") is None


def test_a_memory_that_keeps_nothing_is_refused_but_files_are_not(tmp_path):
    services.configure(Config(memory=Memory(store="memory")))
    with pytest.raises(ConfigurationError, match="nothing is kept"):
        loaders_async.redis_save_sync("mood", "calm")
    loaders_async.save_file_sync(tmp_path / "text", "kept")
    assert loaders_async.open_file_sync(tmp_path / "text") == "kept"


def test_a_process_that_only_calls_and_ends_leaves_everything_kept(home):  # noqa: F811
    script = "from harry.compat import loaders_async as l; l.redis_save_sync('mood', 'calm'); print('kept')"
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(
        command, env={**os.environ, "HARRY_HOME": str(home)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("kept\n", "")
    assert loaders_async.redis_load_sync("mood") == "calm"


def test_a_forked_child_works_on_without_the_thread_and_the_locks_of_its_parent(home):  # noqa: F811
    script = (
        "import os, signal; from harry.compat import loaders_async as l, services; l.redis_save_sync('mood', 'calm')\n"
        "services.portal._starting.acquire()  # as by another thread, in the very moment of the fork\n"
        "child = os.fork()\n"
        "if child: os.waitpid(child, 0); services.portal._starting.release()\n"
        "else: signal.alarm(30)\n"
        "print(l.redis_load_sync('mood'), flush=True)\n"
        "if not child: os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "HARRY_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.stdout == "calm\ncalm\n"
