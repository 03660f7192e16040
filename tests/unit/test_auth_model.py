"""The rules of accounts, sessions and signing keys."""

import uuid
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Invalid
from contracts.users import User
from nodes.auth.model import (
    PENDING_GRACE,
    REPEAT_WINDOW,
    Credentials,
    KeyTimes,
    Presented,
    RefreshToken,
    SessionRow,
    account_of,
    checked_email,
    claims_for,
    normalised_email,
    presented,
    published,
    signer,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
SESSION = SessionRow(id=uuid.UUID(int=1), user_id=uuid.UUID(int=2), revoked_at=None)


def token(
    used_at: datetime | None = None,
    repeated_at: datetime | None = None,
    revoked_at: datetime | None = None,
    expires_at: datetime = NOW + DAY,
) -> RefreshToken:
    """A refresh token that has a successor if it was used."""
    return RefreshToken(
        id=uuid.uuid4(),
        user_id=SESSION.user_id,
        family_id=SESSION.id,
        successor=uuid.uuid4() if used_at else None,
        used_at=used_at,
        repeated_at=repeated_at,
        revoked_at=revoked_at,
        expires_at=expires_at,
    )


def account(status: str = "active") -> Credentials:
    """An account made at NOW."""
    raw = {"id": uuid.UUID(int=2), "email": "a@b.c", "password_hash": "!", "roles": ("user", "admin"), "status": status}
    return msgspec.convert({**raw, "created_at": NOW}, Credentials)


PROFILE = User(
    id=uuid.UUID(int=2),
    email="a@b.c",
    username="ada",
    full_name="Ada",
    avatar_url=None,
    subscription_tier="pro",
    created_at=NOW,
    updated_at=NOW,
)


def test_first_use_rotates() -> None:
    """A token that was never used gives its successor."""
    assert presented(token(), SESSION, None, NOW) is Presented.ROTATE


def test_lost_answer_is_repeated_once() -> None:
    """The same token within ten seconds gets the same successor, a second repeat ends the session."""
    assert presented(token(used_at=NOW), SESSION, token(), NOW + REPEAT_WINDOW) is Presented.REPEAT
    again = token(used_at=NOW, repeated_at=NOW + SECOND)
    assert presented(again, SESSION, token(), NOW + 2 * SECOND) is Presented.REUSED


def test_late_repeat_is_theft() -> None:
    """After ten seconds a used token ends the session."""
    assert presented(token(used_at=NOW), SESSION, token(), NOW + REPEAT_WINDOW + SECOND) is Presented.REUSED


def test_repeat_after_the_successor_was_used_is_theft() -> None:
    """Who used the successor had the answer: whoever still shows the old token stole it."""
    used = token(used_at=NOW + SECOND)
    assert presented(token(used_at=NOW), SESSION, used, NOW + 2 * SECOND) is Presented.REUSED


def test_dead_tokens() -> None:
    """Expired, revoked, or of a revoked session: nothing is given and nothing more is revoked."""
    revoked = msgspec.structs.replace(SESSION, revoked_at=NOW)
    assert presented(token(expires_at=NOW), SESSION, None, NOW) is Presented.DEAD
    assert presented(token(revoked_at=NOW), SESSION, None, NOW) is Presented.DEAD
    assert presented(token(), revoked, None, NOW) is Presented.DEAD
    assert presented(token(used_at=NOW), revoked, token(), NOW) is Presented.DEAD


def key(kid: str, signs_from: timedelta, retires_at: timedelta | None = None) -> KeyTimes:
    """A key with times relative to NOW."""
    return KeyTimes(kid=kid, signs_from=NOW + signs_from, retires_at=None if retires_at is None else NOW + retires_at)


def test_next_key_is_published_before_it_signs() -> None:
    """The next key is in the set while the old one still signs; then they change places; then the old one goes."""
    keys = [key("old", -DAY, 2 * DAY), key("next", DAY)]
    assert (published(keys, NOW), signer(keys, NOW)) == (("old", "next"), "old")
    assert (published(keys, NOW + DAY), signer(keys, NOW + DAY)) == (("old", "next"), "next")
    assert (published(keys, NOW + 2 * DAY), signer(keys, NOW + 2 * DAY)) == (("next",), "next")


def test_no_key_is_ready() -> None:
    """Retired keys and keys of tomorrow do not sign."""
    assert signer([key("gone", -DAY, timedelta(0)), key("soon", SECOND)], NOW) is None


@given(st.lists(st.tuples(st.integers(-5, 5), st.none() | st.integers(-5, 5))))
def test_whatever_signs_is_published(times: list[tuple[int, int | None]]) -> None:
    """No token is signed by a key that the set does not have."""
    keys = [key(str(n), a * DAY, None if b is None else b * DAY) for n, (a, b) in enumerate(times)]
    kid = signer(keys, NOW)
    assert kid is None or kid in published(keys, NOW)


@pytest.mark.parametrize("email", [" Ada@Example.ORG", "ada@example.org\n", "ADA@EXAMPLE.ORG "])
def test_one_address_has_one_spelling(email: str) -> None:
    """Case and spaces around do not make another account."""
    assert normalised_email(email) == checked_email(email) == "ada@example.org"


@pytest.mark.parametrize("email", ["a\x00@b.c", "a@b\u200b.c", "a\u202e@b.c"])
def test_invisible_characters_are_refused(email: str) -> None:
    """An address that looks like another one but is not is no address."""
    with pytest.raises(Invalid) as caught:
        checked_email(email)
    assert [error.field for error in caught.value.errors] == ["email"]


def test_pending_accounts_are_left_behind_after_a_minute() -> None:
    """Only pending ones, and only when nobody can be working on them."""
    assert not account("pending").left_behind(NOW + PENDING_GRACE)
    assert account("pending").left_behind(NOW + PENDING_GRACE + SECOND)
    assert not account("active").left_behind(NOW + DAY)


def test_claims_and_account() -> None:
    """A token says who, of which tier and roles, in which session, for fifteen minutes; never twice the same."""
    claims = claims_for(account(), PROFILE, SESSION.id, NOW)
    assert (claims.sub, claims.sid, claims.tier, claims.roles) == (PROFILE.id, SESSION.id, "pro", ("user", "admin"))
    assert (claims.iss, claims.aud) == ("covergen", "covergen-api")
    assert (claims.iat, claims.exp - claims.iat) == (int(NOW.timestamp()), 900)
    assert claims.jti != claims_for(account(), PROFILE, SESSION.id, NOW).jti
    shown = account_of(account(), PROFILE)
    assert (shown.username, shown.full_name, shown.tier, shown.roles) == ("ada", "Ada", "pro", ("user", "admin"))
