"""Pure rules of profiles and of the quota: no database, no clock.

A reservation belongs to the calendar month (UTC) in which it was made. What is settled after that month is written down
in the reservation, but the counters of the new month do not know it.
"""

import re
import unicodedata
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

import msgspec

from contracts.errors import FieldError, Invalid, NotFound, OverQuota, Unauthenticated
from contracts.users import Quota
from contracts.wire import Context

T = TypeVar("T")

State = Literal["reserved", "committed", "released"]
Settled = Literal["committed", "released"]

FREE = "free"
LIMITS: Mapping[str, int] = {FREE: 10, "pro": 100, "pro_plus": 1000}
"""Covers a month, by tier."""

SETTLEMENTS: dict[tuple[State, Settled], tuple[int, int]] = {
    ("reserved", "committed"): (+1, -1),
    ("reserved", "released"): (0, -1),
    # The cover was made although its quota was given back (a report came late): it counts, also above the limit.
    ("released", "committed"): (+1, 0),
}
"""What one unit of a reservation does to (used, reserved). A pair that is not here changes nothing: it happened
already, or it would take back what was made."""

CARRY = timedelta(hours=1)
"""A cover is completed at most this long after its reservation was committed."""

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,39}")


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """A user's counters of the month that ends at `resets_at`."""

    tier: str
    used: int
    reserved: int
    limit: int
    resets_at: datetime

    @property
    def period(self) -> datetime:
        """The start of the month."""
        return month_of(self.resets_at - timedelta(seconds=1))

    def at(self, now: datetime) -> "Allowance":
        """The same allowance at a later time: with empty counters when its month is over."""
        if now < self.resets_at:
            return self
        return msgspec.structs.replace(self, used=0, reserved=0, resets_at=month_after(now))

    def reserve(self, amount: int) -> "Allowance":
        """Hold `amount` covers. Raises OverQuota when fewer are left."""
        if self.used + self.reserved + amount > self.limit:
            day = f"{self.resets_at:%B} {self.resets_at.day}"
            raise OverQuota(f"All {self.limit} covers of this month are used or being made; new ones come on {day}.")
        return msgspec.structs.replace(self, reserved=self.reserved + amount)

    def quota(self) -> Quota:
        """What the user sees."""
        return Quota(used=self.used, reserved=self.reserved, limit=self.limit, tier=self.tier, resets_at=self.resets_at)


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """Quota held for a task."""

    task_id: uuid.UUID
    user_id: uuid.UUID
    amount: int
    state: State
    period: datetime


def settled(
    allowance: Allowance, reservation: Reservation, to: Settled, made: int | None = None
) -> tuple[Allowance, bool]:
    """The allowance after `reservation` was settled, and whether the reservation's own state changes.

    `made` covers of it are counted, never more than were reserved; None: all.
    """
    change = SETTLEMENTS.get((reservation.state, to))
    if change is None:
        return allowance, False
    if reservation.period != allowance.period:
        return allowance, True
    used = change[0] * (reservation.amount if made is None else min(made, reservation.amount))
    reserved = change[1] * reservation.amount
    return msgspec.structs.replace(allowance, used=allowance.used + used, reserved=allowance.reserved + reserved), True


def uncounted(allowance: Allowance, carried: int, completed: int) -> int:
    """How many covers were completed this month and are in no count: used, still reserved, or `carried` over from the
    month before.

    Never negative: fewer completed than counted is what a deleted cover looks like, and deleting gives nothing back.
    """
    return max(0, completed - allowance.used - allowance.reserved - carried)


def month_of(at: datetime) -> datetime:
    """The first moment of the calendar month (UTC)."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(at: datetime) -> datetime:
    """The first moment of the next calendar month (UTC)."""
    return month_of(month_of(at) + timedelta(days=32))


def username_candidates(email: str, user_id: uuid.UUID) -> tuple[str, ...]:
    """Usernames for somebody who asked for none, the nicest first; the last one is as unique as the id."""
    local = unicodedata.normalize("NFKD", email.partition("@")[0].partition("+")[0])
    stem = re.sub(r"[^A-Za-z0-9._-]+", "", local).lstrip("._-") or "user"
    plain = (stem[:40],) if len(stem) >= 3 else ()
    return (*plain, *(f"{stem[: 39 - length]}-{user_id.hex[:length]}" for length in (4, 8, 32)))


def checked_username(username: str) -> str:
    """The username itself. Raises Invalid."""
    if not USERNAME.fullmatch(username):
        raise _bad("username", "3 to 40 letters, digits, dots, dashes and underscores, the first a letter or a digit")
    return username


def checked_name(full_name: str | None) -> str | None:
    """The name without spaces around it. Raises Invalid for control characters, or when nothing is left."""
    if full_name is None:
        return None
    name = full_name.strip()
    if not name or any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name):
        raise _bad("full_name", "must have visible characters on one line")
    return name


def checked_url(url: str | None) -> str | None:
    """The address itself. Raises Invalid for spaces and control characters."""
    if url is not None and not re.fullmatch(r"https?://[^\s\x00-\x1f\x7f]+", url):
        raise _bad("avatar_url", "must be an http or https address")
    return url


def caller(context: Context) -> uuid.UUID:
    """Who asks. Raises Unauthenticated."""
    if context.user_id is None:
        raise Unauthenticated("Sign in first.")
    return context.user_id


def found(thing: T | None) -> T:
    """The thing itself. Raises NotFound when there is no such user."""
    if thing is None:
        raise NotFound("There is no such user.")
    return thing


def _bad(field: str, detail: str) -> Invalid:
    return Invalid(f"{field}: {detail}.", errors=(FieldError(field=field, detail=detail),))
