"""Replicate: a prediction is ordered, asked for until it has ended, and its picture fetched.

The fields are those of FLUX schnell, which other text-to-image models there share: prompt, aspect_ratio, seed,
num_outputs, output_format. What is not wanted any more is cancelled, since it is paid by time or picture.

With a webhook the provider says when a prediction has ended (`bells`), and is asked less often; but it is asked, so
that nothing depends on that.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.identity.registered import is_loopback
from adapters.images import Capabilities, Cost, PaintOrder, Picture
from adapters.images.bells import Bells
from adapters.images.calls import Answer, Api
from adapters.images.errors import (
    AuthFailed,
    Broken,
    Busy,
    ImageError,
    RateLimitedByModel,
    RefusedOutput,
    TookTooLong,
)
from adapters.images.fitting import Size, nearest
from adapters.images.remote import Told, Workers, decoded, finished, meant
from adapters.images.words import described

URL = "https://api.replicate.com"
MODEL = "black-forest-labs/flux-schnell"
PICTURES_FROM = "replicate.delivery"
"""Where results may be fetched, with what is below it."""
CREATED, OK = (200, 201, 202), 200
MAX_PROMPT = 10_000
ASPECTS: tuple[Size, ...] = (
    (1, 1),
    (16, 9),
    (21, 9),
    (3, 2),
    (2, 3),
    (4, 5),
    (5, 4),
    (3, 4),
    (4, 3),
    (9, 16),
    (9, 21),
)
SEEDS = 2**31
FIRST_WAIT, GROWTH, LONGEST_WAIT = 0.5, 1.5, 5.0
"""Seconds between two questions, growing."""
FIRST_WAIT_TOLD, LONGEST_WAIT_TOLD = 5.0, 15.0
"""The same where a webhook is to come."""
EVENTS = ("completed",)
"""Of a prediction, that the webhook is for: it has ended, however."""
PATIENCE = 5
"""Questions in a row that may go wrong: the work goes on meanwhile, and is paid."""
CANCEL_SECONDS = 3.0
FLAGGED = ("(e005)", "nsfw", "flagged as sensitive")
"""How the text of a failure says that a filter held the picture back; there is no code for it."""
INLINE = "data:image/"
BY_STATUS: Mapping[int, Told] = {401: (AuthFailed, "token")}
"""What is said here otherwise than in `USUAL`."""


class _Prediction(msgspec.Struct):
    id: str
    status: str
    output: Any = None
    error: Any = None
    version: str | None = None


class Replicate:
    """The models at Replicate. Changing a part of a picture is none of what they share."""

    name = "replicate"

    def __init__(
        self,
        token: str,
        workers: Workers,
        *,
        url: str = URL,
        model: str = MODEL,
        seconds: float = 60.0,
        price: Cost | None = None,
        first_wait: float | None = None,
        webhook: str | None = None,
        bells: Bells | None = None,
    ) -> None:
        """`price` is of one picture, as the model's page says it; at `webhook` the provider tells of predictions that
        have ended, for which `bells` are rung then. Raises ValueError for a URL."""
        self.version = model
        self.capabilities = Capabilities(
            seed=True,
            reproducible=False,
            mask=False,
            negative_prompt=False,
            any_size=False,
            offline=False,
            max_pixels=2048 * 2048,
            sizes=ASPECTS,
            price=price,
        )
        self._api = Api(url, {"Authorization": f"Bearer {token}"}, seconds=seconds)
        self._workers = workers
        self._told = {} if webhook is None else {"webhook": webhook, "webhook_events_filter": EVENTS}
        self._first_wait = first_wait or (FIRST_WAIT if webhook is None else FIRST_WAIT_TOLD)
        self._longest_wait = LONGEST_WAIT if webhook is None else LONGEST_WAIT_TOLD
        self._bells = bells or Bells()

    async def paint(self, order: PaintOrder) -> Picture:
        """One picture; being cancelled cancels it there. Raises an ImageError."""
        prediction = await self._ordered(order)
        ended = False
        try:
            done = await self._ended(prediction)
            ended = True
        finally:
            if not ended:
                await self._cancel(prediction.id)
        return await self._picture(order, done)

    async def close(self) -> None:
        """Give back the connections."""
        await self._api.close()

    async def _ordered(self, order: PaintOrder) -> _Prediction:
        width, height = nearest(order.width, order.height, ASPECTS)
        fields = {
            "prompt": described(order, MAX_PROMPT),
            "aspect_ratio": f"{width}:{height}",
            "seed": order.seed % SEEDS,
            "num_outputs": 1,
            "output_format": "png",
        }
        sent = {"version": self.version, "input": fields, **self._told}
        answer = await self._api.post("/v1/predictions", json=sent)
        if answer.status not in CREATED:
            raise failure(answer)
        return _readable(answer)

    async def _ended(self, prediction: _Prediction) -> _Prediction:
        wait, missed = self._first_wait, 0
        with self._bells.waiting(prediction.id) as bell:
            while prediction.status in ("starting", "processing"):
                rung = await bell.heard(wait)
                wait = FIRST_WAIT if rung else min(wait * GROWTH, self._longest_wait)
                try:
                    prediction, missed = await self._seen(prediction.id), 0
                except (Broken, Busy, RateLimitedByModel, TookTooLong) as error:
                    missed += 1
                    if missed >= PATIENCE:
                        raise
                    wait = max(wait, min(error.retry_after or 0.0, LONGEST_WAIT))
        return prediction

    async def _seen(self, prediction_id: str) -> _Prediction:
        answer = await self._api.get(f"/v1/predictions/{prediction_id}")
        if answer.status != OK:
            raise failure(answer)
        return _readable(answer)

    async def _cancel(self, prediction_id: str) -> None:
        with contextlib.suppress(ImageError, TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._api.post(f"/v1/predictions/{prediction_id}/cancel")

    async def _picture(self, order: PaintOrder, done: _Prediction) -> Picture:
        if done.status != "succeeded":
            raise _unsuccessful(done)
        cost = self.capabilities.price
        data = await self._fetched(done, cost)
        return await finished(
            self._workers,
            self,
            order,
            data,
            seed=order.seed % SEEDS,
            cost=cost,
            request_id=done.id,
            version=self.version if ":" in self.version or not done.version else f"{self.version}:{done.version}",
        )

    async def _fetched(self, done: _Prediction, cost: Cost | None) -> bytes:
        output = done.output[0] if isinstance(done.output, list) and done.output else done.output
        if not isinstance(output, str):
            raise Broken("no_picture", request_id=done.id, cost=cost)
        if output.startswith(INLINE):
            return decoded(output.partition(",")[2])
        if not self._may_fetch(output):
            raise Broken("strange_address", request_id=done.id, cost=cost)
        answer = await self._api.download(output)
        if answer.status != OK:
            raise Broken("picture_is_gone", request_id=done.id, cost=cost)
        return answer.body

    def _may_fetch(self, url: str) -> bool:
        """An answer must not make us read addresses of our own network."""
        try:
            parts, own = urlsplit(url), urlsplit(self._api.base)
            same = (parts.scheme, parts.hostname, parts.port) == (own.scheme, own.hostname, own.port)
        except ValueError:
            return False
        host = parts.hostname or ""
        known = host == PICTURES_FROM or host.endswith(f".{PICTURES_FROM}")
        return (same and is_loopback(host)) or (parts.scheme == "https" and parts.port is None and known)


def _readable(answer: Answer) -> _Prediction:
    """The prediction. Raises Broken, also for an id that would not be one in a path."""
    prediction = answer.json(_Prediction)
    if not (prediction.id.isascii() and prediction.id.isalnum()):
        raise Broken("strange_id")
    return prediction


def _unsuccessful(done: _Prediction) -> ImageError:
    text = done.error.lower() if isinstance(done.error, str) else ""
    if any(words in text for words in FLAGGED):
        return RefusedOutput("flagged", request_id=done.id)
    reason = done.status if done.status in ("failed", "canceled") else "unexpected_status"
    return Broken(reason, request_id=done.id)


def failure(answer: Answer) -> ImageError:
    """What an answer that is not good means."""
    kind, reason = meant(answer.status, BY_STATUS)
    return kind(reason, retry_after=answer.retry_after)
