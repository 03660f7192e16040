"""The embedded MongoDB-protocol server: SecantusDB on WiredTiger.

It is GPL software and therefore only ever a process of its own: nothing here imports it.
"""

import struct
import sys

from ops.paths import Home
from ops.processes import Launch, reserve_port
from ops.servers.base import PATIENCE, EmbeddedServer, Patience, minimal_environ, package_folder, until_logged

CACHE = "96M"  # WiredTiger's cache; a statement that changes more than 15 % of it never ends
SESSIONS = 256  # each client connection and change stream takes one
OPLOG_ENTRIES = 20_000

_OP_MSG = 2013
_FIND = b"\x02find\0\x06\0\0\0pulse\0" + b"\x10limit\0\x01\0\0\0" + b"\x02$db\0\x06\0\0\0admin\0" + b"\0"


class MongoServer(EmbeddedServer):
    """SecantusDB, which flushes its log at every commit. It has no passwords of its own here: loopback only."""

    # To look into a collection that does not exist: with a storage engine that hangs, hello and ping still answer.
    kept_connection = True  # each costs this server half a kilobyte that it never gives back
    question = struct.pack("<4iIBi", 25 + len(_FIND), 1, 0, _OP_MSG, 0, 0, 4 + len(_FIND)) + _FIND

    def __init__(self, home: Home, port: int | None = None, *, patience: Patience = PATIENCE) -> None:
        super().__init__("mongo", home, port or reserve_port(), patience)

    @property
    def url(self) -> str:
        """Where clients connect. The server closes connections idle for 5 minutes, so clients do it after 4.

        It keeps a record of every retryable write for half an hour and looks through them twice per write, which in the
        end costs more than all else. Without them a write that a restart cuts off is Unavailable at once.
        """
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true&maxIdleTimeMS=240000&retryWrites=false"

    def launch(self) -> Launch:
        """The daemon, in its own folder so that it finds no stray configuration file."""
        package_folder("secantus", "The MongoDB-protocol server", "COVERGEN_MONGO_URL")
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self.folder / "data")]
        limits = ["--cache-size", CACHE, "--session-max", str(SESSIONS), "--oplog-max-entries", str(OPLOG_ENTRIES)]
        return Launch(
            argv=[sys.executable, "-m", "secantus", *where, *limits, "--sync-on-commit", "--log-level", "INFO"],
            environ=minimal_environ(self.home, MALLOC_ARENA_MAX="2", PYTHONNOUSERSITE="1", OPENBLAS_NUM_THREADS="1"),
            folder=self.folder,
            log=self.log,
        )

    async def ready(self, pid: int, log_start: int) -> None:
        """It says that it listens, after recovery."""
        await until_logged(self.log, log_start, b"listening on")
