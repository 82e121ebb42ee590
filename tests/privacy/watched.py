"""Runs a program in a home of its own, without a network, and tells what it tried to reach and what it wrote.

strace sees what native libraries do as well, in every thread and child process. The variables that make libraries quiet
in tests and on build machines are taken away, so that the program behaves as it does at a user's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CALLS = "connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,symlink,symlinkat"
_UNSHARED = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
_STRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "300", "-e", f"trace={_CALLS}", "-e", "signal=none"]

_INTERNET = re.compile(r'sa_family=AF_INET6?, .*?htons\((\d+)\).*?inet_(?:addr|pton)\((?:AF_INET6, )?"([^"]+)"')
_RESOLVER = re.compile(r'sa_family=AF_UNIX, sun_path="([^"]*(?:[Rr]esolve|avahi|mdns)[^"]*)"')
_OPENED = re.compile(r'\b(?:open|openat)\((?:[^",]+, )?"([^"]*)", ([A-Z_|]+)')
_MADE = re.compile(r'\b(?:creat|mkdir|mkdirat|rename\w*|symlink\w*)\(.*"([^"]*)"')
_WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TMPFILE")
_NO_FILES = ("/dev/", "/proc/", "/sys/")


@dataclass(frozen=True, slots=True)
class Watched:
    """What a program did. `reached`: addresses beyond this computer, and name look-ups; `written`: files by path."""

    code: int
    out: str
    err: str
    reached: list[str]
    written: list[Path]

    def written_beside(self, *folders: Path) -> list[Path]:
        """The files that were written outside these folders, and folders made that do not lead there."""
        return [
            path
            for path in self.written
            if not any(path.is_relative_to(each) or each.is_relative_to(path) for each in folders)
        ]


def watched(
    *command: str, home: Path, here: Path, trace: Path, stdin: str = "", timeout: float = 100.0, **variables: str
) -> Watched:
    """Run a program with the working folder `here` and the home `home`; `trace` is a file for strace.

    `here` is the folder for temporary files as well.
    """
    env = {
        "HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TMPDIR": str(here),
        "PYTHONDONTWRITEBYTECODE": "1", **variables,
    }  # fmt: skip
    done = subprocess.run(
        [*_UNSHARED, *_STRACE, "-o", str(trace), *command],
        input=stdin, capture_output=True, text=True, timeout=timeout, env=env, cwd=here, check=False,
    )  # fmt: skip
    lines = trace.read_text(errors="replace").splitlines()
    return Watched(
        done.returncode,
        done.stdout,
        done.stderr,
        [found for line in lines if (found := _reached(line))],
        sorted({path for line in lines if (path := _written(line, here))}),
    )


def harry(*call: str, home: Path, here: Path, trace: Path, stdin: str = "", **variables: Any) -> Watched:
    """Run a command of Harry's."""
    command = (sys.executable, "-m", "harry.cli.app", *call)
    return watched(*command, home=home, here=here, trace=trace, stdin=stdin, **variables)


def _reached(line: str) -> str:
    resolver = _RESOLVER.search(line)
    if resolver:
        return resolver[1]
    found = _INTERNET.search(line)
    if found is None:
        return ""
    port, host = found.groups()
    # A name server on this computer asks others.
    loopback = host.startswith("127.") or host == "::1"
    return "" if loopback and port != "53" else f"{host}:{port}"


def _written(line: str, here: Path) -> Path | None:
    if " = -1 E" in line:
        return None
    opened = _OPENED.search(line)
    if opened is not None:
        name, flags = opened.groups()
        if not any(flag in flags for flag in _WRITES):
            return None
    else:
        made = _MADE.search(line)
        if made is None:
            return None
        name = made[1]
    return None if name.startswith(_NO_FILES) else Path(os.path.normpath(here / name))
