"""The users node: profiles, preferences and the quota of covers.

Quota is reserved before a task exists, and committed or released when it ends; each by the id of its task, so that
doing it twice changes nothing.
"""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from contracts.auth import FullName, Tier, Username
from contracts.tasks import Step
from contracts.text import LANGUAGE, URL
from contracts.wire import Endpoint, Event, WorkQueue

Url = Annotated[str, msgspec.Meta(max_length=2000, pattern=URL)]
Language = Annotated[str, msgspec.Meta(pattern=LANGUAGE, max_length=20)]


class CreateUser(msgspec.Struct, frozen=True, kw_only=True):
    """The profile of a new account; idempotent by `user_id`. Raises Conflict when the username is taken."""

    user_id: uuid.UUID
    email: str
    username: Username | None = None
    """None: made from the e-mail address."""
    full_name: FullName | None = None
    tier: Tier = "free"
    """The plan to begin with; a subscription changes it later."""


class GetUser(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own profile; `user_id` is for other nodes and tools."""

    user_id: uuid.UUID | None = None


class UpdateUser(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to the caller's profile; fields that are left out stay."""

    username: Username | UnsetType = UNSET
    full_name: FullName | UnsetType | None = UNSET
    avatar_url: Url | UnsetType | None = UNSET


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A profile."""

    id: uuid.UUID
    email: str
    username: str
    full_name: str | None
    avatar_url: str | None
    subscription_tier: str
    created_at: datetime
    updated_at: datetime


class GetPreferences(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's preferences."""


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """How the product should treat this user; a PUT replaces all of it."""

    language: Language = "en"
    email_notifications: bool = True


class GetQuota(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's quota."""


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """Covers in this calendar month (UTC): `used` are made, `reserved` are being made."""

    used: int
    reserved: int
    limit: int
    tier: str
    resets_at: datetime


class ReserveQuota(msgspec.Struct, frozen=True, kw_only=True):
    """Hold `amount` covers of the caller's quota for a task; idempotent by `task_id`. Raises OverQuota."""

    task_id: uuid.UUID
    amount: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1


class SettleQuota(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Commit or release the reservation of a task; idempotent by `task_id`."""

    task_id: uuid.UUID
    user_id: uuid.UUID
    step: Step | None = None
    """The saga step to report to the tasks node; None for a release that no saga waits for."""
    amount: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Covers to count of a commit, the rest is given back; None: all that was reserved."""


class UserCreated(msgspec.Struct, frozen=True, kw_only=True):
    """A profile was created."""

    user_id: uuid.UUID
    username: str
    created_at: datetime


EDGE = frozenset({"edge"})

CREATE = Endpoint("svc.users.create", CreateUser, User, frozenset({"auth"}), "Create the profile of an account")
GET = Endpoint("svc.users.get", GetUser, User, frozenset({"edge", "auth"}), "Read a profile")
UPDATE = Endpoint("svc.users.update", UpdateUser, User, EDGE, "Change the caller's profile")
PREFERENCES = Endpoint("svc.users.preferences", GetPreferences, Preferences, EDGE, "Read the caller's preferences")
SET_PREFERENCES = Endpoint("svc.users.set_preferences", Preferences, Preferences, EDGE, "Replace the preferences")
QUOTA = Endpoint("svc.users.quota", GetQuota, Quota, EDGE, "Read the caller's quota")
RESERVE_QUOTA = Endpoint("svc.users.reserve_quota", ReserveQuota, Quota, frozenset({"covers"}), "Hold quota for a task")
COMMIT_QUOTA = WorkQueue("jobs.users.commit_quota", SettleQuota, frozenset({"tasks"}), "Count what a task has made")
RELEASE_QUOTA = WorkQueue(
    "jobs.users.release_quota", SettleQuota, frozenset({"tasks", "covers"}), "Give back what a task has not made"
)
CREATED = Event("events.users.created", UserCreated, frozenset({"notifications"}), "A profile was created")

CONTRACTS = (
    CREATE,
    GET,
    UPDATE,
    PREFERENCES,
    SET_PREFERENCES,
    QUOTA,
    RESERVE_QUOTA,
    COMMIT_QUOTA,
    RELEASE_QUOTA,
    CREATED,
)
