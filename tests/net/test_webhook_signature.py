"""Signatures of webhooks: those of Standard Webhooks, and nothing that is changed, old, repeated or of another."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harry.net.webhook_signature import (
    ID,
    MAX_ID_CHARACTERS,
    MAX_SEEN,
    SIGNATURE,
    TIMESTAMP,
    TOLERANCE,
    Inspector,
    Repeated,
    TooMany,
    Untrusted,
    sign,
)

SECRET = "a secret that is long enough"
NOW = 1_800_000_000.0


def test_it_is_the_signature_of_standard_webhooks() -> None:
    # The example of https://github.com/standard-webhooks/standard-webhooks
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers[SIGNATURE] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_request_is_taken_once() -> None:
    inspector = Inspector()
    headers = sign(SECRET, "one", int(NOW), b"{}")
    assert inspector.check(SECRET, headers, b"{}", NOW) == "one"
    with pytest.raises(Repeated):
        inspector.check(SECRET, headers, b"{}", NOW + 1)
    with pytest.raises(Repeated):
        inspector.check(SECRET, sign(SECRET, "one", int(NOW) + 60, b"{}"), b"{}", NOW + 60)
    inspector.forget("one")
    assert inspector.check(SECRET, headers, b"{}", NOW + 1) == "one"


@pytest.mark.parametrize("seconds", [-1e6, -TOLERANCE - 1, TOLERANCE + 1, 1e6])
def test_what_is_too_old_or_of_a_clock_that_is_wrong_is_refused(seconds: float) -> None:
    with pytest.raises(Untrusted, match="timestamp"):
        Inspector().check(SECRET, sign(SECRET, "one", int(NOW + seconds), b"{}"), b"{}", NOW)


def test_what_was_signed_before_the_start_is_refused_for_nobody_knows_whether_it_came() -> None:
    inspector = Inspector(since=NOW)
    with pytest.raises(Untrusted, match="timestamp"):
        inspector.check(SECRET, sign(SECRET, "one", int(NOW) - 1, b"{}"), b"{}", NOW + 1)
    assert inspector.check(SECRET, sign(SECRET, "one", int(NOW), b"{}"), b"{}", NOW + 1)


@given(st.integers(0, 10_000), st.sampled_from([ID, TIMESTAMP, SIGNATURE, "body"]), st.binary(max_size=40))
def test_a_request_of_which_anything_was_changed_is_refused(place: int, part: str, body: bytes) -> None:
    headers = sign(SECRET, "one", int(NOW), body)
    if part == "body":
        changed = bytearray(body or b"x")
        changed[place % len(changed)] ^= 1
        body = bytes(changed)
    else:
        text = headers[part]
        at = place % len(text)
        headers[part] = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    with pytest.raises(Untrusted):
        Inspector().check(SECRET, headers, body, NOW)


@pytest.mark.parametrize("missing", [ID, TIMESTAMP, SIGNATURE])
def test_a_request_that_lacks_a_header_is_refused(missing: str) -> None:
    headers = sign(SECRET, "one", int(NOW), b"{}")
    del headers[missing]
    with pytest.raises(Untrusted):
        Inspector().check(SECRET, headers, b"{}", NOW)


def test_another_secret_is_refused() -> None:
    with pytest.raises(Untrusted):
        Inspector().check(SECRET, sign(f"{SECRET}.", "one", int(NOW), b"{}"), b"{}", NOW)


@pytest.mark.parametrize("identity", ["", "x" * (MAX_ID_CHARACTERS + 1), "one.1800000000"])
def test_an_id_that_is_none_is_refused(identity: str) -> None:
    with pytest.raises(Untrusted):
        Inspector().check(SECRET, sign(SECRET, identity, int(NOW), b"{}"), b"{}", NOW)


def test_one_of_several_signatures_is_enough_while_a_secret_is_changed() -> None:
    headers = sign(SECRET, "one", int(NOW), b"{}")
    other = sign("another secret, the old one", "one", int(NOW), b"{}")
    headers[SIGNATURE] = f"v1a,{base64.b64encode(b'x').decode()} {other[SIGNATURE]} {headers[SIGNATURE]}"
    assert Inspector().check(SECRET, headers, b"{}", NOW) == "one"


def test_no_more_are_taken_than_are_remembered_and_room_comes_with_time() -> None:
    inspector = Inspector()
    for number in range(MAX_SEEN):
        inspector.check(SECRET, sign(SECRET, str(number), int(NOW), b"{}"), b"{}", NOW)
    with pytest.raises(TooMany):
        inspector.check(SECRET, sign(SECRET, "more", int(NOW), b"{}"), b"{}", NOW)
    later = NOW + TOLERANCE + 1
    assert inspector.check(SECRET, sign(SECRET, "more", int(later), b"{}"), b"{}", later)
