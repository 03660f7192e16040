"""What the small servers that stand for image providers share: they check, remember, and go wrong when told."""

import asyncio
import base64
import contextlib
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from PIL import Image

Result = TypeVar("Result")
KEY = "sk-of-ours-0123456789"
PAINTED = (200, 40, 90)
"""The colour of every picture."""
TEXT = "text of the provider"
"""In each error, with the prompt and the key that came: none of it may be seen again."""


class Threads:
    """In the place of worker processes."""

    async def run(self, fn: Callable[..., Result], /, *args: object) -> Result:
        """Run it in a thread."""
        return await asyncio.to_thread(fn, *args)


@dataclass
class Wrong:
    """An answer instead of the right one. `body` is JSON, or bytes as they are."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Rejected(Exception):
    """The request is not what the real API takes."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.wrong = Wrong(status, body)


@dataclass
class Fake:
    """A provider. Subclasses give routes and handlers, which call `begun` first."""

    url: str = ""
    wrong: list[Wrong] = field(default_factory=list)
    """Taken one by one, each instead of an answer."""
    stuck: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is set, nothing is answered."""
    asked: list[str] = field(default_factory=list)
    """Method and path of every request."""
    posted: list[tuple[str, float]] = field(default_factory=list)
    """Path and time (monotonic) of every POST."""
    orders: list[dict[str, Any]] = field(default_factory=list)
    """The fields of every order that was good."""
    masks: list[Image.Image] = field(default_factory=list)
    draw: Callable[[int, int], bytes] = field(default_factory=lambda: png)
    """Makes a picture of that size."""

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        raise NotImplementedError

    @web.middleware
    async def noting(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """When was what posted?"""
        if request.method == "POST":
            self.posted.append((request.path, time.monotonic()))
        return await handler(request)

    async def begun(self, request: web.Request) -> None:
        """Note it, and be stuck if told so."""
        self.asked.append(f"{request.method} {request.path}")
        if self.stuck.is_set():
            await asyncio.sleep(60)

    def said(self, wrong: Wrong, prompt: str) -> web.Response:
        """An error, which repeats what nobody should see."""
        if isinstance(wrong.body, bytes):
            return web.Response(status=wrong.status, body=wrong.body, headers=wrong.headers)
        echo = f"{TEXT}: {prompt!r} with {KEY}"
        body = _filled(wrong.body, echo)
        return web.json_response(body, status=wrong.status, headers=wrong.headers)


def _filled(body: Any, echo: str) -> Any:
    if isinstance(body, Mapping):
        return {name: _filled(value, echo) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(each, echo) for each in body]
    return echo if body == "ECHO" else body


@contextlib.asynccontextmanager
async def served(fake: Fake) -> AsyncIterator[None]:
    """Serve it on a free port of this machine; `url` says where."""
    app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[fake.noting])
    app.add_routes(fake.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


def png(width: int, height: int, colour: tuple[int, int, int] = PAINTED) -> bytes:
    """A picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


def art(width: int, height: int) -> bytes:
    """A picture that is not blank."""
    buffer = io.BytesIO()
    light = Image.linear_gradient("L").resize((width, height))
    dark = Image.radial_gradient("L").resize((width, height))
    Image.merge("RGB", (light, dark, light.rotate(180))).save(buffer, "PNG")
    return buffer.getvalue()


def text_of(data: bytes) -> str:
    """In base64."""
    return base64.b64encode(data).decode()


def opened(data: bytes) -> Image.Image:
    """The picture."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


async def parts_of(request: web.Request) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    """Fields, and files as media type and bytes, of a form that must be multipart. Raises Rejected."""
    if request.content_type != "multipart/form-data":
        raise Rejected(415, {"error": {"message": "ECHO"}, "errors": ["ECHO"]})
    fields: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}
    form = await request.post()
    for name, value in form.items():
        if isinstance(value, web.FileField):
            files[name] = (value.content_type, value.file.read())
        else:
            fields[name] = str(value)
    return fields, files
