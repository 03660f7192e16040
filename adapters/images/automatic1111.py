"""AUTOMATIC1111, Forge and what speaks like them: `/sdapi/v1/txt2img` and `/img2img`, usually a machine of one's own.

A call blocks until its picture is done, one at a time for the whole server, and goes on when its caller has gone. So
each is named (`force_task_id`), and one that is not wanted any more is interrupted, if it is the one being painted.
"""

import asyncio
import base64
import contextlib
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from adapters.images import Capabilities, Cost, InpaintOrder, PaintOrder, Picture
from adapters.images.calls import SERVER_ERRORS, Answer, Api
from adapters.images.errors import (
    AuthFailed,
    Broken,
    Busy,
    ImageError,
    TookTooLong,
)
from adapters.images.fitting import Size, gridded
from adapters.images.registered import base_url
from adapters.images.remote import Told, Workers, decoded, encoded, finished, meant, uploads
from adapters.images.words import described, unwanted

OK = 200
STEP, MOST_PIXELS, LONGEST = 64, 1024 * 1024, 1536
"""What checkpoints of today were trained on, and most cards have memory for."""
SAMPLING_STEPS, CFG_SCALE, DENOISING, MASK_BLUR = 30, 7.0, 0.75, 4
ORIGINAL = 1
"""Fill of what is painted anew, to begin with: what was there."""
SEEDS = 4_294_967_295
MAX_PROMPT = 10_000
OUT_OF_MEMORY = "OutOfMemoryError"
INTERRUPT_SECONDS = 3.0
NO_COST = Cost(0)
"""Nobody sends a bill."""
BY_STATUS: Mapping[int, Told] = {401: (AuthFailed, "password"), 404: (AuthFailed, "api_is_off")}
"""What is said here otherwise than in `USUAL`."""


class _Images(msgspec.Struct):
    images: list[str]
    info: str = "{}"


class _Info(msgspec.Struct):
    seed: int | None = None
    sd_model_name: str | None = None
    sd_model_hash: str | None = None


class _Task(msgspec.Struct):
    active: bool = False


class _Failure(msgspec.Struct):
    error: str = ""


class Automatic1111:
    """The checkpoint that the server has loaded; a picture says which that was."""

    name = "automatic1111"
    version = "loaded"
    capabilities = Capabilities(
        seed=True,
        reproducible=False,
        mask=True,
        negative_prompt=True,
        any_size=True,
        offline=False,
        max_pixels=MOST_PIXELS,
        price=NO_COST,
    )

    def __init__(self, url: str, workers: Workers, *, seconds: float = 60.0) -> None:
        """`url` may carry `USER:PASSWORD@` for HTTP Basic. Raises ValueError, which does not repeat it."""
        self._api = Api(*opened(url), seconds=seconds)
        self._workers = workers

    async def paint(self, order: PaintOrder) -> Picture:
        """One picture; being cancelled interrupts it there. Raises an ImageError."""
        size = self._size(order)
        return await self._sent(order, "/sdapi/v1/txt2img", self._fields(order, size))

    async def inpaint(self, order: InpaintOrder) -> Picture:
        """Paint what the mask marks. Raises an ImageError."""
        size = self._size(order)
        picture, mask = await uploads(self._workers, order, size)
        fields = {
            "init_images": [encoded(picture)],
            "mask": encoded(mask),
            "mask_blur": MASK_BLUR,
            "inpainting_fill": ORIGINAL,
            "inpaint_full_res": False,
            "inpainting_mask_invert": 0,
            "denoising_strength": DENOISING,
            "include_init_images": False,
        }
        return await self._sent(order, "/sdapi/v1/img2img", {**self._fields(order, size), **fields})

    async def close(self) -> None:
        """Give back the connections."""
        await self._api.close()

    def _size(self, order: PaintOrder) -> Size:
        return gridded(order.width, order.height, step=STEP, most_pixels=MOST_PIXELS, longest=LONGEST)

    def _fields(self, order: PaintOrder, size: Size) -> dict[str, Any]:
        return {
            "prompt": described(order, MAX_PROMPT),
            "negative_prompt": unwanted(order),
            "seed": order.seed % SEEDS,
            "steps": SAMPLING_STEPS,
            "cfg_scale": CFG_SCALE,
            "width": size[0],
            "height": size[1],
            "batch_size": 1,
            "n_iter": 1,
            "override_settings": {},
            "send_images": True,
            "save_images": False,
            "force_task_id": f"covergen-{uuid.uuid4().hex}",
        }

    async def _sent(self, order: PaintOrder, path: str, fields: Mapping[str, Any]) -> Picture:
        try:
            answer = await self._api.post(path, json=fields)
        except (asyncio.CancelledError, TookTooLong):
            await self._interrupt(fields["force_task_id"])
            raise
        return await self._picture(order, answer)

    async def _interrupt(self, task_id: str) -> None:
        """Stop what we ordered, but nobody else's picture: the server's interrupt names none."""
        with contextlib.suppress(ImageError, TimeoutError):
            async with asyncio.timeout(INTERRUPT_SECONDS):
                asked = await self._api.post("/internal/progress", json={"id_task": task_id, "live_preview": False})
                if asked.status == OK and asked.json(_Task).active:
                    await self._api.post("/sdapi/v1/interrupt", json={})

    async def _picture(self, order: PaintOrder, answer: Answer) -> Picture:
        if answer.status != OK:
            raise failure(answer)
        made = answer.json(_Images)
        if not made.images:
            raise Broken("no_picture")
        info = _told(made.info)
        version = "@".join(part for part in (info.sd_model_name, info.sd_model_hash) if part)
        data = decoded(made.images[0])
        return await finished(self._workers, self, order, data, seed=info.seed, cost=NO_COST, version=version)


def opened(url: str) -> tuple[str, dict[str, str]]:
    """An address without what is before its @, and the headers that say that instead. Raises ValueError."""
    parts = urlsplit(base_url(url))
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if parts.username is None and parts.password is None:
        return bare, {}
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return bare, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def failure(answer: Answer) -> ImageError:
    """What an answer that is not 200 means."""
    if answer.status in SERVER_ERRORS and answer.said(_Failure, _Failure()).error == OUT_OF_MEMORY:
        return Busy("out_of_memory")
    kind, reason = meant(answer.status, BY_STATUS)
    return kind(reason, retry_after=answer.retry_after)


def _told(info: str) -> _Info:
    """What the text says that is JSON itself; nothing when it is not."""
    try:
        return msgspec.json.decode(info.encode(errors="replace"), type=_Info)
    except msgspec.MsgspecError:
        return _Info()
