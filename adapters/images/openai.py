"""OpenAI Images: `POST /images/generations` and `/images/edits`. No seed, so no picture can be made again."""

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import msgspec

from adapters.images import Capabilities, Cost, InpaintOrder, PaintOrder, Picture
from adapters.images.calls import Answer, Api
from adapters.images.errors import (
    Broken,
    Busy,
    ImageError,
    QuotaUsedUp,
    RateLimitedByModel,
    RefusedInput,
    RefusedOutput,
    TookTooLong,
)
from adapters.images.fitting import Size, gridded, nearest
from adapters.images.registered import Prices
from adapters.images.remote import Told, Workers, decoded, finished, meant, uploads
from adapters.images.words import described

URL = "https://api.openai.com/v1"
MODEL = "gpt-image-2.5-flare"
OK = 200
MAX_PROMPT = 32_000
SIZES: tuple[Size, ...] = ((1024, 1024), (1536, 1024), (1024, 1536))
"""Of the models before version 2."""
STEP, MOST_PIXELS, LONGEST, STEEPEST = 16, 2560 * 1440, 2560, 3.0
"""Of the models from 2 on: any multiple of 16 up to this; more is called experimental."""
MODERATED = "moderation_blocked"
NO_MONEY = ("credit_balance_exhausted", "_spend_limit_exceeded", "organization_usage_limit_exceeded")
BY_STATUS: Mapping[int, Told] = {408: (TookTooLong, "request_timeout"), 409: (Busy, "conflict")}
"""What is said here otherwise than in `USUAL`."""


class _Stage(msgspec.Struct):
    moderation_stage: str = "input"


class _Error(msgspec.Struct):
    type: str | None = None
    code: str | None = None
    moderation_details: _Stage | None = None


class _Failure(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


class _Image(msgspec.Struct):
    b64_json: str


class _Tokens(msgspec.Struct):
    text_tokens: int = 0
    image_tokens: int = 0


class _Usage(msgspec.Struct):
    input_tokens_details: _Tokens = msgspec.field(default_factory=_Tokens)
    output_tokens: int = 0


class _Images(msgspec.Struct):
    data: list[_Image]
    usage: _Usage | None = None


class OpenAI:
    """The image models of OpenAI, and of servers with its API."""

    name = "openai"

    def __init__(
        self,
        key: str,
        workers: Workers,
        *,
        pseudonym: Callable[[str], str],
        url: str = URL,
        model: str = MODEL,
        seconds: float = 60.0,
        prices: Prices | None = None,
    ) -> None:
        """`pseudonym` makes of a user's id what the provider may know. Raises ValueError for a URL."""
        self.version = model
        free = model.startswith("gpt-image-2")
        self.capabilities = Capabilities(
            seed=False,
            reproducible=False,
            mask=True,
            negative_prompt=False,
            any_size=free,
            offline=False,
            max_pixels=MOST_PIXELS if free else SIZES[1][0] * SIZES[1][1],
            sizes=() if free else SIZES,
        )
        self._api = Api(url, {"Authorization": f"Bearer {key}"}, seconds=seconds)
        self._workers = workers
        self._pseudonym = pseudonym
        self._prices = prices

    async def paint(self, order: PaintOrder) -> Picture:
        """One picture. Raises an ImageError."""
        answer = await self._api.post("/images/generations", json=self._fields(order))
        return await self._picture(order, answer)

    async def inpaint(self, order: InpaintOrder) -> Picture:
        """Paint what the mask marks. Raises an ImageError."""
        picture, mask = await uploads(self._workers, order, self._size(order), alpha=True)
        form = aiohttp.FormData()
        for name, value in self._fields(order).items():
            if name != "moderation":  # only of /images/generations
                form.add_field(name, str(value))
        form.add_field("image", picture, filename="picture.jpg", content_type="image/jpeg")
        form.add_field("mask", mask, filename="mask.png", content_type="image/png")
        return await self._picture(order, await self._api.post("/images/edits", form=form))

    async def close(self) -> None:
        """Give back the connections."""
        await self._api.close()

    def _fields(self, order: PaintOrder) -> dict[str, Any]:
        width, height = self._size(order)
        fields = {
            "model": self.version,
            "prompt": described(order, MAX_PROMPT),
            "n": 1,
            "size": f"{width}x{height}",
            "quality": "high",
            "background": "opaque",
            "output_format": "png",
            "moderation": "auto",
        }
        return {**fields, "safety_identifier": self._pseudonym(order.user)} if order.user else fields

    def _size(self, order: PaintOrder) -> Size:
        if not self.capabilities.any_size:
            return nearest(order.width, order.height, SIZES)
        return gridded(
            order.width, order.height, step=STEP, most_pixels=MOST_PIXELS, longest=LONGEST, steepest=STEEPEST
        )

    async def _picture(self, order: PaintOrder, answer: Answer) -> Picture:
        request_id = answer.headers.get("x-request-id", "")
        if answer.status != OK:
            raise failure(answer)
        images = answer.json(_Images)
        cost = None if self._prices is None or images.usage is None else charged(images.usage, self._prices)
        if not images.data:
            raise Broken("no_picture", request_id=request_id, cost=cost)
        data = decoded(images.data[0].b64_json)
        return await finished(self._workers, self, order, data, seed=None, cost=cost, request_id=request_id)


def charged(usage: _Usage, prices: Prices) -> Cost:
    """What these tokens cost."""
    details = usage.input_tokens_details
    tokens = (details.text_tokens, details.image_tokens, usage.output_tokens)
    return Cost(round(sum(n * p for n, p in zip(tokens, (prices.text, prices.image, prices.output), strict=True))))


def failure(answer: Answer) -> ImageError:
    """What an answer that is not 200 means."""
    request_id = answer.headers.get("x-request-id", "")
    error = answer.said(_Failure, _Failure()).error
    if error.code == MODERATED:
        stage = error.moderation_details.moderation_stage if error.moderation_details else "input"
        return (RefusedOutput if stage == "output" else RefusedInput)(MODERATED, request_id=request_id)
    if answer.status == 429:
        return _too_many(answer, error, request_id)
    kind, reason = meant(answer.status, BY_STATUS)
    return kind(reason, request_id=request_id, retry_after=answer.retry_after)


def _too_many(answer: Answer, error: _Error, request_id: str) -> ImageError:
    """429 is two families: too fast, which passes, and no money, which does not."""
    words = (error.type or "", error.code or "")
    if "insufficient_quota" in words or any(code.endswith(NO_MONEY) for code in words):
        return QuotaUsedUp("no_money", request_id=request_id)
    return RateLimitedByModel("too_fast", request_id=request_id, retry_after=answer.retry_after)
