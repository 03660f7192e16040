"""The rows of uploads."""

import io
import uuid
from collections.abc import Mapping
from typing import Any

import aiohttp
from PIL import Image

from tests.support.matrix import Asked
from tests.support.matrix_row import Row, at, fresh, owner_of
from tests.support.matrix_world import World, bearer


def picture(seed: int | None = None) -> bytes:
    """A small picture, another one each time unless a seed is given."""
    number = uuid.uuid4().int if seed is None else seed
    image = Image.radial_gradient("L").resize((80, 64)).convert("RGB")
    image.putpixel((0, 0), (number % 256, number // 256 % 256, number // 65536 % 256))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def form(data: bytes, purpose: str = "image") -> tuple[bytes, dict[str, str]]:
    """A form with the picture, and the header that names its type."""
    words = f'Content-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'.encode()
    file = b'Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + data + b"\r\n"
    return b"--x\r\n" + words + b"--x\r\n" + file + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


async def uploaded(
    session: aiohttp.ClientSession, base: str, token: Mapping[str, str], data: bytes, purpose: str = "image"
) -> Any:
    """What the answer says, which must be one of success."""
    body, media = form(data, purpose)
    async with session.post(f"{base}/v1/uploads", data=body, headers={**token, **media}) as answer:
        assert answer.status == 201, await answer.text()
        return await answer.json()


async def _new(_world: World) -> Asked:
    body, media = form(picture(7))
    return Asked(path="/v1/uploads", raw=body, headers=media)


def _own(end: str = "", seed: int | None = None) -> Row:
    async def make(world: World) -> Asked:
        made = await uploaded(world.owner.session, world.owner.base, bearer(world.owner), picture(seed))
        return Asked(path=f"/v1/uploads/{made['upload_id']}{end}", owner=owner_of(world))

    return fresh(make) if seed is None else Row(make=make)


UPLOAD_ROWS: Mapping[str, Row] = {
    "POST /v1/uploads": Row(make=_new, no_signed=401),
    "GET /v1/uploads": at("/v1/uploads"),
    "GET /v1/uploads/{upload_id}": _own(seed=1),
    "GET /v1/uploads/{upload_id}/image": _own("/image", seed=1),
    "DELETE /v1/uploads/{upload_id}": _own(),
}
