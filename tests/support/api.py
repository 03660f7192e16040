"""A client that knows only API.md, and a whole stack as a process of its own."""

import asyncio
import contextlib
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

ENDED = ("succeeded", "failed", "cancelled")
START_LIMIT = 60.0
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Answer:
    """Status, headers and JSON (or bytes) of a response."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Api:
    """One user's view of a stack over HTTP."""

    session: aiohttp.ClientSession
    base: str
    token: str | None = None
    ids: set[str] = field(default_factory=set)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; a refused connection is an OSError of aiohttp."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        async with self.session.request(method, self.base + path, json=body, headers=sent) as response:
            data = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            lower = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, lower, json.loads(data) if is_json and data else data)

    async def register(self) -> dict[str, Any]:
        """Sign up as somebody new and stay signed in."""
        email = f"{uuid.uuid4().hex[:12]}@example.org"
        answer = await self.call("POST", "/v1/auth/register", {"email": email, "password": "correct horse battery"})
        assert answer.status == 201, answer.body
        self.token = answer.body["access_token"]
        user: dict[str, Any] = answer.body["user"]
        return user

    async def order(self, title: str, key: str | None = None, **wish: Any) -> Answer:
        """POST /v1/covers."""
        headers = {"Idempotency_Key": key} if key else {}
        return await self.call("POST", "/v1/covers", {"title": title, **wish}, **headers)

    async def events(self, task_id: str, last: int = 0) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
        """Server-sent events of a task: id, event, data."""
        headers = {"Authorization": f"Bearer {self.token}", "Last-Event-ID": str(last)}
        url = f"{self.base}/v1/tasks/{task_id}/events"
        async with self.session.get(url, headers=headers) as response:
            assert response.status == 200
            seen: dict[str, str] = {}
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    seen[name] = value
                elif seen:
                    if "event" in seen:
                        yield int(seen.get("id", last)), seen["event"], json.loads(seen.get("data") or "{}")
                    seen = {}

    async def ended(self, task_id: str, limit: float = 60) -> dict[str, Any]:
        """The task, when it has ended; an edge that is away is asked again."""
        async with asyncio.timeout(limit):
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    answer = await self.call("GET", f"/v1/tasks/{task_id}")
                    if answer.status == 200 and answer.body["status"] in ENDED:
                        task: dict[str, Any] = answer.body
                        return task
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def signed_up(base: str) -> AsyncIterator[Api]:
    """A new user of the stack at `base`."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        api = Api(session, base)
        await api.register()
        yield api


@dataclass(slots=True)
class Running:
    """A stack that `covergen up` started."""

    home: Path
    process: asyncio.subprocess.Process
    output: list[str]

    @property
    def run(self) -> dict[str, Any]:
        """The content of run.json now."""
        found: dict[str, Any] = json.loads((self.home / "run.json").read_text())
        return found

    @property
    def base(self) -> str:
        """Where the edge is."""
        return str(self.run["edge"])


@contextlib.asynccontextmanager
async def whole_stack(home: Path, *arguments: str, folder: Path | str = ROOT, **environ: str) -> AsyncIterator[Running]:
    """`covergen up` in `home` on a free port, until the block ends; ready when it says so, or with its last line.

    Its `.env` is the one of `folder`.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COVERGEN_")}
    settings = {"COVERGEN_HOME": str(home), "COVERGEN_HTTP_PORT": "0", **environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ops", "up", *arguments),
        env={**clean, **settings},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Running(home, process, [])
    reader = asyncio.create_task(_read(process, running.output))
    try:
        async with asyncio.timeout(START_LIMIT):
            while not any("Stop with Ctrl-C" in line for line in running.output):
                assert process.returncode is None, "\n".join(running.output)
                await asyncio.sleep(0.05)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 60)
        await reader


async def _read(process: asyncio.subprocess.Process, output: list[str]) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        output.append(line.decode().rstrip())
