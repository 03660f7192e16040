"""From an HTTP request to the bytes of a contract's message, and from the reply to the answer.

Each route is compiled once, at start, into one function. The body is checked against the contract's type and forwarded
as it came when nothing has to be merged into it; values of the path, the query and the session are merged by field
name.
"""

from collections.abc import Callable
from string import Formatter
from typing import Any, TypeVar

import msgspec

from adapters.nats.bus import Bus, Reply, unheard
from adapters.nats.wire import VERSION, reply_error
from contracts.errors import Malformed, NotFound, UnsupportedMedia
from contracts.traffic import VERSIONED, Versions
from contracts.wire import Endpoint
from edge.exchange import JSON, Answer, Exchange, Handler
from edge.problems import invalid_input
from edge.routes import Route

T = TypeVar("T")
EMPTY = b"{}"
Payload = Callable[[Exchange], bytes]
_encode = msgspec.json.Encoder().encode
VERSION_HEADER = "X-Covergen-Version"
_JSON_MEDIA = ("", JSON)


def contract_of(route: Route) -> Endpoint[Any, Any]:
    """The contract behind a route. Raises ValueError for a route that has none."""
    if route.contract is None:
        raise ValueError(f"{route.name} has no contract")
    return route.contract


def call(route: Route, bus: Bus) -> Handler:
    """The handler of a plain call: ask the node and pass its reply on, undecoded."""
    contract = contract_of(route)
    subject, timeout, status = contract.subject, contract.timeout, route.status
    payload_of, location = payload(route), _location(route)
    versions = VERSIONED.get(contract.node)

    async def handle(exchange: Exchange) -> Answer:
        message = payload_of(exchange)
        if versions is None:
            reply = await bus.request_raw(subject, message, exchange.context(timeout), timeout)
        else:
            reply = _told(exchange, versions, await bus.ask(subject, message, exchange.context(timeout), timeout))
        answer = Answer(status, b"" if status == 204 else reply)
        if location is not None:
            answer.headers["Location"] = location(reply)
        return answer

    return handle


def _told(exchange: Exchange, versions: Versions, reply: Reply) -> bytes:
    """The body; a user is told which version served, even an error. Raises the ServiceError that the reply is."""
    body, headers = reply
    if exchange.claims is not None and not unheard(reply):
        exchange.headers[VERSION_HEADER] = (headers or {}).get(VERSION, versions.stable)
    if headers and (error := reply_error(headers, body)):
        raise error
    return body


def payload(route: Route) -> Payload:
    """The function that makes the message of a request. It raises Malformed, Invalid, UnsupportedMedia, NotFound."""
    if route.query or route.fields or route.session:
        return _merged(route)
    if route.body == "none":
        return lambda _exchange: EMPTY
    return _forwarded(route)


def _forwarded(route: Route) -> Payload:
    decoder = msgspec.json.Decoder(contract_of(route).request)

    def make(exchange: Exchange) -> bytes:
        read_json(exchange, decoder)
        return exchange.body

    return make


def read_json(exchange: Exchange, decoder: msgspec.json.Decoder[T]) -> T:
    """The body as `decoder` has it. Raises Malformed, Invalid, UnsupportedMedia."""
    _expect_json(exchange)
    body: T = _decoded(decoder, exchange.body)
    return body


def _merged(route: Route) -> Payload:
    request_type = contract_of(route).request
    whole = msgspec.json.Decoder(dict[str, Any])
    fields, query, session = route.fields, route.query, dict(route.session)
    has_body, strict = route.body != "none", route.body != "none"

    def make(exchange: Exchange) -> bytes:
        values: dict[str, Any] = {}
        if has_body and (exchange.body or route.body == "json"):
            _expect_json(exchange)
            values = _decoded(whole, exchange.body)
        _take(values, query, exchange.request.query if query else {})
        _take(values, fields, exchange.request.match_info)
        for name, claim in session.items():
            values[name] = getattr(exchange.claims, claim, None)
        return _converted(values, request_type, fields, strict=strict)

    return make


def _take(values: dict[str, Any], names: tuple[str, ...], source: Any) -> None:
    for name in names:
        if name in source:
            values[name] = source[name]


def _converted(values: dict[str, Any], request_type: type[Any], fields: tuple[str, ...], *, strict: bool) -> bytes:
    try:
        return _encode(msgspec.convert(values, request_type, strict=strict))
    except msgspec.ValidationError as error:
        invalid = invalid_input(error, root="body" if strict else "query")
        if invalid.errors[0].field in fields:
            raise NotFound() from None
        raise invalid from None


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid_input(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Malformed("The body is not JSON.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None


def _expect_json(exchange: Exchange) -> None:
    """A body without a media type is taken for JSON (RFC 9110, 8.3)."""
    given = exchange.request.headers.get("Content-Type", "").lower()
    media, _, parameters = given.partition(";")
    media = media.strip()
    charset = parameters.partition("charset=")[2].strip(' "')
    good = media in _JSON_MEDIA or (media.startswith("application/") and media.endswith("+json"))
    if not good or charset not in ("", "utf-8", "utf8"):
        raise UnsupportedMedia("Send application/json in UTF-8.")


def _location(route: Route) -> Callable[[bytes], str] | None:
    template = route.location
    if template is None:
        return None
    if "{" not in template:
        return lambda _reply: template
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Named", [(name, str) for name in names]))
    return lambda reply: template.format_map({name: getattr(decoder.decode(reply), name) for name in names})
