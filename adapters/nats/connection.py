"""One connection to NATS, made so that it neither dies quietly nor gives up.

What nats-py does by itself and why it is not enough (each line is covered by a test):
an exception inside one of its callbacks kills the reader or stops reconnecting for good, hence `_safe`; a dead reader
still counts as connected, hence the watchdog; it gives up after 60 tries and reconnects without jitter, hence the
options; a denied subject is only told to `error_cb`, hence `denied`.
"""

import asyncio
import contextlib
import logging
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nats.aio.client import Server
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from adapters.nats.client import LeanClient

log = logging.getLogger(__name__)

WATCHDOG_SECONDS = 5.0
RECONNECT_FIRST, RECONNECT_MOST = 0.05, 2.0
PENDING_BYTES = 2 * 1024 * 1024
MOST_DENIED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who connects, and where to."""

    servers: tuple[str, ...]
    name: str
    """The NATS user: a node's name, `edge`, `tools` or `ops`."""
    version: str = "0.0.0"
    instance: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    """Tells the processes of one user apart, in `sender` headers and `$SRV`."""
    seed: Path | None = None
    """File with the NKEY seed; None for a server without authentication (tests)."""
    connect_timeout: float = 10.0
    """Seconds for the first connection."""
    watchdog: float = WATCHDOG_SECONDS


@dataclass(eq=False, slots=True)
class Connection:
    """A live connection. `lost` is set when it closed for good without being asked to: the process should end then."""

    client: LeanClient
    profile: Profile
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    denied: list[str] = field(default_factory=list)
    """What the server refused, newest last (at most 1000 kept)."""
    reconnects: int = 0
    closing: bool = False

    @property
    def is_connected(self) -> bool:
        """True while the link to the server stands."""
        return bool(self.client.is_connected)

    async def rtt(self, timeout: float = 2.0) -> float:
        """Seconds for a round trip to the server. Raises TimeoutError."""
        async with asyncio.timeout(timeout):  # wait_for of Python 3.11 can swallow a cancellation
            return await self.client.rtt(timeout=10)

    async def settled(self, timeout: float = 5.0) -> None:
        """Return when the server has seen all that was sent before, and we have heard what it said to it.

        Two round trips, because nats-py's PING overtakes what is in its own buffer. Raises TimeoutError.
        """
        await self.rtt(timeout)
        await self.rtt(timeout)

    async def drain(self, subscription: Subscription) -> None:
        """End a subscription after its callback has had everything that was sent to it. Raises TimeoutError.

        nats-py's own drain alone loses what the server sends between its PING and its UNSUB, which comes later.
        """
        await self.client._send_unsubscribe(subscription._id)
        await self.settled()
        await subscription.drain()

    async def _on_error(self, error: Exception) -> None:
        text = str(error)
        if "permissions violation" in text.lower():
            self.denied.append(text)
            del self.denied[:-MOST_DENIED]
            log.error("NATS refused a subject: %s", text, extra={"action": "nats_denied"})
        else:
            log.warning("NATS: %s: %s", type(error).__name__, text, extra={"action": "nats_error"})

    async def _on_disconnect(self) -> None:
        if not self.closing:
            log.warning("NATS link is down", extra={"action": "nats_disconnected"})

    async def _on_reconnect(self) -> None:
        self.reconnects += 1
        log.info("NATS link is back", extra={"action": "nats_reconnected"})

    async def _on_close(self) -> None:
        if not self.closing:
            log.error("NATS connection closed for good", extra={"action": "nats_lost"})
            self.lost.set()

    async def watch(self) -> None:
        """Ask for a round trip every few seconds; a link that does not answer is made anew."""
        while True:
            await asyncio.sleep(self.profile.watchdog)
            if not self.client.is_connected:
                continue
            try:
                await self.rtt(self.profile.watchdog)
            except (TimeoutError, NatsError, OSError):
                log.warning("NATS link does not answer: reconnecting", extra={"action": "nats_watchdog"})
                await self.client.force_reconnect()


def _safe(callback: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """nats-py must never see an exception from a callback."""

    async def call(*args: Any) -> None:
        try:
            await callback(*args)
        except Exception:
            log.exception("NATS callback failed", extra={"action": "nats_callback"})

    return call


def next_server(servers: list[Server], _info: dict[str, Any]) -> tuple[Server, float]:
    """Any server, after a random wait that grows with its failures: many clients must not come back in step."""
    server = random.choice(servers)  # noqa: S311 -- load spreading, not a secret
    most = min(RECONNECT_FIRST * 2 ** min(server.reconnects, 6), RECONNECT_MOST)
    return server, random.uniform(most / 2, most)  # noqa: S311 -- the same


@contextlib.asynccontextmanager
async def connected(profile: Profile) -> AsyncIterator[Connection]:
    """A connection for the length of the block. Raises TimeoutError or NatsError when the first connect fails."""
    client = LeanClient()
    connection = Connection(client, profile)
    options: dict[str, Any] = {
        "servers": list(profile.servers),
        "name": f"{profile.name}/{profile.version}/{profile.instance}",
        "inbox_prefix": f"_INBOX_{profile.name}",
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 0.2,
        "reconnect_to_server_handler": next_server,
        "connect_timeout": 2,
        "ping_interval": 10,
        "max_outstanding_pings": 2,
        "pending_size": PENDING_BYTES,
        "error_cb": _safe(connection._on_error),
        "disconnected_cb": _safe(connection._on_disconnect),
        "reconnected_cb": _safe(connection._on_reconnect),
        "closed_cb": _safe(connection._on_close),
    }
    if profile.seed is not None:
        options["nkeys_seed_str"] = profile.seed.read_text().strip()
    await asyncio.wait_for(client.connect(**options), profile.connect_timeout)
    watchdog = asyncio.create_task(connection.watch(), name=f"nats-watchdog-{profile.name}")
    try:
        yield connection
    finally:
        connection.closing = True
        watchdog.cancel()
        await asyncio.gather(watchdog, return_exceptions=True)
        with contextlib.suppress(NatsError, TimeoutError, OSError):
            await asyncio.wait_for(client.close(), 5)
