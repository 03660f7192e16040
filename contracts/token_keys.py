"""The keys that sign our tokens, for those who operate them: which there are, and how the next one takes over.

A key is published 25 minutes before it signs (`next`), signs (`active`), and stays published until the last token of it
has expired (`retired`); then it is deleted. Edges read the published keys every ten minutes, so that none ever sees a
token of a key that it could not know.
"""

from datetime import datetime
from typing import Literal

import msgspec

from contracts.auth import Algorithm
from contracts.wire import Endpoint, Event

KeyState = Literal["next", "active", "retired"]


class ListTokenKeys(msgspec.Struct, frozen=True, kw_only=True):
    """All keys that are published, the oldest first. For administrators."""


class TokenKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its private part."""

    kid: str
    alg: Algorithm
    state: KeyState
    created_at: datetime
    signs_from: datetime
    retires_at: datetime | None
    """When it is deleted, once a newer one is there."""


class TokenKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All keys."""

    items: tuple[TokenKey, ...]


class RotateKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Make the next key of an algorithm; nothing happens when there is one already. For administrators.

    `at_once`: the new key signs now and all others of that algorithm are dropped, because somebody may have them. Their
    tokens are refused within a second by every edge that hears of it, and by others when they next read the keys.
    """

    alg: Algorithm = "EdDSA"
    at_once: bool = False


class KeysChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Read the published keys again. Tokens of the dropped ones are not good any more. Idempotent."""

    dropped: tuple[str, ...] = ()
    at: datetime


EDGE = frozenset({"edge"})

LIST_TOKEN_KEYS = Endpoint("svc.auth.list_token_keys", ListTokenKeys, TokenKeyList, EDGE, "List the signing keys")
ROTATE_KEYS = Endpoint("svc.auth.rotate_keys", RotateKeys, TokenKeyList, EDGE, "Make the next signing key", timeout=10)
KEYS_CHANGED = Event(
    "events.auth.keys_changed",
    KeysChanged,
    frozenset(),
    "The published keys have changed",
    watchers=EDGE,
)

CONTRACTS = (LIST_TOKEN_KEYS, ROTATE_KEYS, KEYS_CHANGED)
