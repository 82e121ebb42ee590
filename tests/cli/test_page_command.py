"""`harry page` and `harry page --phone`, on a Harry who really runs."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
from pathlib import Path

from harry.web.server.local_authority import FOLDER, LocalAuthority, own_name
from tests.cli.test_cli import HARRY, environment, harry
from tests.cli.test_control_commands import CALL


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


def test_the_address_of_the_page_is_printed_and_nothing_else(tmp_path: Path) -> None:
    done = harry(tmp_path, "page")
    assert re.fullmatch(r"http://127\.0\.0\.1:8765/enter\?code=[\w-]{43}\n", done.stdout)


def test_without_a_running_harry_there_is_no_way_in_for_a_phone(tmp_path: Path) -> None:
    done = harry(tmp_path, "page", "--phone")
    assert (done.returncode, done.stdout) == (1, "")
    assert "`harry run` starts one." in done.stderr


def test_a_phone_is_given_a_code_an_address_and_what_to_trust(tmp_path: Path) -> None:
    port = free_port()
    running = subprocess.Popen(
        [*HARRY, *CALL, "--set", f"web.phone_port={port}"],
        env=environment(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith(b"{") and json.loads(line)["event"] == "door":
                break
        done = harry(tmp_path, "page", "--phone")
        assert done.returncode == 0, done.stderr
        assert "█" in done.stdout or "▄" in done.stdout
        found = re.search(rf"^https://([\w.-]+):{port}(/enter\?code=\S+)$", done.stdout, re.MULTILINE)
        assert found is not None
        authority = LocalAuthority(next(tmp_path.rglob(FOLDER)).parent)
        assert authority.fingerprint() in done.stdout
        assert f"web.phone_port = {port}" in done.stdout
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(cadata=authority.certificate())
        local = "127.0.0.1" if found[1] == own_name() else found[1]
        phone = http.client.HTTPSConnection(local, port, context=trusting, timeout=20)
        phone.request("GET", found[2])
        assert phone.getresponse().status == 303
        phone.close()
        assert " phone  you" in harry(tmp_path, "token", "list").stdout
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=30)
