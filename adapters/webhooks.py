"""Signatures of webhooks as Standard Webhooks says it (and Svix, and Replicate): HMAC over id, time and body.

A key is `whsec_` and base64. The signature's header has one or more `v1,BASE64` with spaces between, so that a sender
can change its key. Who sent one within five minutes is believed; that one comes once is left to the receiver.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

from contracts.text import DELIVERY

PREFIX, VERSION = "whsec_", "v1"
TOLERANCE = 300.0
"""Seconds that a message may be old, or from the future."""
LEAST_KEY, MOST_KEY = 16, 128
"""Bytes."""
ID, TIME, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
MOST_SIGNATURES = 10
_delivery = re.compile(DELIVERY)


class NotSigned(ValueError):
    """The message is not from who has the key, or not from now; the text is a sentence that may be shown."""


def read_key(text: str) -> bytes:
    """The key that `whsec_…` says. Raises ValueError, which does not repeat it."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not LEAST_KEY <= len(key) <= MOST_KEY:
        raise ValueError(f"must be {PREFIX} and a key in base64")
    return key


def checked(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The id of a message that is signed with `key` and from now (Unix time). Raises NotSigned."""
    delivery, at = headers.get(ID, ""), headers.get(TIME, "")
    if _delivery.fullmatch(delivery) is None or len(delivery) > 128 or not (at.isascii() and at.isdigit()):
        raise NotSigned("The message has no id and time.")
    if len(at) > 12 or abs(now - int(at)) > TOLERANCE:
        raise NotSigned("The message is not from now.")
    good = signature(key, delivery, at, body).encode()
    given = [each.encode() for each in headers.get(SIGNATURE, "").split(" ")[:MOST_SIGNATURES]]
    if not any(hmac.compare_digest(each, good) for each in given):
        raise NotSigned("The signature is not good.")
    return delivery


def signature(key: bytes, delivery: str, at: str, body: bytes) -> str:
    """What a sender puts into the header."""
    digest = hmac.new(key, b".".join((delivery.encode(), at.encode(), body)), hashlib.sha256).digest()
    return f"{VERSION},{base64.b64encode(digest).decode()}"
