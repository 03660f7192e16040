"""The supervisor behind `covergen up`: embedded servers, then our own processes, all kept alive until told to stop."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import msgspec

from ops.child import ChildProgram, ProcessSpec
from ops.failure import Failure
from ops.paths import Home
from ops.processes import reserve_port, supervised
from ops.reloading import Replacing, has_terminal, refuse_fixed
from ops.running import ReloadRow, RunInfo, take
from ops.servers.base import PATIENCE, EmbeddedServer, Patience, write_private
from ops.servers.mongo import MongoServer
from ops.servers.nats import NatsServer
from ops.servers.postgres import PostgresServer
from ops.servers.valkey import ValkeyServer
from ops.settings import Settings, reached
from ops.stack_parts import NatsConfig, Provision, Reread, Urls
from ops.supervision import Supervised
from ops.version import installed_version

logger = logging.getLogger(__name__)


class PortTaken(Failure):
    """The edge's port belongs to another program."""


class Stack:
    """Everything that `covergen up` runs, as one thing that starts and stops.

    `configure_nats` writes the NATS server's configuration before it starts; `provision` makes databases, schemas and
    streams when the servers are up; then `processes` are started, all at once. `patience` is with servers that do not
    answer. An async context manager.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        provision: Provision,
        configure_nats: NatsConfig,
        processes: Sequence[ProcessSpec],
        patience: Patience = PATIENCE,
    ) -> None:
        self.settings = settings
        self.home = Home(settings.home)
        self._provision = provision
        self._configure_nats = configure_nats
        self._specs = processes
        self._patience = patience
        self._lock: int | None = None
        self._port = settings.http_port
        self._listening: socket.socket | None = None
        self._urls: Urls | None = None
        self._running: list[Supervised] = []
        self._replacing = Replacing(self._running)
        self._complete = False
        self._started_at = ""
        self._reload = ReloadRow()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def info(self) -> RunInfo:
        """What runs now; only while it runs."""
        if self._urls is None:
            raise RuntimeError("the stack is not up")
        rows = [each.row for each in self._running]
        pids = {"supervisor": os.getpid(), **{row.name: row.pid for row in rows if row.pid is not None}}
        return RunInfo(
            edge=reached(self.settings.http_host, self._port),
            pids=pids,
            processes=rows,
            started_at=self._started_at,
            version=installed_version(),
            reload=self._reload,
            **msgspec.structs.asdict(self._urls),
        )

    async def start(self) -> None:
        """Start everything and write `run.json`. On any failure what had started is stopped again.

        Raises AlreadyRunning, PortTaken, ServerMissing, NotReady, or what the hooks raise.
        """
        self._lock = take(self.home)
        try:
            await self._start_all()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop in reverse order: edges, nodes, servers; remove `run.json`; give the lock back. Idempotent."""
        self._complete = False
        if self._listening is not None:
            self._listening.close()  # so that clients are refused, not kept waiting, when the last edge is gone
            self._listening = None
        await self._replacing.settle()
        servers = [each for each in self._running if each.program.kind == "server"]
        for each in reversed([each for each in self._running if each not in servers]):
            await each.stop()
        await asyncio.gather(*(each.stop() for each in servers))
        self._running.clear()
        if self._lock is not None:
            self.home.run_file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    async def reload(self, settings: Settings, processes: Sequence[ProcessSpec]) -> None:
        """Go on with other settings: each process is replaced in turn, and no request is refused.

        Raises ReloadRefused, or what a start raises; then what ran before runs.
        """
        refuse_fixed(self.settings, settings)
        now = self.settings
        await self._replacing.all(
            processes, lambda spec: self._supervised(spec, settings), lambda spec: self._supervised(spec, now)
        )
        self.settings, self._specs = settings, processes

    async def run(self, when_ready: Callable[[RunInfo], Awaitable[None]], reread: Reread | None = None) -> None:
        """Start, call `when_ready`, stay until SIGTERM or SIGINT, stop. A signal also ends a start.

        At SIGHUP take the settings that `reread` gives, unless it says that our terminal was closed: then stop, too.
        """
        told, asked, attached = asyncio.Event(), asyncio.Event(), has_terminal()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        if reread is not None:
            loop.add_signal_handler(signal.SIGHUP, lambda: (told if attached and not has_terminal() else asked).set())
        work = asyncio.create_task(self._up_and(when_ready, asked, reread))
        stopping = asyncio.create_task(told.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
                await stopping
        finally:
            await _cancelled(work, stopping)
            await self.stop()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    async def _up_and(
        self, when_ready: Callable[[RunInfo], Awaitable[None]], asked: asyncio.Event, reread: Reread | None
    ) -> None:
        await self.start()
        await when_ready(self.info)
        while reread is not None:
            await asked.wait()
            asked.clear()
            await self._reload_told(reread)

    async def _reload_told(self, reread: Reread) -> None:
        """Reload, and tell in `run.json` and the log what became of it."""
        self._reload = msgspec.structs.replace(self._reload, running=True)
        self._record()
        error = None
        try:
            await self.reload(*reread())
            logger.warning("the settings were read again: every process is a new one")
        except (Failure, OSError) as failure:
            error = str(failure) or type(failure).__name__
            logger.error("the settings were not taken, all goes on as before: %s", error)  # noqa: TRY400 -- no bug
        self._reload = ReloadRow(running=False, count=self._reload.count + 1, error=error)
        self._record()

    async def _start_all(self) -> None:
        began = time.monotonic()
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.home.create()
        await _end_leftovers(self.home)
        if self._specs:
            self._listening = _bound(self.settings.http_host, self.settings.http_port)
            self._port = self._listening.getsockname()[1]
        else:
            self._port = self.settings.http_port or reserve_port(self.settings.http_host)
        self._urls = await self._start_servers()
        await self._provision(self.settings, self._urls)
        # all at once: an edge may wait for nodes, but none needs another to start
        await self._start_together([self._supervised(spec, self.settings) for spec in self._specs])
        self._complete = True
        self._record()
        logger.info("everything is ready after %.2f s", time.monotonic() - began)

    async def _start_servers(self) -> Urls:
        """Start those that the settings do not replace, all at once."""
        given, home, patience = self.settings, self.home, self._patience
        nats = None if given.nats_url else NatsServer(home, self._configure_nats(given), patience=patience)
        postgres = None if given.postgres_url else PostgresServer(home, patience=patience)
        mongo = None if given.mongo_url else MongoServer(home, patience=patience)
        valkey = None if given.redis_url else ValkeyServer(home, patience=patience)
        servers: list[EmbeddedServer | None] = [nats, postgres, valkey, mongo]
        await self._start_together([Supervised(server, self._record) for server in servers if server])
        return Urls(
            nats=given.nats_url or (nats.url if nats else ""),
            postgres=given.postgres_url or (postgres.url if postgres else ""),
            mongo=given.mongo_url or (mongo.url if mongo else ""),
            redis=given.redis_url or (valkey.url if valkey else ""),
            objects=given.objects_url,
            monitor=nats.monitor_url if nats else None,
        )

    async def _start_together(self, added: Sequence[Supervised]) -> None:
        """Start several at once; when one fails, wait for the others before raising, so that `stop` finds them."""
        self._running += added
        results = await asyncio.gather(*(each.start() for each in added), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _supervised(self, spec: ProcessSpec, settings: Settings) -> Supervised:
        """A process of ours with these settings, not yet started."""
        urls = self._urls.environ() if self._urls else {}
        environ = {**settings.environ(), **urls, "COVERGEN_HTTP_PORT": str(self._port)}
        port, listening = (self._port, self._listening) if spec.kind == "edge" else (None, None)
        return Supervised(ChildProgram(spec, self.home, environ, port, listening), self._record)

    def _record(self) -> None:
        """Write `run.json` in one step; it holds passwords, so only the owner may read it."""
        if self._complete:
            write_private(self.home.run_file, msgspec.json.format(msgspec.json.encode(self.info)).decode() + "\n")


async def _end_leftovers(home: Home) -> None:
    """Kill what a supervisor of this home that was killed has left. Nobody else's: we hold the lock."""
    while pids := [pid for pid in supervised(home.root) if pid != os.getpid()]:
        logger.warning("ending processes left by an earlier run: %s", pids)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)


def _bound(host: str, port: int) -> socket.socket:
    """The socket of the HTTP port. It stays ours and each edge inherits it, so that connections made while an edge
    ends or starts wait in its queue for one that takes them, instead of being reset or refused. Raises PortTaken.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise PortTaken(f"COVERGEN_HTTP_PORT {port} on {host} cannot be used: {error.strerror}") from None
    return listening


async def _cancelled(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
