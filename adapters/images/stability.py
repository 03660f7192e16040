"""Stability v2beta: `stable-image/generate/{core,ultra,sd3}`, `edit/inpaint` and `edit/erase`.

Always multipart, and the answer is the picture itself. A picture that its filter blurred is charged all the same.
"""

from collections.abc import Callable, Mapping

import aiohttp
import msgspec

from adapters.images import Capabilities, Cost, InpaintOrder, PaintOrder, Picture
from adapters.images.calls import Answer, Api
from adapters.images.errors import (
    ImageError,
    InvalidOrder,
    QuotaUsedUp,
    RateLimitedByModel,
    RefusedInput,
    RefusedOutput,
    TookTooLong,
)
from adapters.images.fitting import Size, nearest
from adapters.images.registered import STABILITY_MODELS
from adapters.images.remote import Told, Workers, finished, meant, uploads
from adapters.images.words import described, unwanted

URL = "https://api.stability.ai"
MODEL = "core"
OK = 200
MAX_PROMPT = 10_000
MAX_BODY = 10 * 1024 * 1024 - 64 * 1024
"""Of a whole request, with room for what is around the pictures."""
MAX_PIXELS = 9_437_184
ASPECTS: tuple[Size, ...] = ((16, 9), (1, 1), (21, 9), (2, 3), (3, 2), (4, 5), (5, 4), (9, 16), (9, 21))
SEEDS = 4_294_967_294
"""The highest; 0 means any, which we never want."""
CREDIT = 10_000
"""A cent, in millionths of a dollar."""
CREDITS = {"core": 3, "ultra": 8, "inpaint": 3, "erase": 3}
"""For a picture. That of sd3 depends on which of its models is the default."""
FILTERED, MODERATED = "CONTENT_FILTERED", "content_moderation"
BY_STATUS: Mapping[int, Told] = {402: (QuotaUsedUp, "no_credits"), 408: (TookTooLong, "request_timeout")}
"""What is said here otherwise than in `USUAL`."""
LONG_PAUSE = 60.0
"""Seconds that it refuses who was too fast; it does not say so in a header."""


class _Failure(msgspec.Struct):
    id: str = ""
    name: str = ""


class Stability:
    """The image models of Stability AI."""

    name = "stability"

    def __init__(
        self,
        key: str,
        workers: Workers,
        *,
        pseudonym: Callable[[str], str],
        url: str = URL,
        model: str = MODEL,
        seconds: float = 60.0,
    ) -> None:
        """Raises ValueError for a URL, or a model that is not one of `STABILITY_MODELS`."""
        if model not in STABILITY_MODELS:
            raise ValueError(f"must be one of {', '.join(STABILITY_MODELS)}")
        self.version = model
        self.capabilities = Capabilities(
            seed=True,
            reproducible=False,
            mask=True,
            negative_prompt=True,
            any_size=False,
            offline=False,
            max_pixels=MAX_PIXELS,
            sizes=ASPECTS,
            price=priced(model),
        )
        headers = {"Authorization": f"Bearer {key}", "Accept": "image/*", "stability-client-id": "covergen"}
        self._api = Api(url, headers, seconds=seconds)
        self._workers = workers
        self._pseudonym = pseudonym

    async def paint(self, order: PaintOrder) -> Picture:
        """One picture. Raises an ImageError."""
        width, height = nearest(order.width, order.height, ASPECTS)
        fields = {**self._fields(order), "prompt": described(order, MAX_PROMPT), "aspect_ratio": f"{width}:{height}"}
        return await self._sent(order, f"generate/{self.version}", self.version, fields, {})

    async def inpaint(self, order: InpaintOrder) -> Picture:
        """Paint what the mask marks; without words it is erased. Raises an ImageError."""
        picture, mask = await uploads(self._workers, order, (order.width, order.height))
        if len(picture) + len(mask) > MAX_BODY:
            raise InvalidOrder("too_large")
        fields, files = self._fields(order), {"image": (picture, "image/jpeg"), "mask": (mask, "image/png")}
        if not order.prompt:
            fields.pop("negative_prompt")
            return await self._sent(order, "edit/erase", "erase", fields, files)
        fields["prompt"] = described(order, MAX_PROMPT)
        return await self._sent(order, "edit/inpaint", "inpaint", fields, files)

    async def close(self) -> None:
        """Give back the connections."""
        await self._api.close()

    def _fields(self, order: PaintOrder) -> dict[str, str]:
        return {
            "negative_prompt": unwanted(order)[:MAX_PROMPT],
            "seed": str(order.seed % SEEDS + 1),
            "output_format": "png",
        }

    async def _sent(
        self,
        order: PaintOrder,
        path: str,
        operation: str,
        fields: Mapping[str, str],
        files: Mapping[str, tuple[bytes, str]],
    ) -> Picture:
        form = aiohttp.FormData(default_to_multipart=True)
        for name, value in fields.items():
            form.add_field(name, value)
        for name, (data, media_type) in files.items():
            form.add_field(name, data, filename=f"{name}.{media_type.removeprefix('image/')}", content_type=media_type)
        who = {"stability-client-user-id": self._pseudonym(order.user)} if order.user else {}
        answer = await self._api.post(f"/v2beta/stable-image/{path}", form=form, headers=who)
        return await self._picture(order, answer, priced(operation))

    async def _picture(self, order: PaintOrder, answer: Answer, cost: Cost | None) -> Picture:
        if answer.status != OK:
            raise failure(answer)
        request_id = answer.headers.get("x-request-id", "")
        if answer.headers.get("finish-reason") == FILTERED:
            raise RefusedOutput("filtered", request_id=request_id, cost=cost)
        seed = answer.headers.get("seed", "")
        return await finished(
            self._workers,
            self,
            order,
            answer.body,
            seed=int(seed) if seed.isascii() and seed.isdigit() else None,
            cost=cost,
            request_id=request_id,
        )


def priced(operation: str) -> Cost | None:
    """What a picture costs, where that is known."""
    credits_ = CREDITS.get(operation)
    return None if credits_ is None else Cost(credits_ * CREDIT)


def failure(answer: Answer) -> ImageError:
    """What an answer that is not 200 means."""
    said = answer.said(_Failure, _Failure())
    request_id = said.id or answer.headers.get("x-request-id", "")
    if answer.status == 403 and said.name == MODERATED:
        return RefusedInput("moderated", request_id=request_id)
    kind, reason = meant(answer.status, BY_STATUS)
    after = answer.retry_after
    if kind is RateLimitedByModel and after is None:
        after = LONG_PAUSE
    return kind(reason, request_id=request_id, retry_after=after)
