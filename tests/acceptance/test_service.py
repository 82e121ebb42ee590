"""Harry under a real systemd user instance: ready, restarted after a crash, bitten by the watchdog, ended in order.

The instance runs in mount and cgroup namespaces of its own, so that it moves none of the machine's processes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        os.geteuid() != 0 or not Path("/lib/systemd/systemd").exists() or shutil.which("unshare") is None,
        reason="needs root, systemd and unshare",
    ),
]

SCRIPT = r"""
set -eu
mkdir -p /run/systemd; mount -t tmpfs none /run/systemd; mkdir /run/systemd/system
/lib/systemd/systemd --user --log-level=warning &
manager=$!
until systemctl --user is-system-running --wait; do :; done
harry() { "$PYTHON" -m harry.cli.app "$@"; }
property() { systemctl --user show harry.service --property="$1" --value; }
restarted() { until [ "$(property NRestarts)" = "$1" ] && [ "$(property ActiveState)" = active ]; do :; done; }
mkdir -p "$HOME/.config/systemd/user/harry.service.d"
printf '[Service]\nWatchdogSec=5\n' > "$HOME/.config/systemd/user/harry.service.d/short.conf"
harry service install
echo "ready: $(property StatusText)"
harry status --json > "$HOME/status.json"
systemctl --user reload harry.service; echo "reloaded: $(property ActiveState)"
printf '[turn]\nattention_windo = 5.0\n' > "$HARRY_HOME/harry.toml"
systemctl --user reload harry.service || echo "not reloaded: $(property ActiveState)"
rm "$HARRY_HOME/harry.toml"
kill -HUP "$(property MainPID)"; harry reload; echo "after a hangup: $(property ActiveState) $(property NRestarts)"
kill -9 "$(property MainPID)"; restarted 1; echo "restarted after a crash"
kill -STOP "$(property MainPID)"; restarted 2; echo "bitten by the watchdog: $(property Result)"
harry service stop; echo "ended: $(property ExecMainStatus)"
harry service uninstall
kill "$manager"
"""


def test_systemd_starts_watches_restarts_and_ends_him(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    known = {name: value for name, value in os.environ.items() if not name.startswith(("HARRY_", "XDG_"))}
    known |= {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "PYTHON": sys.executable}
    known["HARRY_HOME"] = str(tmp_path / "harry")
    done = subprocess.run(
        ["unshare", "--mount", "--cgroup", "sh", "-c", SCRIPT],
        env=known, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    told = done.stdout.splitlines()
    assert done.returncode == 0, done
    assert "ready: Ready for typed words and the page; there is no microphone." in told
    assert "reloaded: active" in told
    assert "not reloaded: active" in told
    assert "after a hangup: active 0" in told
    assert "restarted after a crash" in told
    assert any(line.startswith("bitten by the watchdog") for line in told)
    assert "ended: 0" in told
    assert '"ready": true' in (tmp_path / "status.json").read_text()
    assert not (tmp_path / ".config/systemd/user/harry.service").exists()
