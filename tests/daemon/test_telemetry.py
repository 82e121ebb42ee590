"""Traces leave for the collector that is configured and for nobody else; a collector that is away holds nothing up."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import trio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from requests.adapters import HTTPAdapter

from channels.clock import AudioClock
from channels.event_types import TurnBegan, TurnEnded
from channels.events import EventStream
from harry.daemon import telemetry
from harry.daemon.telemetry import traces_address
from harry.daemon.trace_export import _Exporter, _Watched
from harry.net import egress


@pytest.fixture(autouse=True)
def _policy() -> Iterator[None]:
    before = egress.current()
    yield
    egress.configure(local_only=before["local_only"], folder=Path(before["folder"]) if before["folder"] else None)


@contextmanager
def collector(*, answers: bool = True) -> Iterator[tuple[str, list[tuple[str, ExportTraceServiceRequest]]]]:
    """A collector at an address, and what it was sent: path and spans. One that does not answer hangs until the end."""
    got: list[tuple[str, ExportTraceServiceRequest]] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not answers:
                over.wait()
                return
            got.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *told: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def exporting() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("OtelBatch")]


async def one_turn(host: Any) -> None:
    """Have the watchers of a host see a session with one turn."""
    events = EventStream(AudioClock())
    session: Any = SimpleNamespace(identity=SimpleNamespace(session="s"), events=events)
    for watch in host.watchers:
        watch(session)
    events.publish(TurnBegan(turn="t", utterance="u"))
    events.publish(TurnEnded(turn="t", reason="finished", timeline={"committed": 1.0}))
    events.close()
    await trio.lowlevel.checkpoint()


async def test_what_a_session_told_until_its_end_reaches_the_collector():
    host: Any = SimpleNamespace(watchers=[])
    with collector() as (address, got):
        async with telemetry.opened(address, host) as told:
            assert told == ()
            await one_turn(host)
    [(path, sent)] = got
    assert path == "/v1/traces"
    [resource] = sent.resource_spans
    assert {item.key: item.value.string_value for item in resource.resource.attributes}["service.name"] == "harry"
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["turn"]
    assert host.watchers == []
    assert exporting() == []


async def test_without_an_address_nobody_watches_and_nothing_is_loaded(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "harry.daemon.trace_export", None)
    host: Any = SimpleNamespace(watchers=[])
    async with telemetry.opened("", host) as told:
        assert told == ()
        assert host.watchers == []


async def test_a_collector_elsewhere_is_refused_where_nothing_may_leave():
    egress.configure(local_only=True)
    host: Any = SimpleNamespace(watchers=[])
    async with telemetry.opened("https://collector.example", host) as [told]:
        assert told.startswith("No turn is traced. collector.example is not on this computer")
        assert host.watchers == []
    assert exporting() == []


async def test_missing_packages_are_told_with_the_command_that_adds_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "harry.daemon.trace_export", None)
    host: Any = SimpleNamespace(watchers=[])
    async with telemetry.opened("http://127.0.0.1:1", host) as [told]:
        assert "pip install 'harry-voice[otel]'" in told


async def test_a_collector_that_does_not_answer_does_not_hold_up_the_end():
    host: Any = SimpleNamespace(watchers=[])
    with collector(answers=False) as (address, got):
        async with telemetry.opened(address, host):
            await one_turn(host)
            began = time.monotonic()
        assert time.monotonic() - began < 4
        assert got == []
    for thread in threading.enumerate():
        if thread.name.startswith("OtelBatch"):
            thread.join(10)
    assert exporting() == []


def test_a_collector_that_is_away_is_told_once_and_when_it_is_back(caplog, monkeypatch):
    exporter = _Exporter("http://127.0.0.1:1/v1/traces")
    monkeypatch.setattr(exporter._inner, "_client", SimpleNamespace(export=lambda data: outcomes.pop(0), shutdown=int))
    failed, sent = (SimpleNamespace(success=success, error=None, status_code=503) for success in (False, True))
    outcomes = [failed, failed, failed, sent, sent, failed]
    told = []
    monkeypatch.setattr("harry.daemon.trace_export.log", SimpleNamespace(warning=lambda what, **_: told.append(what)))
    for _ in range(6):
        exporter.export([])
    assert told == ["traces cannot be sent", "traces are sent again", "traces cannot be sent"]


def test_each_request_is_permitted_or_refused_and_noted_with_its_size(tmp_path, monkeypatch):
    answer = requests.Response()
    answer._content = b"fine"
    monkeypatch.setattr(HTTPAdapter, "send", lambda self, request, **more: answer)
    request = requests.Request("POST", "https://collector.example/v1/traces", data=b"spans").prepare()
    egress.configure(local_only=False, folder=tmp_path)
    _Watched().send(request)
    [line] = egress.read_notes(tmp_path)
    assert (line["host"], line["purpose"], line["sent"], line["received"]) == ("collector.example", "traces", 5, 4)
    egress.configure(local_only=True, folder=tmp_path)
    with pytest.raises(egress.EgressRefused):
        _Watched().send(request)
    assert len(list(egress.read_notes(tmp_path))) == 1


@pytest.mark.parametrize(
    "given", ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces", "http://c:4318/v1/traces/"]
)
def test_the_address_may_be_given_with_or_without_its_path(given):
    assert traces_address(given) == "http://c:4318/v1/traces"
