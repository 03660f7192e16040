"""Links to covers at the edge: the page and the picture that anybody sees, and what is told when nothing is there."""

import asyncio
import re
import uuid
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec import structs

from adapters.telemetry import Batch
from contracts import shares
from contracts.errors import Gone, NotFound, ServiceError, Unavailable
from edge.middleware.observe import BATCH_SECONDS
from edge.shares import PREVIEWED
from tests.edge.conftest import Edge, Reply
from tests.edge.share_nodes import AT, GOOD, PUBLIC, Linked

PAGE, IMAGE = f"/s/{GOOD}", f"/s/{GOOD}/image"
LARGE, SMALL = bytes(range(256)) * 600, b"small"
COVER = f"/v1/covers/{uuid.uuid4()}/shares"


class Read(HTMLParser):
    """What a page says to programs: names and contents of its `meta`, and the elements that it has."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(reply.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        named = dict(attrs)
        self.elements.append((tag, named))
        if tag == "meta" and (name := named.get("property") or named.get("name")):
            self.meta[name] = named["content"] or ""

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


async def linked(edge: Edge, **wish: Any) -> Linked:
    """Something behind the good link."""
    image = await edge.world.objects.put("shared", LARGE, "image/png")
    thumbnail = await edge.world.objects.put("shared", SMALL, "image/png")
    edge.world.linked[GOOD] = Linked(image=image, thumbnail=thumbnail, **wish)
    return edge.world.linked[GOOD]


async def test_the_page_of_a_link(edge: Edge) -> None:
    """Title, author, style, the disclosure and the pictures with their words; nothing to run, nothing to save."""
    await linked(edge, subtitle="A novel")
    reply = await edge.ask("GET", PAGE, signed=False)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = re.sub(r"<[^>]+>", " ", reply.body.decode())
    for words in ("The Salt Road", "A novel", "Ada Lovelace", "Dusk", "Made with AI", "4 March 2027"):
        assert words in text, words
    page = Read(reply)
    small, whole = page.all("img")
    assert (small["src"], whole["src"]) == (f"{IMAGE}?size=thumb", IMAGE)
    assert whole["alt"] == "The cover of The Salt Road by Ada Lovelace, in the style Dusk"
    assert not page.all("script")
    assert not [each for each in page.all("a") if "download" in each]


async def test_programs_are_told_what_to_preview(edge: Edge) -> None:
    """Whole addresses as users reach us, sizes, and words for who does not see."""
    await linked(edge)
    meta = Read(await edge.ask("GET", PAGE, signed=False)).meta
    assert (meta["og:url"], meta["og:image"]) == (f"{PUBLIC}{PAGE}", f"{PUBLIC}{IMAGE}")
    assert (meta["og:title"], meta["twitter:title"]) == ("The Salt Road by Ada Lovelace",) * 2
    assert (meta["og:image:width"], meta["og:image:height"], meta["twitter:card"]) == ("1600", "2560", "summary")
    assert meta["og:image:alt"] == meta["twitter:image:alt"]
    assert "made with AI" in meta["og:description"]


async def test_the_preview_of_a_large_picture_is_the_small_one(edge: Edge) -> None:
    """Without a size, which is not the small one's; a wide one gets a wide card."""
    found = await linked(edge, width=1920, height=1080)
    found.image = structs.replace(found.image, size=PREVIEWED + 1)
    meta = Read(await edge.ask("GET", PAGE, signed=False)).meta
    assert (meta["og:image"], meta["twitter:card"]) == (f"{PUBLIC}{IMAGE}?size=thumb", "summary_large_image")
    assert "og:image:width" not in meta


async def test_what_the_page_forbids(edge: Edge) -> None:
    """No script, no index, no referrer, nothing kept, no frame; the same without anything behind it."""
    await linked(edge)
    for path in (PAGE, "/s/nothing"):
        reply = await edge.ask("GET", path, signed=False)
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'"), path
        assert not re.search("unsafe|script-src|https?:", policy), path
        assert "frame-ancestors 'none'" in policy, path
        assert reply.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive", path
        assert (reply.headers["Referrer-Policy"], reply.headers["Cache-Control"]) == ("no-referrer", "no-store"), path
        assert Read(reply).meta["robots"].startswith("noindex"), path


@pytest.mark.parametrize("evil", ['"><script>alert(1)</script>', "{{ 7 * 7 }}", "a' onerror='x", "<img src=x>"])
async def test_what_users_wrote_stays_text(edge: Edge, evil: str) -> None:
    """In elements and in attributes."""
    await linked(edge, title=evil, author=evil, style=evil, subtitle=evil)
    reply = await edge.ask("GET", PAGE, signed=False)
    page = Read(reply)
    assert len(page.all("img")) == 2
    assert not page.all("script")
    assert page.meta["og:title"] == f"{evil} by {evil}"
    assert not [each for _, each in page.elements if "onerror" in each]


async def test_the_picture_of_a_link(edge: Edge) -> None:
    """Large and small, with a name that proves them; it must be asked for each time, and is for nobody's cache."""
    found = await linked(edge)
    reply = await edge.ask("GET", f"{IMAGE}?v={found.image.sha256}", signed=False)
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, LARGE, "image/png")
    assert (reply.headers["ETag"], reply.headers["Cache-Control"]) == (f'"{found.image.sha256}"', "private, no-cache")
    assert reply.headers["Content-Disposition"] == 'inline; filename="the-salt-road.png"'
    assert reply.headers["X-Robots-Tag"].startswith("noindex")
    assert (await edge.ask("GET", f"{IMAGE}?size=thumb", signed=False)).body == SMALL
    head = await edge.ask("HEAD", IMAGE, signed=False)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(LARGE)))
    again = await edge.ask("GET", IMAGE, signed=False, headers={"If-None-Match": reply.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert (await edge.ask("GET", f"{IMAGE}?size=huge", signed=False)).status == 422


async def test_saving_is_offered_only_if_allowed(edge: Edge) -> None:
    """A link on the page and a file with a name; 403 otherwise, also by hand."""
    await linked(edge)
    assert (await edge.ask("GET", f"{IMAGE}?download=1", signed=False)).status == 403
    await linked(edge, allow_download=True)
    (offer,) = [
        each
        for each in Read(await edge.ask("GET", PAGE, signed=False)).all("a")
        if each["href"] == f"{IMAGE}?download=1"
    ]
    assert "download" in offer
    saved = await edge.ask("GET", f"{IMAGE}?download=1", signed=False)
    assert (saved.status, saved.body) == (200, LARGE)
    assert saved.headers["Content-Disposition"] == 'attachment; filename="the-salt-road.png"'


FORGED = ["x", "A" * 48, "%00" * 48, "%C3%A4" * 48, "..%2f" * 9 + "aaa", "A" * 4000, f"{GOOD}%20", GOOD.lower()]


@pytest.mark.parametrize("token", FORGED)
async def test_a_forged_link_looks_like_one_that_never_was(edge: Edge, token: str) -> None:
    """The same status, headers and words, whether it could be a token or not."""
    await linked(edge)
    never = f"/s/{'B' * 48}"
    for path, other in ((f"/s/{token}", never), (f"/s/{token}/image", f"{never}/image")):
        reply, expected = [await edge.ask("GET", each, signed=False) for each in (path, other)]
        assert (reply.status, expected.status) == (404, 404)
        assert told(reply) == told(expected)


def told(reply: Reply) -> tuple[object, bytes]:
    """An answer without what is another's each time."""
    fixed = {name: value for name, value in reply.headers.items() if name not in ("X-Request-ID", "Date", "RateLimit")}
    return fixed, re.sub(rb'"request_id":"[^"]+"', b"", reply.body)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (NotFound("gone"), 404, "Nothing is here"),
        (Gone("This link has expired."), 410, "This link has expired"),
        (Unavailable(retry_after=7), 503, "Not just now"),
    ],
)
async def test_a_page_for_people_and_a_problem_for_programs(
    edge: Edge, error: ServiceError, status: int, words: str
) -> None:
    """What was taken back or deleted, what has expired, and what cannot be asked at the moment."""
    edge.world.failing[shares.SHARED.subject] = edge.world.failing[shares.SHARED_IMAGE.subject] = error
    page, image = [await edge.ask("GET", path, signed=False) for path in (PAGE, IMAGE)]
    assert (page.status, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert words in page.body.decode()
    assert (image.status, image.json["code"]) == (status, error.code)
    assert image.headers["Content-Type"] == "application/problem+json"
    for reply in (page, image):
        assert reply.headers.get("Retry-After") == ("7" if status == 503 else None)
        assert (reply.headers["Cache-Control"], "ETag" in reply.headers) == ("no-store", False)


async def test_who_is_signed_in_sees_the_same(edge: Edge) -> None:
    """The node is not told who asks, and credentials that are not good are not looked at."""
    await linked(edge)
    stranger = await edge.ask("GET", PAGE, signed=False)
    owner = await edge.ask("GET", PAGE)
    wrong = await edge.ask("GET", PAGE, signed=False, headers={"Authorization": "Bearer x", "Cookie": "session=x"})
    assert stranger.body == owner.body == wrong.body
    assert edge.world.last(shares.SHARED)[1].user_id is None


async def test_an_owner_makes_a_link(edge: Edge) -> None:
    """201 with its address and where they are listed; the node gets the wish and the key, once."""
    body = {"expires_in_days": 7, "version": 2, "allow_download": True}
    reply = await edge.ask("POST", COVER, json=body, headers={"Idempotency-Key": "k"})
    assert (reply.status, reply.headers["Location"].endswith("/shares")) == (201, True)
    assert (reply.json["url"], reply.json["version"]) == (f"{PUBLIC}{PAGE}", 2)
    assert reply.json["expires_at"] == (AT + timedelta(days=7)).isoformat().replace("+00:00", "Z")
    message, context = edge.world.last(shares.CREATE)
    assert (message.allow_download, message.follow, context.idempotency_key) == (True, False, "k")
    again = await edge.ask("POST", COVER, json=body, headers={"Idempotency-Key": "k"})
    assert (again.json, edge.world.count(shares.CREATE)) == (reply.json, 1)
    assert (await edge.ask("POST", COVER)).status == 201
    assert edge.world.last(shares.CREATE)[0].expires_in_days == 30


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 366}, "expires_in_days"),
        ({"version": 0}, "version"),
    ],
)
async def test_a_bad_wish_is_refused_at_once(edge: Edge, body: dict[str, object], field: str) -> None:
    """422 with the field, and no node is asked."""
    reply = await edge.ask("POST", COVER, json=body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, field)
    assert edge.world.count(shares.CREATE) == 0


async def test_no_token_of_a_link_is_logged(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    """Neither of a page or a picture, nor of an address that is nearly one."""
    caplog.set_level("INFO", logger="edge.access")
    await linked(edge)
    paths = (PAGE, IMAGE, f"{PAGE}/", f"{IMAGE}/more", f"/{PAGE}", f"/%73/{GOOD}")
    for path in paths:
        await edge.ask("GET", path, signed=False)
    await edge.ask("POST", PAGE, signed=False)
    await asyncio.sleep(2 * BATCH_SECONDS)
    batches = [each.msg for each in caplog.records if each.name == "edge.access"]
    rows = [row for batch in batches if isinstance(batch, Batch) for row in batch.rows]
    assert len(rows) == len(paths) + 1
    assert rows[0][1] == "GET /s/{token} 200"
    assert GOOD not in "".join(f"{message} {fields()}" for _, message, fields in rows)
