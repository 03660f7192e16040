"""`POST /graphql` (GraphQL over HTTP): one request in JSON, one answer.

The answer is `application/graphql-response+json`, with 400 when the request was not begun and 200 when it was, whatever
became of its fields. A client that takes only `application/json` gets that, always with 200. What the stages before
refuse is problem+json, as everywhere.
"""

import msgspec
from aiohttp import hdrs, web

from contracts.errors import Malformed, TooLarge, UnsupportedMedia
from edge.exchange import JSON, Answer, Exchange
from edge.graphql.errors import invalid, shown
from edge.graphql.execution import Executor, Refused, answer, not_begun
from edge.graphql.limits import MAX_BODY
from edge.graphql.request import GraphRequest

MEDIA = "application/graphql-response+json"
OK, BAD = web.HTTPOk.status_code, web.HTTPBadRequest.status_code
_decoder = msgspec.json.Decoder(GraphRequest)
_encode = msgspec.json.Encoder().encode


class Graph:
    """The handler of `POST /graphql`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def handle(self, exchange: Exchange) -> Answer:
        """Raises UnsupportedMedia, TooLarge, Malformed, RateLimited, DeadlineExceeded."""
        request = _request(exchange)
        media = _media(exchange.request)
        try:
            prepared = self._executor.prepare(request, known=exchange.claims is not None)
            if prepared.subscribes:
                raise Refused(invalid("Subscriptions are answered over a WebSocket: GET /graphql."))
        except Refused as refusal:
            return _answer({"errors": shown(refusal.errors, exchange.request_id)}, media, begun=False)
        await self._executor.pay(exchange, prepared, paid=exchange.route.cost)
        result = await self._executor.run(exchange, prepared)
        return _answer(answer(result, exchange.request_id), media, begun=not not_begun(result))


def decoded(data: bytes | str | msgspec.Raw) -> GraphRequest:
    """One request. Raises Malformed."""
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise Malformed(f"Send one object with `query`, no list: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Malformed("The body is not JSON.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None


def _request(exchange: Exchange) -> GraphRequest:
    """A form or plain text, which any page can make a browser send, is no request."""
    request = exchange.request
    charset = (request.charset or "utf-8").lower()
    if hdrs.CONTENT_TYPE not in request.headers or request.content_type != JSON or charset not in ("utf-8", "utf8"):
        raise UnsupportedMedia("Send application/json in UTF-8.")
    if len(exchange.body) > MAX_BODY:
        raise TooLarge(f"A request of GraphQL has at most {MAX_BODY} bytes.")
    return decoded(exchange.body)


def _media(request: web.Request) -> str:
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get(hdrs.ACCEPT, "").split(",")]
    return JSON if JSON in accepted and MEDIA not in accepted else MEDIA


def _answer(body: object, media: str, *, begun: bool) -> Answer:
    return Answer(OK if begun or media == JSON else BAD, _encode(body), media)
