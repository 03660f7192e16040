"""Something like Replicate: predictions that take a few questions, or some time, and are told of by webhooks; pictures
at another address; cancellation."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from tests.support.fake_images import KEY, Fake, Rejected, Wrong

ASPECTS = ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
INPUT = {"prompt", "aspect_ratio", "seed", "num_outputs", "output_format"}
UNIT = 64
SECRET = "whsec_" + base64.b64encode(b"the key of an account").decode()
WEBHOOK = {"webhook", "webhook_events_filter"}


def error(status: int, title: str) -> Wrong:
    """An error as it is told at the door."""
    return Wrong(status, {"title": title, "detail": "ECHO", "status": status})


def ended(status: str, **more: Any) -> Wrong:
    """A prediction that has ended so at once."""
    return Wrong(201, {"id": "abc123", "status": status, **more})


WRONG = {
    "refused_output": [ended("failed", error="NSFW content detected."), ended("failed", error="flagged (E005)")],
    "invalid": [error(422, "Invalid version or not permitted"), error(400, "Bad request")],
    "auth": [error(401, "Unauthenticated"), error(404, "Not found"), error(403, "Forbidden")],
    "quota": [error(402, "Insufficient credit")],
    "rate_limited": [Wrong(429, {"detail": "ECHO", "status": 429}, {"Retry-After": "7"})],
    "busy": [error(503, "Service unavailable")],
    "timeout": [error(504, "Gateway timeout")],
    "broken": [
        error(500, "Internal server error"),
        ended("failed", error="ECHO"),
        ended("canceled"),
        ended("succeeded", output=None),
        ended("succeeded", output=["http://169.254.169.254/latest/meta-data"]),
        ended("succeeded", output=["https://replicate.delivery.example.org/x.png"]),
        ended("succeeded", output=["data:image/png;base64,###"]),
        Wrong(201, {"id": "../../account", "status": "starting"}),
        Wrong(201, b"not JSON"),
        Wrong(302, b"", {"Location": "http://127.0.0.1:1/"}),
    ],
}


def signed(body: bytes, *, secret: str = SECRET, delivery: str = "", at: float | None = None) -> dict[str, str]:
    """The headers of a webhook, made as Replicate's documentation says it and not by our code."""
    delivery, when = delivery or f"msg_{uuid.uuid4().hex}", str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{delivery}.{when}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    names = {"webhook-id": delivery, "webhook-timestamp": when, "webhook-signature": signature}
    return {"Content-Type": "application/json", **names}


class FakeReplicate(Fake):
    """Predictions and files."""

    questions = 2
    """Until a prediction has ended."""
    seconds: float = 0
    """That a prediction takes; then questions do not matter."""
    told = 1
    """How often each webhook is sent, under the same id."""
    answers: list[int]
    """Statuses of the answers to them."""
    id: str = ""
    """Of the last prediction."""
    webhook: str = ""
    """Where the last order wanted them."""
    _until: float = 0
    cancelled: int = 0
    _left: int = 0
    _size: tuple[int, int] = (64, 64)

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/v1/predictions", self.create),
            web.get("/v1/predictions/{id}", self.look),
            web.post("/v1/predictions/{id}/cancel", self.cancel),
            web.get("/files/{id}", self.file),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Begin."""
        self.asked.append(f"{request.method} {request.path}")
        body = await request.json()
        if self.wrong:
            return self.said(self.wrong.pop(0), body["input"]["prompt"])
        try:
            self._check(request, body)
        except Rejected as rejected:
            return self.said(rejected.wrong, body["input"]["prompt"])
        self.id = f"abc123{len(self.orders) or ''}"
        self.orders.append(body["input"])
        self._left, self._until = self.questions, time.monotonic() + self.seconds
        self.webhook = body.get("webhook", "")
        if self.webhook:
            self._telling = asyncio.create_task(self._tell())
        return web.json_response({"id": self.id, "status": "starting"}, status=201)

    async def look(self, request: web.Request) -> web.Response:
        """How it is."""
        self.asked.append(f"{request.method} {request.path}")
        if self.wrong:
            return self.said(self.wrong.pop(0), "")
        self._left -= not self.stuck.is_set()
        if self._left > 0 if not self.seconds else time.monotonic() < self._until:
            return web.json_response({"id": self.id, "status": "processing"})
        output = [f"{self.url}/files/abc123.png"]
        return web.json_response({"id": self.id, "status": "succeeded", "output": output, "version": "v9"})

    async def _tell(self) -> None:
        await asyncio.sleep(self.seconds)
        body = json.dumps({"id": self.id, "status": "succeeded", "input": self.orders[-1]}).encode()
        headers = signed(body)
        self.answers = [await self.tell(body, headers) for _ in range(self.told)]

    async def tell(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Send it to where the last order wanted it; the status of the answer."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.webhook, data=body, headers=headers) as answer,
        ):
            return answer.status

    async def cancel(self, request: web.Request) -> web.Response:
        """Stop."""
        await asyncio.sleep(0)
        self.cancelled += request.headers.get("Authorization") == f"Bearer {KEY}"
        return web.json_response({"id": self.id, "status": "canceled"})

    async def file(self, request: web.Request) -> web.Response:
        """A picture, for everybody; who shows a token here gives it away."""
        if "Authorization" in request.headers:
            return web.Response(status=400)
        return web.Response(body=self.draw(*self._size), content_type="image/png")

    def _check(self, request: web.Request, body: dict[str, Any]) -> None:
        fields = body["input"]
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise Rejected(401, {"title": "Unauthenticated", "detail": "ECHO", "status": 401})
        told = {name for name in WEBHOOK if name in body}
        if told and (told != WEBHOOK or body["webhook_events_filter"] != ["completed"]):
            raise Rejected(422, {"title": "Invalid", "detail": "ECHO", "status": 422})
        good = (
            set(body) - WEBHOOK == {"version", "input"} and set(fields) <= INPUT and fields["aspect_ratio"] in ASPECTS
        )
        if not good or "/" not in body["version"] or not 0 <= fields["seed"] < 2**31 or fields["num_outputs"] != 1:
            raise Rejected(422, {"title": "Invalid", "detail": "ECHO", "status": 422})
        width, _, height = fields["aspect_ratio"].partition(":")
        self._size = (int(width) * UNIT, int(height) * UNIT)
