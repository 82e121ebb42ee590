"""The door: one port where the page, other programs and the protocols of the world come in.

How a room behind it is added: a module with `register(routes, host)` that calls `routes.add("GET", "/v1/models", f)`
with `async def f(request: Request) -> Response`, and `routes.socket("/v1/realtime", g)` with
`async def g(request: Request, socket: Socket) -> None`. It is then named in `harry/daemon/web_server.py`. What
reaches a handler has been let in: `request.user` is who came, by a token, and `host.open(user=request.user, ...)`
begins a conversation with him. A handler raises `Refusal` to refuse; any other `HarryError` is answered as a failure.
"""
