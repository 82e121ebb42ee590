"""Sends spans to a collector by OTLP over HTTP, from a thread of its own, behind a bounded queue.

Each request passes the egress policy and is noted in its log. A collector that is away is told once, not once a batch.
Needs the extra `otel`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from importlib.metadata import version
from math import inf
from typing import Any

import requests
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from requests.adapters import HTTPAdapter

from harry.net import egress

log = structlog.get_logger(__name__)

EXPORT_WITHIN = 2.0
"""Seconds for one batch of spans, repetitions included."""

PURPOSE = "traces"


class TraceExport:
    """`tracer` makes spans that go to `address`. `close` ends the thread."""

    def __init__(self, address: str) -> None:
        # What the exporter's library says of each batch, `_Exporter` says once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = _Exporter(address)
        told = {"service.name": "harry", "service.version": version("harry-voice")}
        # What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say, and nothing else of this computer.
        resource = Resource(told).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self.tracer = self._provider.get_tracer("harry", version("harry-voice"))

    def close(self, within: float) -> None:
        """Send what waits; what has not been sent `within` seconds is given up. Blocks."""
        self._exporter.until = time.monotonic() + within
        self._provider.shutdown()


class _Exporter(SpanExporter):
    """OpenTelemetry's own; nothing is begun after `until`, by `time.monotonic`."""

    def __init__(self, address: str) -> None:
        session = requests.Session()
        session.trust_env = egress.trusts_environment(address)
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Watched())
        self.until = inf
        self._inner = OTLPSpanExporter(address, timeout=EXPORT_WITHIN, session=session)
        self._host = egress.host_of(address)
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch, and say so when that begins to fail and when it works again."""
        if time.monotonic() > self.until:
            return SpanExportResult.FAILURE
        result = self._inner.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed != self._failing:
            self._failing = failed
            log.warning("traces cannot be sent" if failed else "traces are sent again", host=self._host)
        return result

    def shutdown(self) -> None:
        """Let go of the connection."""
        self._inner.shutdown()  # type: ignore[no-untyped-call]  # the library forgot to say


class _Watched(HTTPAdapter):
    """Permits or refuses each request, and notes it."""

    def send(self, request: requests.PreparedRequest, *options: Any, **more: Any) -> requests.Response:
        """See `HTTPAdapter.send`. Raises `EgressRefused`."""
        url, began, received = request.url or "", time.monotonic(), 0
        egress.permit(url, PURPOSE)
        try:
            response = super().send(request, *options, **more)
            received = len(response.content)
            return response
        finally:
            sent = len(request.body) if isinstance(request.body, bytes) else 0
            egress.note(url, PURPOSE, sent=sent, received=received, seconds=time.monotonic() - began)
