"""Forms (`application/x-www-form-urlencoded`) and how clients of OAuth name themselves beside them."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from aiohttp import hdrs, web

from edge.cookies import FORM

MOST_FIELDS = 50


class BadForm(ValueError):
    """What was sent is no form, or says one thing twice; the text may be shown."""


def read_form(request: web.Request, body: bytes) -> list[tuple[str, str]]:
    """The fields in their order. Raises BadForm."""
    if request.content_type != FORM:
        raise BadForm(f"Send the parameters as {FORM}.")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise BadForm("The form could not be read.") from None


def repeated(fields: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The names that are there more than once."""
    names = [name for name, _ in fields]
    return tuple(sorted({name for name in names if names.count(name) > 1}))


def with_client(request: web.Request, fields: list[tuple[str, str]]) -> Mapping[str, str]:
    """The fields, with the client that HTTP Basic names (RFC 6749 2.3.1). Raises BadForm for two proofs, and for any
    field that came twice."""
    if repeated(fields):
        raise BadForm("A parameter came more than once.")
    values = dict(fields)
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return values
    name, secret = _basic(header)
    if "client_secret" in values or values.get("client_id", name) != name:
        raise BadForm("The client proves itself in two ways at once.")
    return {**values, "client_id": name, "client_secret": secret}


def _basic(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    name, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise BadForm("The client proves itself by HTTP Basic, or in the form.")
    return unquote_plus(name), unquote_plus(secret)
