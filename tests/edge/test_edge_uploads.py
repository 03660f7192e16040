"""Uploads over HTTP: the form, its limits, the order of begin, put and finish, and what nodes' refusals become."""

import asyncio
import io
import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest
from PIL import Image

from contracts import uploads
from contracts.errors import Conflict, FieldError, Unavailable, UnderReview
from contracts.uploads import MAX_UPLOAD
from tests.edge.conftest import Edge, Reply


def png(size: tuple[int, int] = (120, 90), mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert(mode).save(out, "PNG")
    return out.getvalue()


def form(
    data: bytes | io.BytesIO, purpose: str | None = None, *, late: bool = False, name: str = "file"
) -> aiohttp.FormData:
    """A browser's form; `late`: the purpose comes behind the file."""
    made = aiohttp.FormData()
    if purpose is not None and not late:
        made.add_field("purpose", purpose)
    made.add_field(name, data, filename="photo.exe", content_type="application/x-msdownload")
    if purpose is not None and late:
        made.add_field("purpose", purpose)
    return made


async def sent(edge: Edge, body: aiohttp.FormData, *, signed: bool = True) -> Reply:
    return await edge.ask("POST", "/v1/uploads", data=body, signed=signed)


async def test_a_picture_is_brought(edge: Edge) -> None:
    """201 with its address; what it is is told by its bytes, whatever name and type the form gives it."""
    reply = await sent(edge, form(png()))
    assert reply.status == 201, reply.body
    made = reply.json
    assert reply.headers["Location"] == f"/v1/uploads/{made['upload_id']}"
    assert (made["media_type"], made["width"], made["height"], made["purpose"]) == ("image/png", 120, 90, "image")
    picture = await edge.ask("GET", made["url"])
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/png")
    assert (len(picture.body), picture.headers["ETag"]) == (made["size"], f'"{made["sha256"]}"')
    assert "object" not in made
    words = [subject for subject, _, _ in edge.world.asked if subject.startswith("svc.edits.")]
    assert words == ["svc.edits.begin_upload", "svc.edits.finish_upload", "svc.edits.upload_image"]


@pytest.mark.parametrize("late", [False, True])
async def test_a_mask_is_made_grey(edge: Edge, late: bool) -> None:
    """Whether the purpose comes before the file or behind it."""
    made = (await sent(edge, form(png(mode="RGBA"), "mask", late=late))).json
    assert made["purpose"] == "mask"
    with Image.open(io.BytesIO((await edge.ask("GET", made["url"])).body)) as mask:
        assert mask.mode == "L"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (form(b"hello"), "file"),
        (form(png()[:500]), "file"),
        (form(b""), "file"),
        (form(png(), name="picture"), "file"),
        (form(png(), "portrait"), "purpose"),
        (form(png((30, 30))), "file"),
    ],
    ids=["no picture", "cut short", "empty", "another field", "no purpose of ours", "too small"],
)
async def test_what_is_wrong_is_named(edge: Edge, body: aiohttp.FormData, field: str) -> None:
    """422 with the field and a sentence, and no node is asked."""
    reply = await sent(edge, body)
    assert (reply.status, reply.json["code"]) == (422, "invalid")
    assert [each["field"] for each in reply.json["errors"]] == [field]
    assert edge.world.count(uploads.BEGIN) == 0


async def test_other_bodies_are_not_taken(edge: Edge) -> None:
    """415 for what is no form or packed, 400 for a broken form, one with another in it, or with a hundred fields."""
    plain = await edge.ask("POST", "/v1/uploads", data=png(), headers={"Content-Type": "image/png"})
    packed = await edge.ask(
        "POST",
        "/v1/uploads",
        data=b"x",
        headers={"Content-Encoding": "gzip", "Content-Type": "multipart/form-data; boundary=x"},
    )
    assert [(each.status, each.json["code"]) for each in (plain, packed)] == [(415, "unsupported_media_type")] * 2
    many = aiohttp.FormData(default_to_multipart=True)
    for number in range(100):
        many.add_field(f"n{number}", "1")
    nested = b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nz\r\n--y--\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    replies = [
        await sent(edge, many),
        await edge.ask("POST", "/v1/uploads", data=b"--x\r\nrubbish", headers=kind),
        await edge.ask("POST", "/v1/uploads", data=nested, headers=kind),
        await edge.ask("POST", "/v1/uploads", data=b"", headers={"Content-Type": "multipart/form-data"}),
    ]
    assert [(each.status, each.json["code"]) for each in replies] == [(400, "malformed")] * 4


async def test_a_file_too_large_is_not_taken(edge: Edge) -> None:
    """413, whether its size was announced or not."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        for _ in range(21):
            yield bytes(1024 * 1024)
        yield b"\r\n--x--\r\n"

    whole = await sent(edge, form(io.BytesIO(bytes(MAX_UPLOAD + 100_000))))
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    slowly = await edge.ask("POST", "/v1/uploads", data=pieces(), headers=kind)
    assert [(each.status, each.json["code"]) for each in (whole, slowly)] == [(413, "too_large")] * 2


async def test_refusals_of_the_node_are_told(edge: Edge) -> None:
    """Too many, under review, and nobody there to check: with status, code and field."""
    reviewed = UnderReview("x", errors=(FieldError(field="file", detail="waits", category="nudity"),))
    for endpoint, error, status, code in (
        (uploads.BEGIN, Conflict("At most 100 uploads."), 409, "conflict"),
        (uploads.FINISH, reviewed, 422, "content_review"),
        (uploads.FINISH, Unavailable("x"), 503, "unavailable"),
    ):
        edge.world.failing = {endpoint.subject: error}
        reply = await sent(edge, form(png()))
        assert (reply.status, reply.json["code"]) == (status, code)
    assert edge.world.count(uploads.FINISH) == 2


async def test_only_so_many_at_a_time(edge: Edge) -> None:
    """The others are told when to come again, before their file is read."""
    edge.world.slow[uploads.BEGIN.subject] = 0.5
    replies = await asyncio.gather(*(sent(edge, form(png())) for _ in range(8)))
    statuses = sorted(each.status for each in replies)
    assert (statuses.count(201), set(statuses)) == (3, {201, 503})
    assert {each.json["code"] for each in replies if each.status == 503} == {"overloaded"}


async def test_strangers_bring_nothing(edge: Edge) -> None:
    """401 without anybody; 403 for a key that may only read, before the form is read."""
    assert (await sent(edge, form(png()), signed=False)).status == 401
    assert (await edge.ask("GET", f"/v1/uploads/{uuid.uuid4()}", signed=False)).status == 401
    assert edge.world.count(uploads.BEGIN) == 0
