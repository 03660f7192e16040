"""Pure rules of accounts, sessions and signing keys: no database, no clock."""

import enum
import unicodedata
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from contracts.auth import AUDIENCE, ISSUER, Account, Algorithm, Claims
from contracts.errors import FieldError, Invalid
from contracts.token_keys import KeyState
from contracts.users import User

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)
REPEAT_WINDOW = timedelta(seconds=10)
"""A client whose answer got lost may present the same refresh token once more within this time."""
PENDING_GRACE = timedelta(minutes=1)
"""Longer than a registration takes. A pending account that is older was left by a crash."""

REVOKED_KNOWN = 5000
"""Sessions that ended lately, of which an edge is told when it begins."""

USER, ADMIN = "user", "admin"
NO_PASSWORD = ""
"""In the place of a hash: no password is right."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """An account as the auth node keeps it. Nobody has had a session of a pending one."""

    id: uuid.UUID
    email: str
    password_hash: str
    roles: tuple[str, ...]
    status: Literal["pending", "active"]
    pending_username: str | None = None
    pending_full_name: str | None = None
    email_verified_at: datetime | None = None
    created_at: datetime

    @property
    def has_password(self) -> bool:
        """False for who signs in at another provider only."""
        return self.password_hash != NO_PASSWORD

    def left_behind(self, now: datetime) -> bool:
        """Was the registration begun long enough ago that nobody is working on it any more?"""
        return self.status == "pending" and now - self.created_at > PENDING_GRACE


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A family of refresh tokens."""

    id: uuid.UUID
    user_id: uuid.UUID
    revoked_at: datetime | None


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is about to begin with its first token."""

    id: uuid.UUID
    user_id: uuid.UUID
    password_hash: str
    """What was proven: with another password by now it does not begin."""
    token_hash: bytes
    now: datetime
    expires_at: datetime
    user_agent: str | None = None
    address: str | None = None


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """One token of a family; the token itself is not known here, only its hash in the database."""

    id: uuid.UUID
    user_id: uuid.UUID
    family_id: uuid.UUID
    successor: uuid.UUID | None
    used_at: datetime | None
    repeated_at: datetime | None
    revoked_at: datetime | None
    expires_at: datetime


class Presented(enum.Enum):
    """What it means that a refresh token was presented."""

    ROTATE = "first use: give its successor"
    REPEAT = "the answer got lost: give the same successor again"
    REUSED = "somebody has a copy: end the session"
    DEAD = "expired or revoked"


def presented(token: RefreshToken, session: SessionRow, successor: RefreshToken | None, now: datetime) -> Presented:
    """What to do with `token`. `successor` is the row of its successor, if it has one.

    A repeat is allowed once, within REPEAT_WINDOW, and only while the successor is unused: whoever used the successor
    has got the answer.
    """
    if session.revoked_at is not None or token.revoked_at is not None or token.expires_at <= now:
        return Presented.DEAD
    if token.used_at is None:
        return Presented.ROTATE
    fresh = now - token.used_at <= REPEAT_WINDOW
    if fresh and token.repeated_at is None and successor is not None and successor.used_at is None:
        return Presented.REPEAT
    return Presented.REUSED


class TimesOfKeys(msgspec.Struct, frozen=True, kw_only=True):
    """How long keys live."""

    signs: timedelta = timedelta(days=30)
    """After which the next one is made."""
    ahead: timedelta = timedelta(minutes=25)
    """For which a key is published before it signs: edges read the keys every ten minutes, so that each has read them
    twice by then."""
    access: timedelta = ACCESS_LIFE
    """The life of an access token (EdDSA)."""
    identity: timedelta = timedelta(hours=1)
    """The longest life of an ID token (RS256)."""
    spare: timedelta = timedelta(minutes=1)
    """What clocks may differ."""

    def kept(self, alg: Algorithm) -> timedelta:
        """For which a key that signs no more stays published."""
        return (self.access if alg == "EdDSA" else self.identity) + self.spare


TIMES_OF_KEYS = TimesOfKeys()


class KeyTimes(msgspec.Struct, frozen=True, kw_only=True):
    """When a signing key does what: it is published from the beginning, signs from `signs_from` until a newer one of
    its algorithm does, and is gone at `retires_at`."""

    kid: str
    signs_from: datetime
    retires_at: datetime | None = None
    alg: Algorithm = "EdDSA"


def published(keys: Iterable[KeyTimes], now: datetime) -> tuple[str, ...]:
    """The kids whose tokens may be good now or soon: the next key is known everywhere before it signs."""
    return tuple(key.kid for key in keys if key.retires_at is None or now < key.retires_at)


def signer(keys: Iterable[KeyTimes], now: datetime, alg: Algorithm = "EdDSA") -> str | None:
    """The kid that signs now: of the published keys whose time has come, the one that came last."""
    keys = tuple(keys)
    listed = set(published(keys, now))
    ready = [key for key in keys if key.alg == alg and key.kid in listed and key.signs_from <= now]
    return max(ready, key=lambda key: (key.signs_from, key.kid)).kid if ready else None


def key_state(key: KeyTimes, keys: Iterable[KeyTimes], now: datetime) -> KeyState | None:
    """What a key of these does now; None when its time is over."""
    keys = tuple(keys)
    if key.kid not in published(keys, now):
        return None
    if key.signs_from > now:
        return "next"
    return "active" if signer(keys, now, key.alg) == key.kid else "retired"


def normalised_email(email: str) -> str:
    """One spelling for one address; upper and lower case are the same."""
    return unicodedata.normalize("NFC", email.strip()).lower()


def checked_email(email: str) -> str:
    """The normalised address of a new account. Raises Invalid for characters that nobody can see."""
    email = normalised_email(email)
    if not email.isprintable():
        detail = "must be an e-mail address"
        raise Invalid(f"email: {detail}.", errors=(FieldError(field="email", detail=detail),))
    return email


def claims_for(account: Credentials, user: User, session_id: uuid.UUID, now: datetime) -> Claims:
    """What an access token made now says."""
    issued = int(now.timestamp())
    return Claims(
        iss=ISSUER,
        aud=AUDIENCE,
        sub=account.id,
        sid=session_id,
        jti=uuid.uuid4().hex,
        iat=issued,
        exp=issued + int(ACCESS_LIFE.total_seconds()),
        tier=user.subscription_tier,
        roles=account.roles,
    )


def account_of(account: Credentials, user: User) -> Account:
    """Who signed in, as the client sees it."""
    return Account(
        id=account.id,
        email=account.email,
        username=user.username,
        full_name=user.full_name,
        tier=user.subscription_tier,
        roles=account.roles,
        email_verified=account.email_verified_at is not None,
        created_at=account.created_at,
    )
