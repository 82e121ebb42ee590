"""Has the turns of all sessions traced where the configuration names a collector of OpenTelemetry's, else nothing.

Nothing is set up process-wide, so that no library tells its own spans there. The packages are those of the extra
`otel`; without them, or where nothing may leave this computer, Harry runs as ever and says that there are no traces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
import trio

from harry.errors import EngineUnavailable, HarryError
from harry.host.host import Host
from harry.net import egress

if TYPE_CHECKING:
    from harry.daemon.trace_export import TraceExport

log = structlog.get_logger(__name__)

PATH = "/v1/traces"
"""Where collectors take traces; see https://opentelemetry.io/docs/specs/otlp/#otlphttp-request."""

END_WITHIN = 2.0
"""Seconds for which the end waits for what has not been sent."""


@asynccontextmanager
async def opened(endpoint: str, host: Host) -> AsyncIterator[tuple[str, ...]]:
    """Trace the host's sessions for the length of the block. Enter it before the first and leave it after the last.

    Yields what a person should know: that there are no traces, and why.
    """
    told: tuple[str, ...] = ()
    export = None
    try:
        export = await trio.to_thread.run_sync(_open, endpoint) if endpoint else None
    except HarryError as error:
        told = (f"No turn is traced. {error}",)
    if export is None:
        yield told
        return
    from harry.daemon.turn_traces import TurnTraces  # noqa: PLC0415  it needs the extra

    try:
        async with trio.open_nursery() as nursery:
            traces = TurnTraces(export.tracer, nursery)
            host.watchers.append(traces.see)
            try:
                yield told
            finally:
                host.watchers.remove(traces.see)
            nursery.cancel_scope.cancel()
    finally:
        await _close(export)


def traces_address(endpoint: str) -> str:
    """Return where traces are taken, given a collector's address with or without its path."""
    bare = endpoint.rstrip("/")
    return bare if bare.endswith(PATH) else bare + PATH


def _open(endpoint: str) -> TraceExport:
    """Start the exporter; blocks for some 0.3 s. Raises `HarryError`."""
    address = traces_address(endpoint)
    egress.permit(address, "traces")
    try:
        from harry.daemon.trace_export import TraceExport  # noqa: PLC0415
    except ImportError as error:
        raise EngineUnavailable(
            "OpenTelemetry's packages are missing.", remedy="pip install 'harry-voice[otel]' adds them."
        ) from error
    return TraceExport(address)


async def _close(export: TraceExport) -> None:
    """Send what waits and end the exporter's thread; a collector that does not answer is not waited for long."""
    with trio.move_on_after(END_WITHIN, shield=True) as patience:
        await trio.to_thread.run_sync(export.close, END_WITHIN, abandon_on_cancel=True)
    if patience.cancelled_caught:
        log.warning("the last traces could not be sent in time")
