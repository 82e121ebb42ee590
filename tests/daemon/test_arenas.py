"""The heaps of glibc are bounded, unless whoever starts Harry bounded them already."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, sys, threading
from harry.daemon.arenas import bound_arenas
print(bound_arenas(), flush=True)
held = []
def work():
    held.append([bytes(1000) for _ in range(2000)])
    ready.wait()
ready = threading.Barrier(17)
threads = [threading.Thread(target=work) for _ in range(16)]
for each in threads: each.start()
ready.wait()
for each in threads: each.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(not hasattr(__import__("ctypes").CDLL(None), "malloc_info"), reason="another C library than glibc")
@pytest.mark.parametrize(("variable", "bounded"), [(None, "True"), ("5", "False")])
def test_threads_share_two_heaps_unless_somebody_wanted_another_number(variable: str | None, bounded: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", **({"MALLOC_ARENA_MAX": variable} if variable else {})}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == bounded
    assert done.stdout.count("<heap nr=") <= (int(variable) if variable else 2)
