"""What real servers answer when they refuse, each answer with the thread that tells of it, and what it is taken for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from actors.protocols import Message, Request, Role, TextPart, Tool, ToolCall
from harry.engines.http_server import check_no_placeholder
from harry.engines.refusals import explain_refusal
from harry.errors import EngineError, EngineUnavailable
from harry.mind.openai.concessions import Concessions
from harry.mind.openai.settings import ChatSettings
from harry.net.egress import host_of
from harry.net.http_client import _explain_connection
from tests.support.paths import DATA

ANSWERS = [json.loads(line) for line in (DATA / "server_answers.jsonl").read_text("utf-8").splitlines()]

SENT = {
    "model": "m", "messages": [], "max_tokens": 512, "temperature": 0.7, "seed": 1, "stream": True,
    "stream_options": {"include_usage": True}, "tools": [{}],
}  # fmt: skip
ASKED = Request(
    (
        Message(Role.SYSTEM, (TextPart("s"),)),
        Message(Role.USER, (TextPart("word " * 2_000),)),
        Message(Role.ASSISTANT, (ToolCall("1", "t", "{}", {"harry:message": {"reasoning_content": "x"}}),)),
        Message(Role.USER, (TextPart("Hello?"),)),
    ),
    tools=(Tool("t", "T."),),
)


def encoded(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer["thread"])
def test_a_refusal_is_taken_for_what_it_is(answer: dict[str, Any]) -> None:
    body = encoded(answer["body"])
    way = Concessions().concede(answer["status"], body, SENT, ASKED)
    if "asked" in answer:
        assert way is not None
        assert answer["asked"] in way.describe(Concessions())
        return
    assert way is None
    base = answer.get("base", "http://host/v1")
    told = explain_refusal(answer["status"], body, host="host", model="m", base_url=base)
    assert re.search(answer["says"], str(told), re.DOTALL)


@pytest.mark.parametrize("status", [400, 503])
def test_only_the_beginning_of_a_long_refusal_is_read(status: int) -> None:
    far = encoded({"error": {"message": "x" * 5_000 + " billing; maximum context length"}})
    assert Concessions().concede(status, far, SENT, ASKED) is None
    assert "credit" not in str(explain_refusal(status, far, host="host", model="m"))


@pytest.mark.parametrize(("between", "says"), [(" for your ", "too often"), (" ." * 80, "in trouble")])
def test_words_that_belong_together_stand_near_each_other(between: str, says: str) -> None:
    body = encoded({"error": {"message": f"Overloaded{between}quota"}})
    assert says in str(explain_refusal(503, body, host="host", model="m"))


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("https://api.example/v1/chat/completions", r'base_url = "https://api\.example/v1"'),
        ("https://ann:secret@api.example:8443/v2/chat/completions?key=secret", r'"https://api\.example:8443/v2"'),
        ("https://portal.example/login?next=x", "sign-in page"),
        ("", "leads to another page"),
        ("http://[", "leads to another page"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_server_that_moved_says_where_to_and_no_secret(status: int, location: str, says: str) -> None:
    told = str(explain_refusal(status, b"", host="host", model="m", location=location))
    assert re.search(says, told)
    assert "secret" not in told


@pytest.mark.parametrize("status", [200, 400, 403, 502, 503, 511])
def test_a_page_of_a_proxy_is_told_as_one(status: int) -> None:
    told = explain_refusal(status, b"\n <!DOCTYPE html><title>Blocked</title>", host="host", model="m")
    assert "web page" in str(told)
    assert "proxy" in str(told)


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1)",
            "has expired",
        ),
        ("certificate verify failed: self-signed certificate in certificate chain", "signed by nobody"),
        ("certificate verify failed: unable to get local issuer certificate", "SSL_CERT_FILE"),
        ("certificate verify failed: Hostname mismatch, certificate is not valid for 'x'", "another name"),
        ("certificate verify failed: IP address mismatch, certificate is not valid for '10.0.0.1'", "another address"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1000)", "does not speak https"),
        ("[Errno -2] Name or service not known", "its name is not known"),
        ("All connection attempts failed", "cannot be reached"),
    ],
)
def test_why_a_server_cannot_be_reached_is_told(cause: str, says: str) -> None:
    outer = OSError("failed")
    outer.__cause__ = OSError(cause)
    assert re.search(says, str(_explain_connection("https://host/v1", "host", outer)))


@pytest.mark.parametrize(
    "key", ["${OPENAI_API_KEY}", "$OPENROUTER_KEY", "%API_KEY%", "{{ secrets.KEY }}", "${KEY:-none}", "Bearer $KEY",
            "<your key>", "sk-...", "your-api-key", "YOUR_API_KEY_HERE", "sk-xxxx"],
)  # fmt: skip
def test_a_variables_name_is_no_key(key: str) -> None:
    with pytest.raises(EngineUnavailable, match=r"variable|example's"):
        check_no_placeholder("far", "The key", key)


@pytest.mark.parametrize(
    "key", ["sk-or-v1-0123456789abcdef", "gsk_yourself123", "lm-studio", "ollama", "p$ssw0rd", "a%b%c"]
)
def test_a_key_is_a_key(key: str) -> None:
    check_no_placeholder("far", "The key", key)


@pytest.mark.parametrize(
    "address",
    [
        "https://ann:hunter2@host/v1", "https://ann:hun@ter2@host:8443/v1", "https://:hun/ter2@host/v1",
        "http://ann:hun#ter2@host", "redis://:hun?ter2@host:6379/0", "https://ann@hunter2",
    ],
)  # fmt: skip
def test_no_piece_of_a_password_in_an_address_is_shown(address: str) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        ChatSettings.model_validate({"base_url": address, "model": "m"})
    told = "; ".join(str(error["msg"]) for error in refused.value.errors(include_input=False))  # type: ignore[attr-defined]
    assert not {"hun", "ter2"} & set(re.findall(r"hun|ter2", told))
    if address != "https://ann@hunter2":
        assert not re.search(r"hun|ter2", host_of(address))


def test_nothing_of_a_servers_words_is_repeated() -> None:
    for answer in ANSWERS:
        told = explain_refusal(answer["status"], encoded(answer["body"]), host="host", model="m")
        assert isinstance(told, EngineError)
        assert not re.search(r"sk-VK|openrouter\.ai|llama_model_loader|Qwen3\.6", str(told))
