"""The server around an edge: its socket, its connections, and how it stops without losing a request."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

from aiohttp import web

from edge.connections import QUIET, Gate, listen
from edge.health import Health

DRAIN = 10.0
"""Seconds that running requests are given at the end."""
BACKLOG = 1024
ACCEPTED_AT_ONCE = 8
"""Connections that an edge takes from a shared queue in one go: the others should get some too."""
HEALTH = web.AppKey("health", Health)
HEADERS_OF_ALL = web.AppKey("headers", dict[str, str])
"""The headers of every answer."""
NOTICE_STEP = 0.05


@contextlib.asynccontextmanager
async def serve_app(
    app: web.Application,
    host: str,
    port: int,
    *,
    drain: float = DRAIN,
    notice: float = 0.0,
    inherited: socket.socket | None = None,
    gate: Gate | None = None,
    quiet: float = QUIET,
) -> AsyncIterator[str]:
    """Serve `app` for the length of the block; gives its base URL. Port 0 picks a free one.

    Other processes may serve the same port (SO_REUSEPORT), or the same socket, which is `inherited` then. At the end
    `/readyz` says 503 and every answer `Connection: close` for `notice` seconds while requests are still taken; new
    connections too, unless the socket stays open elsewhere, whose owners take them. Then listening stops, streams end,
    and what runs has `drain` seconds to finish. `gate` counts connections, which may be silent for `quiet` seconds.
    """
    runner = web.AppRunner(app, shutdown_timeout=drain, handle_signals=False)
    await runner.setup()
    server = runner.server
    assert server is not None  # noqa: S101 -- it is there between setup and cleanup
    listener: asyncio.Server | None = None
    try:
        listening = inherited or _socket(host, port)
        backlog = ACCEPTED_AT_ONCE if inherited else BACKLOG
        listener = await listen(server, listening, gate or Gate(), backlog=backlog, quiet=quiet)
        listening.listen(BACKLOG)  # asyncio takes the number above for both
        address, bound = listening.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        yield f"http://{shown}:{bound}"
        app[HEALTH].stop()
        app[HEADERS_OF_ALL]["Connection"] = "close"
        if inherited:
            listener.close()
        await _noticed(runner, notice, until_empty=inherited is not None)
    finally:
        app[HEALTH].stop()
        if listener is not None:
            listener.close()
        await runner.cleanup()


async def _noticed(runner: web.AppRunner, seconds: float, *, until_empty: bool) -> None:
    """Wait; with `until_empty` not longer than there are connections."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if until_empty and runner.server is not None and not runner.server.connections:
            return
        await asyncio.sleep(min(left, NOTICE_STEP))


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening
