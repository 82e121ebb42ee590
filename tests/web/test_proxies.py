"""What a reverse proxy says of its clients is believed of those that are named, and of nobody else."""

from __future__ import annotations

import pytest

from harry.config.loading import load_config
from harry.errors import ConfigurationError
from harry.web.server.http import Request
from harry.web.server.proxies import Proxies

NAMED = Proxies(["127.0.0.1", "10.0.0.0/8", "::1"])


def through(peer: str = "127.0.0.1", **headers: str) -> Request:
    given = {"host": "127.0.0.1:8765", **{f"x-forwarded-{name}": value for name, value in headers.items()}}
    return NAMED.seen(Request("GET", "/", given, peer))


def test_a_named_proxy_tells_whom_it_asks_for() -> None:
    seen = through(**{"for": "203.0.113.7"}, proto="https", host="harry.example:8443")
    assert (seen.peer, seen.secure, seen.headers["host"]) == ("203.0.113.7", True, "harry.example:8443")


@pytest.mark.parametrize("peer", ["192.168.0.9", "11.0.0.1", "", "10.0.0.1.evil", "::2"])
def test_nobody_else_does(peer: str) -> None:
    seen = through(peer, **{"for": "203.0.113.7"}, proto="https", host="harry.example")
    assert (seen.peer, seen.secure, seen.headers["host"]) == (peer, False, "127.0.0.1:8765")


@pytest.mark.parametrize(
    ("told", "peer"),
    [
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first one said so itself
        ("203.0.113.7, 10.1.2.3", "203.0.113.7"),  # a chain of named proxies
        ("10.1.2.3", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("nonsense", "127.0.0.1"),
        ("203.0.113.7, nonsense", "127.0.0.1"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "127.0.0.1"),
    ],
)
def test_only_what_the_proxy_added_counts(told: str, peer: str) -> None:
    assert through(**{"for": told}).peer == peer


def test_of_several_schemes_and_hosts_the_proxy_s_own_counts() -> None:
    assert not through(proto="https, http").secure
    assert through(host="evil.example, harry.example").headers["host"] == "harry.example"
    assert through(proto="").headers["host"] == "127.0.0.1:8765"


@pytest.mark.parametrize("named", ["proxy.example", "10.0.0.0/99", "*"])
def test_a_proxy_is_named_by_its_address(named: str) -> None:
    with pytest.raises(ConfigurationError, match=r"web\.proxies"):
        load_config(sets=[f'web.proxies=["{named}"]'], environ={"HARRY_HOME": "/nowhere"})
    assert load_config(sets=['web.proxies=["10.0.0.0/8", "::1"]'], environ={"HARRY_HOME": "/nowhere"}).web.proxies
