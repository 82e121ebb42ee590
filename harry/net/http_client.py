"""The one place that makes HTTP clients: ones that close what is cancelled, and their failures in Harry's words.

HTTP/1.1 only. Over HTTP/2 a cancelled reply is not taken back from the server, which goes on writing and charging.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import trio

from harry.errors import EngineBusy, EngineError, EngineUnavailable
from harry.net import egress
from harry.net.egress import host_of, is_loopback

if TYPE_CHECKING:
    import httpx
    import httpx2

KEPT_OPEN = 60.0
"""Seconds for which an unused connection is kept, so that the next turn need not greet the server again."""


def new_client(url: str, headers: Mapping[str, str]) -> httpx.AsyncClient:
    """Make a client for one server; reads certificates, so it blocks for some 50 ms. No deadlines: they are trio's."""
    import httpx  # noqa: PLC0415 - 100 ms that only those pay who ask a server

    return httpx.AsyncClient(
        http1=True,
        http2=False,
        headers=dict(headers),
        timeout=None,  # noqa: S113 - every call stands in a trio scope with a deadline
        follow_redirects=False,
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=2, keepalive_expiry=KEPT_OPEN),
        trust_env=egress.trusts_environment(url),
    )


def new_mcp_client(
    url: str, headers: Mapping[str, str], deadline: float, purpose: str, *, watch: Callable[[], Callable[[bytes], None]]
) -> httpx2.AsyncClient:
    """Make a client for the MCP SDK, which asks on its own: each request is permitted, wherever it goes.

    `watch` makes what is shown each piece of one answer's body, and raises `OSError` where it is too much.
    """
    import httpx2  # noqa: PLC0415

    class Watched(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream
            self._look = watch()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self._stream:
                try:
                    self._look(piece)
                except OSError as error:
                    raise httpx2.ReadError(str(error)) from error
                yield piece

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def bounded(response: httpx2.Response) -> None:
        if fault := _find_fault(response):
            raise httpx2.ReadError(fault)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Watched(response.stream)
        await trio.lowlevel.checkpoint()

    async def permitted(request: httpx2.Request) -> None:
        egress.permit(str(request.url), purpose)

    return httpx2.AsyncClient(
        headers={"Accept-Encoding": "identity", **headers},
        timeout=deadline,
        follow_redirects=False,
        trust_env=egress.trusts_environment(url),
        event_hooks={"request": [permitted], "response": [bounded]},
    )


def _find_fault(response: httpx2.Response) -> str:
    """Say why an answer of an MCP server cannot be used, "" where it can."""
    if response.status_code in (401, 403):
        return f"the server does not accept the token (error {response.status_code})"
    # What is packed may be any size unpacked: it was not asked for, and is not unpacked.
    return "the answer is packed" if response.headers.get("content-encoding", "identity") != "identity" else ""


ANSWERED_WITHIN = 30.0
"""Seconds to the first byte of a file that is to be fetched."""


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Raise httpx's errors as `EngineBusy`, or `EngineUnavailable` where the server cannot be reached."""
    import httpx  # noqa: PLC0415

    host = host_of(url)
    try:
        yield
    except httpx.ConnectError as error:
        raise _explain_connection(url, host, error) from error
    except httpx.ProxyError as error:
        raise EngineUnavailable(
            f"The proxy on the way to {host} does not let it through.",
            remedy="Check HTTPS_PROXY, or add the host to NO_PROXY.",
        ) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise EngineUnavailable("The server's address is not one.", remedy="It begins with https://.") from error
    except httpx.HTTPError as error:
        raise EngineBusy(f"The connection to {host} broke off.", remedy="Ask again.") from error


def _explain_connection(url: str, host: str, error: BaseException) -> EngineUnavailable:
    """Say why a server cannot be reached: its certificate, its name, its protocol, or that nothing listens."""
    told, cause = "", error
    for _ in range(8):
        told += f" {cause}".lower()
        following = cause.__cause__ or cause.__context__
        if following is None:
            break
        cause = following
    for sign, why, remedy in _CERTIFICATES:
        if sign in told:
            return EngineUnavailable(f"The certificate of {host} is not accepted: {why}.", remedy=remedy)
    if "wrong_version_number" in told or "wrong version number" in told or "record layer failure" in told:
        return EngineUnavailable(f"{host} does not speak https.", remedy="Begin its address with http://.")
    if any(sign in told for sign in ("name or service not known", "nodename nor servname", "name resolution", "-2]")):
        return EngineUnavailable(
            f"{host} cannot be reached: its name is not known.", remedy="Check the address and the network."
        )
    return EngineUnavailable(
        f"{host} cannot be reached.",
        remedy="Start the server." if is_loopback(url) else "Check the network and the address.",
    )


_OWN_CA = "Name the authority's certificate in SSL_CERT_FILE, or use an address whose certificate is known."
_CERTIFICATES = (
    ("certificate has expired", "it has expired", "Renew it there; or check this computer's clock."),
    ("certificate is not yet valid", "it is not valid yet", "Check this computer's clock."),
    ("hostname mismatch", "it is made for another name", "Use the name that the certificate is made for."),
    ("ip address mismatch", "it is made for another address", "Use the name that the certificate is made for."),
    ("self-signed certificate", "it is signed by nobody that is known here", _OWN_CA),
    ("self signed certificate", "it is signed by nobody that is known here", _OWN_CA),
    ("unable to get local issuer", "whoever signed it is not known here", _OWN_CA),
    ("certificate verify failed", "it cannot be verified", _OWN_CA),
    ("certificate_verify_failed", "it cannot be verified", _OWN_CA),
)


@asynccontextmanager
async def post(
    client: httpx.AsyncClient,
    url: str,
    body: Mapping[str, Any] | bytes,
    purpose: str,
    *,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[httpx.Response]:
    """Send a POST request and yield the response before its body has come; the connection ends with the block.

    `body` is sent as JSON, bytes as they are, as what `kind` says; with `headers` of its own.

    Raises `EgressRefused` where nothing may leave this computer; what does is noted under `purpose`.
    """
    import httpx  # noqa: PLC0415

    class Whole(httpx.AsyncByteStream):
        """The body in one piece. httpx's own is a generator, which a cancellation would leave half-way."""

        def __init__(self, body: bytes) -> None:
            self._left = [body]

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            if not self._left:
                raise StopAsyncIteration
            return self._left.pop()

    egress.permit(url, purpose)
    if isinstance(body, bytes):
        request = client.build_request("POST", url, content=body, headers={"Content-Type": kind, **(headers or {})})
    else:
        request = client.build_request("POST", url, json=body, headers=headers)
    request.stream = Whole(request.content)
    began, received = trio.current_time(), 0
    try:
        response = await client.send(request, stream=True)
        try:
            yield response
        finally:
            received = response.num_bytes_downloaded
            await response.aclose()
    finally:
        seconds = trio.current_time() - began
        egress.note(url, purpose, sent=len(request.content), received=received, seconds=seconds)


@asynccontextmanager
async def stream_body(response: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """Yield an iterator over the bytes of a streamed body; nothing stays open where that ends early.

    httpx nests half a dozen async generators and closes only the outermost. A cancellation raised in the innermost
    ends them all, so an early end asks once more, in a scope that is cancelled already. It waits for nothing.
    """
    chunks = response.aiter_raw()
    try:
        yield chunks
    finally:
        with trio.CancelScope() as ended:
            ended.cancel()
            async for _ in chunks:
                pass


async def read_beginning(response: httpx.Response, most: int) -> bytes:
    """Read a body, or of a longer one a little more than `most` bytes.

    What is packed although nobody asked is unpacked.
    """
    read = bytearray()
    async with stream_body(response) as chunks:
        async for more in chunks:
            read += more
            if len(read) > most:
                break
    if read.startswith(b"\x1f\x8b"):
        with suppress(zlib.error):
            return zlib.decompressobj(47).decompress(bytes(read), most + 1)
    return bytes(read)


class Download:
    """An answer whose body is read piece by piece, over a connection of its own. Raises `EngineError`."""

    def __init__(self, url: str, client: httpx.AsyncClient, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self._url = url
        self._client = client
        self._response = response
        self._pieces = response.aiter_raw()

    async def read(self) -> bytes:
        """Return the next piece, b"" at the end."""
        with translate_errors(self._url):
            return await anext(self._pieces, b"")

    async def aclose(self) -> None:
        """Close the connection; see `stream_body`."""
        with trio.move_on_after(1, shield=True):
            # Whatever ends it has been told by `read`.
            with suppress(EngineError), translate_errors(self._url), trio.CancelScope() as ended:
                ended.cancel()
                async for _ in self._pieces:
                    pass
            await self._response.aclose()
            await self._client.aclose()


async def open_download(url: str, headers: Mapping[str, str]) -> Download:
    """Request a file; the caller follows redirects. Raises `EngineError`."""
    client = await trio.to_thread.run_sync(new_client, url, {"Accept-Encoding": "identity", **headers})
    response: httpx.Response | None = None
    try:
        with translate_errors(url), trio.move_on_after(ANSWERED_WITHIN):
            response = await client.send(client.build_request("GET", url), stream=True)
    finally:
        if response is None:
            with trio.move_on_after(1, shield=True):
                await client.aclose()
    if response is None:
        raise EngineBusy(f"{host_of(url)} does not answer.", remedy="Check the network.")
    return Download(url, client, response)
