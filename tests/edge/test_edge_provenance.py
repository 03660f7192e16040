"""Provenance over HTTP: files and covers' pictures, what cannot be read, and what is too much."""

import io
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from adapters.provenance.chain import SigningFiles, development_chain
from adapters.provenance.claims import Agent, Claim
from adapters.provenance.signing import sign
from adapters.redis import Redis
from contracts.covers import GetImage
from edge.rates import Rates
from tests.edge.conftest import Edge, an_edge
from tests.edge.small_nodes import World

GIF = b"GIF89a" + bytes(20)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A PNG with credentials."""
    folder, chain = tmp_path_factory.mktemp("c2pa"), development_chain()
    files = SigningFiles(certificates=folder / "cert.pem", key=folder / "key.pem")
    files.certificates.write_bytes(chain.certificates)
    files.key.write_bytes(chain.key)
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "PNG")
    agent = Agent("Covergen", "1.2.3")
    return sign(out.getvalue(), Claim(agent=agent, cover_id="c", version="1", model=agent, at=datetime.now(UTC)), files)


async def test_a_file_is_read_as_body_or_form(edge: Edge, signed: bytes) -> None:
    """Without signing in; what was sent by itself and as the first file of a form gives the same answer."""
    raw = await edge.ask("POST", "/v1/verify", signed=False, data=signed, headers={"Content-Type": "image/png"})
    form = aiohttp.FormData({"note": "hello"})
    form.add_field("file", signed, filename="cover.png", content_type="image/png")
    sent = await edge.ask("POST", "/v1/verify", signed=False, data=form)
    assert (raw.status, sent.status) == (200, 200)
    assert raw.json == sent.json
    assert (raw.json["valid"], raw.json["trusted"], raw.json["issuer"]) == (True, False, "Covergen development")
    assert [each["action"] for each in raw.json["actions"]] == ["c2pa.created", "c2pa.addedText"]


async def test_a_changed_file_is_invalid_and_a_plain_one_says_nothing(edge: Edge, signed: bytes) -> None:
    """Both are answers, not errors."""
    at = signed.index(b"IDAT") + 30
    changed = signed[:at] + bytes((signed[at] ^ 1,)) + signed[at + 1 :]
    told = (await edge.ask("POST", "/v1/verify", signed=False, data=changed)).json
    assert (told["found"], told["valid"], set(told["problems"])) == (
        True,
        False,
        {"assertion.dataHash.mismatch", "signingCredential.untrusted"},
    )
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    told = (await edge.ask("POST", "/v1/verify", signed=False, data=out.getvalue())).json
    assert (told["found"], told["valid"], told["ai_labels"]) == (False, False, [])


@pytest.mark.parametrize("data", [b"", b"hello", GIF, b"\x89PNG\r\n\x1a\n", b"%PDF-1.7\nrubbish"])
async def test_what_cannot_be_read_is_said_clearly(data: bytes, edge: Edge) -> None:
    """422 that names the file, or an answer that says there is nothing; never 500."""
    answer = await edge.ask("POST", "/v1/verify", signed=False, data=data)
    if answer.status == 200:
        assert answer.json["found"] is False
    else:
        assert (answer.status, answer.json["code"]) == (422, "invalid")
        assert answer.json["errors"][0]["field"] == "file"


async def test_a_form_without_a_file_is_malformed(edge: Edge) -> None:
    """400, as is one that is cut short."""
    form = aiohttp.FormData({"file": "no file"}, default_to_multipart=True)
    answer = await edge.ask("POST", "/v1/verify", signed=False, data=form)
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await edge.ask("POST", "/v1/verify", signed=False, data=b"--x\r\nrubbish", headers=broken)
    assert (answer.status, answer.json["code"]) == (400, "malformed")


async def test_a_file_too_large_is_not_taken(edge: Edge) -> None:
    """413, whether its size was announced or not."""

    async def pieces_of() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield bytes(1024 * 1024)

    whole = await edge.ask("POST", "/v1/verify", signed=False, data=io.BytesIO(bytes(33 * 1024 * 1024)))
    pieces = await edge.ask("POST", "/v1/verify", signed=False, data=pieces_of())
    assert [(each.status, each.json["code"]) for each in (whole, pieces)] == [(413, "too_large")] * 2


async def test_a_cover_tells_its_own(edge: Edge, world: World, signed: bytes) -> None:
    """The owner asks by the cover; strangers are turned away."""
    cover_id = uuid.uuid4()
    world.images[cover_id] = await world.objects.put(str(cover_id), signed, "image/png")
    path = f"/v1/covers/{cover_id}/provenance"
    answer = await edge.ask("GET", path)
    assert (answer.status, answer.json["valid"], answer.json["claim_generator"]) == (200, True, "Covergen 1.2.3")
    assert (await edge.ask("GET", path, signed=False)).status == 401
    assert (await edge.ask("GET", f"/v1/covers/{uuid.uuid4()}/provenance")).status == 409, "it is being made"


async def test_any_version_of_a_cover_tells_its_own(edge: Edge, world: World, signed: bytes) -> None:
    """The node is asked for that version, or for the one that is shown; what is no version is named."""
    cover_id = uuid.uuid4()
    world.images[cover_id] = await world.objects.put(str(cover_id), signed, "image/png")
    for query in ("?version=3", ""):
        assert (await edge.ask("GET", f"/v1/covers/{cover_id}/provenance{query}")).status == 200
    assert [message.version for _, message, _ in world.asked if isinstance(message, GetImage)] == [3, None]
    for wrong in ("0", "x", "1.5", ""):
        answer = await edge.ask("GET", f"/v1/covers/{cover_id}/provenance?version={wrong}")
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, "version")


async def test_nothing_is_kept(edge: Edge, signed: bytes, tmp_path: Path) -> None:
    """Neither an object nor a message to a node comes of a file; what the edge asks by itself goes on."""
    assert (await edge.ask("POST", "/v1/verify", signed=False, data=signed)).status == 200
    assert {subject for subject, _, _ in edge.world.asked} <= {"svc.tasks.load", "svc.auth.revoked"}
    assert [each for each in (tmp_path / "objects").rglob("*") if each.is_file()] == []


async def test_an_address_may_verify_so_much(nats_url: str, redis: Redis, world: World, signed: bytes) -> None:
    """Beyond its quota comes 429, before the file is read."""
    rates = Rates().with_quotas({"verify-address": 2})
    async with an_edge(nats_url, redis, world, rates=rates) as edge:
        statuses = [(await edge.ask("POST", "/v1/verify", signed=False, data=signed)).status for _ in range(3)]
    assert statuses == [200, 200, 429]
