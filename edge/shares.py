"""What anybody sees who has a link to a cover: a page, and the picture on it.

Nothing of it is kept here, and a client must ask for the picture each time (304 while it is the same), so that a link
that was taken back shows nothing from the next request on. Who asks makes no difference: sessions are not looked at.
"""

from typing import Any

import msgspec

from adapters.nats.bus import Bus
from adapters.objects import Objects
from contracts import shares
from contracts.errors import Gone, NotFound, ServiceError, Unavailable
from contracts.exports import StoredFile
from contracts.shares import SharedCover
from contracts.wire import Endpoint
from edge.binding import Payload, payload
from edge.exchange import Answer, Exchange, Handler, Result
from edge.images import stream_object
from edge.middleware.cache import matches
from edge.problems import problem_answer
from edge.route import Route
from edge.templates import HTML, Templates

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'none'"
)
UNLISTED = {"X-Robots-Tag": "noindex, nofollow, noarchive"}
"""A link is for whom its owner gives it to."""
PREVIEWED = 5_000_000
"""Bytes of a picture that programs still fetch for a preview; of larger ones they get the small picture."""
SAID: tuple[tuple[type[ServiceError], str, str], ...] = (
    (
        Gone,
        "This link has expired",
        "It was made to work for a while, and that time is over. Ask whoever sent it to you for a new one.",
    ),
    (
        NotFound,
        "Nothing is here",
        "The address is not complete, or the link was taken back. Ask whoever sent it to you for a new one.",
    ),
    (Unavailable, "Not just now", "This cover cannot be shown at the moment. Please try again in a few seconds."),
)
"""What the page says of an error; others are problems, as everywhere."""
NOTHING = "There is nothing behind this link."
"""Whether a token is too short, forged or not known any more: nobody is told which."""
TRUE = ("1", "true")
_cover = msgspec.json.Decoder(SharedCover)
_file = msgspec.json.Decoder(StoredFile)


class SharedCovers:
    """The handlers of the last two rows of `share_routes.py`."""

    def __init__(self, bus: Bus, objects: Objects, templates: Templates) -> None:
        self._bus = bus
        self._objects = objects
        self._templates = templates

    def page(self, route: Route) -> Handler:
        """The handler of the page."""
        message_of = payload(route)

        async def handle(exchange: Exchange) -> Answer:
            exchange.headers.update(UNLISTED)
            try:
                told = _cover.decode(await self._asked(exchange, shares.SHARED, message_of))
            except ServiceError as error:
                return self._refused(exchange, error)
            return _page(200, self._templates.render("shared.html", **_values(told)))

        return handle

    def image(self, route: Route) -> Handler:
        """The handler of the picture: its bytes, 304 when the client has them."""
        message_of = payload(route)

        async def handle(exchange: Exchange) -> Result:
            exchange.headers.update(UNLISTED)
            found = _file.decode(await self._asked(exchange, shares.SHARED_IMAGE, message_of))
            exchange.headers["Cache-Control"] = "private, no-cache"
            exchange.headers["ETag"] = f'"{found.object.sha256}"'
            kind = "attachment" if exchange.request.query.get("download") in TRUE else "inline"
            exchange.headers["Content-Disposition"] = f'{kind}; filename="{found.filename}"'
            if matches(exchange.request.headers.get("If-None-Match"), exchange.headers["ETag"]):
                return Answer(304)
            return await stream_object(exchange, self._objects, found.object)

        return handle

    async def _asked(self, exchange: Exchange, contract: Endpoint[Any, Any], message_of: Payload) -> bytes:
        """What the node says. A token that cannot be one is told in its words, too."""
        try:
            message = message_of(exchange)
        except NotFound:
            raise NotFound(NOTHING) from None
        context = exchange.context(contract.timeout)
        return await self._bus.request_raw(contract.subject, message, context, contract.timeout)

    def _refused(self, exchange: Exchange, error: ServiceError) -> Answer:
        """The page that says so. Raises `error` where it has no words."""
        said = next(((headline, lead) for kind, headline, lead in SAID if isinstance(error, kind)), None)
        if said is None:
            raise error
        headline, lead = said
        problem = problem_answer(error, exchange.request_id)
        page = _page(error.status, self._templates.render("shared_not.html", headline=headline, lead=lead))
        return Answer(page.status, page.body, page.media, {**problem.headers, **page.headers})


def _page(status: int, body: bytes) -> Answer:
    return Answer(status, body, HTML, {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


def _values(told: SharedCover) -> dict[str, object]:
    """What the template shows. Paths are ours; addresses for others are whole."""
    path = f"/s/{told.url.rpartition('/')[2]}/image"
    preview = f"{told.url}/image"
    large = told.image.size > PREVIEWED
    by = f" by {told.author}" if told.author else ""
    style = f", in the style {told.style}" if told.style else ""
    return {
        "cover": told,
        "image": path,
        "preview": f"{preview}?size=thumb" if large else preview,
        "sized": not large,
        "heading": f"{told.title}{by}",
        "alt": f"The cover of {told.title}{by}{style}",
        "until": f"{told.expires_at.day} {told.expires_at:%B %Y}",
    }
