"""The HTTP client of the command line: signs in and makes a cover through the same API as everybody."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from contracts.errors import Problem
from contracts.tasks import Progress
from ops.failure import Failure

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)


class RequestRefused(Failure):
    """The API said no; the message is its sentence with the fields it names."""


class TaskEnded(Failure):
    """The task did not succeed; the message says why."""


class Client:
    """One signed-in session."""

    def __init__(self, session: aiohttp.ClientSession, base: str):
        self._session = session
        self._base = base
        self._headers: dict[str, str] = {}

    async def sign_in(self, email: str, password: str) -> None:
        """Take a token for the calls that follow. Raises RequestRefused."""
        session = await self.call("POST", "/v1/auth/login", {"email": email, "password": password})
        self._headers = {"Authorization": f"Bearer {session['access_token']}"}

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """One JSON call. Raises RequestRefused."""
        sent = {**self._headers, **headers}
        async with self._session.request(method, self._base + path, json=body, headers=sent) as response:
            data = await response.read()
            if response.status >= 400:
                raise RequestRefused(_sentence(data, response.status))
            answer: dict[str, Any] = msgspec.json.decode(data) if data else {}
            return answer

    async def make_cover(self, wish: dict[str, Any], watch: Callable[[Progress], None]) -> dict[str, Any]:
        """Order a cover and follow it to its end; returns the accepted ids. Raises RequestRefused, TaskEnded."""
        accepted = await self.call("POST", "/v1/covers", wish, **{"Idempotency-Key": str(uuid.uuid4())})
        await self.follow(accepted["task_id"], watch)
        return accepted

    async def follow(self, task_id: str, watch: Callable[[Progress], None]) -> None:
        """Show each step of a task until it has ended. Raises TaskEnded."""
        seen = "0"
        while True:
            headers = {**self._headers, "Last-Event-ID": seen}
            url = f"{self._base}/v1/tasks/{task_id}/events"
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self._session.get(url, headers=headers) as response:
                    async for progress in _progress(response):
                        seen = str(progress.seq)
                        watch(progress)
            task = await self.call("GET", f"/v1/tasks/{task_id}")
            if task["status"] == "succeeded":
                return
            if task["status"] in ("failed", "cancelled"):
                raise TaskEnded(task.get("error_message") or f"the task was {task['status']}")

    async def save_image(self, cover_id: str, path: Path) -> int:
        """Write the cover's picture to `path`; returns its bytes. Raises RequestRefused."""
        url = f"{self._base}/v1/covers/{cover_id}/image"
        async with self._session.get(url, headers=self._headers) as response:
            data = await response.read()
            if response.status != 200:
                raise RequestRefused(_sentence(data, response.status))
        await asyncio.to_thread(_write, path, data)
        return len(data)


@contextlib.asynccontextmanager
async def opened_client(base: str) -> AsyncIterator[Client]:
    """A client of the edge at `base`."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        yield Client(session, base)


async def _progress(response: aiohttp.ClientResponse) -> AsyncIterator[Progress]:
    """The `progress` events of a stream (HTML standard, server-sent events)."""
    event = ""
    async for raw in response.content:
        line = raw.decode().rstrip("\r\n")
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event == "progress":
            yield msgspec.json.decode(value, type=Progress)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _sentence(body: bytes, status: int) -> str:
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        return f"the edge answered {status}"
    fields = (f"{error.field}: {error.detail}" for error in problem.errors if error.detail not in problem.detail)
    return "; ".join((problem.detail, *fields))
