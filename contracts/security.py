"""The rest of the auth node: proofs by mail, sessions, API keys and the log of what concerns the safety of accounts."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from contracts.auth import OpaqueToken, Password
from contracts.paging import Cursor, Limit
from contracts.text import ONE_LINE
from contracts.wire import Done, Endpoint, Event

ScopeName = Literal[
    "account:read",
    "account:write",
    "covers:read",
    "covers:write",
    "notifications:read",
    "notifications:write",
    "styles:read",
    "styles:write",
]
SCOPES: dict[ScopeName, str] = {
    "account:read": "Read the profile, the preferences and the quota",
    "account:write": "Change the profile and the preferences",
    "covers:read": "Read covers, edits, exports and tasks, with their pictures and files",
    "covers:write": "Order, change, cancel and remove covers, edits and exports",
    "notifications:read": "Read the inbox",
    "notifications:write": "Mark entries of the inbox as read",
    "styles:read": "Read own styles",
    "styles:write": "Keep own styles",
}
"""What an API key may be allowed to do. Sessions, keys, passwords, the export and the end of an account are in none."""
KEY_MARK = "cg_"
"""How every API key begins, so that one that lies around is recognised for what it is."""

SecurityEvent = Literal[
    "registered",
    "login",
    "login_failed",
    "refresh_reused",
    "email_verified",
    "password_reset_asked",
    "password_reset",
    "password_changed",
    "identity_linked",
    "identity_unlinked",
    "account_claimed",
    "session_revoked",
    "key_made",
    "key_revoked",
    "key_rotated",
    "role_given",
    "role_taken",
    "client_made",
    "client_removed",
    "consent_given",
    "code_reused",
    "account_deleted",
    "review_decided",
]


class VerifyEmail(msgspec.Struct, frozen=True, kw_only=True):
    """The token of a mail that was sent to the address of an account."""

    token: OpaqueToken


class EmailVerified(msgspec.Struct, frozen=True, kw_only=True):
    """The address that is proven now."""

    email: str
    email_verified: bool = True


class AskVerification(msgspec.Struct, frozen=True, kw_only=True):
    """Send the caller the mail that proves the address once more; nothing happens when it is proven already, or when
    the last one was sent less than a minute ago."""


class ForgotPassword(msgspec.Struct, frozen=True, kw_only=True):
    """Mail a token for a new password to this address if it has an account. The answer and its time are always the
    same: nobody learns from them who has an account."""

    email: Annotated[str, msgspec.Meta(min_length=1, max_length=254)]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What is done later, if there is anything to do."""

    status: Literal["accepted"] = "accepted"


class ResetPassword(msgspec.Struct, frozen=True, kw_only=True):
    """Set a new password by the token of a mail; ends every session of the account. Raises Invalid for the token."""

    token: OpaqueToken
    password: Password


class ListSessions(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's sessions that go on, the last used first."""

    session_id: uuid.UUID | None = None
    """The caller's own."""
    limit: Limit = 20
    cursor: Cursor | None = None


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody is signed in."""

    id: uuid.UUID
    created_at: datetime
    last_used_at: datetime
    """When it began or was last refreshed: a session in use is refreshed every 15 minutes."""
    user_agent: str | None
    address: str | None
    """Without its last part: the network of the client, not the client."""
    current: bool
    application: str | None = None
    """The partner's client that acts in this session; None: the user's own."""


class SessionList(msgspec.Struct, frozen=True, kw_only=True):
    """One page of sessions."""

    items: tuple[SessionInfo, ...]
    next_cursor: str | None = None


class RevokeSession(msgspec.Struct, frozen=True, kw_only=True):
    """End one of the caller's sessions. Idempotent; raises NotFound for what is no session of the caller."""

    id: uuid.UUID


class RevokeOtherSessions(msgspec.Struct, frozen=True, kw_only=True):
    """End all sessions of the caller but this one. Idempotent."""

    session_id: uuid.UUID | None = None


class SessionsRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """These sessions have ended: their access tokens are not good any more. Idempotent."""

    session_ids: tuple[uuid.UUID, ...]
    at: datetime


class GetRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions that ended while access tokens of theirs may still be about."""


class RevokedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that ended."""

    id: uuid.UUID
    at: datetime


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that ended within the last 15 minutes, the newest first, 5000 at most."""

    sessions: tuple[RevokedSession, ...]


class CreateApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key for programs of the caller. Raises Conflict when there are 20 already."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=ONE_LINE)]
    scopes: Annotated[tuple[ScopeName, ...], msgspec.Meta(min_length=1, max_length=len(SCOPES))]
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """At most a year from now; that, when it is left out."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret."""

    id: uuid.UUID
    name: str
    prefix: str
    """How the key begins: by this it is recognised."""
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    """To the minute."""


class NewApiKey(ApiKey, frozen=True, kw_only=True):
    """A key that was just made."""

    key: str
    """Shown this once; only its hash is kept."""


class ListApiKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's keys, the newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None


class ApiKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """One page of keys."""

    items: tuple[ApiKey, ...]
    next_cursor: str | None = None


class RevokeApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """End a key of the caller; an edge that has just seen it takes it for up to 10 s more. Raises NotFound."""

    id: uuid.UUID


class ListAudit(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to accounts, the newest first. For administrators."""

    limit: Limit = 20
    cursor: Cursor | None = None
    user_id: uuid.UUID | None = None
    event: SecurityEvent | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line: no password, token or key is ever in it."""

    id: uuid.UUID
    at: datetime
    event: SecurityEvent
    user_id: uuid.UUID | None
    """The account; None for a sign-in to an address that has none."""
    by: uuid.UUID | None
    """Who did it, when somebody was signed in."""
    address: str | None
    user_agent: str | None
    detail: str
    """Which session, key or role; which review, and what was decided."""


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the log."""

    items: tuple[AuditEntry, ...]
    next_cursor: str | None = None


EDGE = frozenset({"edge"})

VERIFY_EMAIL = Endpoint("svc.auth.verify_email", VerifyEmail, EmailVerified, EDGE, "Prove an address by a token")
ASK_VERIFICATION = Endpoint("svc.auth.ask_verification", AskVerification, Accepted, EDGE, "Mail a token once more")
FORGOT_PASSWORD = Endpoint("svc.auth.forgot_password", ForgotPassword, Accepted, EDGE, "Mail a token for a password")
RESET_PASSWORD = Endpoint(
    "svc.auth.reset_password", ResetPassword, Done, EDGE, "Set a new password by a token", timeout=10
)
LIST_SESSIONS = Endpoint("svc.auth.list_sessions", ListSessions, SessionList, EDGE, "List the caller's sessions")
REVOKE_SESSION = Endpoint("svc.auth.revoke_session", RevokeSession, Done, EDGE, "End a session of the caller")
REVOKE_OTHERS = Endpoint("svc.auth.revoke_others", RevokeOtherSessions, Done, EDGE, "End the caller's other sessions")
REVOKED = Endpoint("svc.auth.revoked", GetRevoked, Revoked, EDGE, "Read which sessions ended lately")
CREATE_KEY = Endpoint("svc.auth.create_key", CreateApiKey, NewApiKey, EDGE, "Make an API key")
LIST_KEYS = Endpoint("svc.auth.list_keys", ListApiKeys, ApiKeyList, EDGE, "List the caller's API keys")
REVOKE_KEY = Endpoint("svc.auth.revoke_key", RevokeApiKey, Done, EDGE, "End an API key")
AUDIT = Endpoint("svc.auth.audit", ListAudit, AuditPage, EDGE, "Read the log of security events")
SESSION_REVOKED = Event(
    "events.auth.session_revoked",
    SessionsRevoked,
    frozenset(),
    "Sessions have ended before their time",
    watchers=EDGE,
)

CONTRACTS = (
    VERIFY_EMAIL,
    ASK_VERIFICATION,
    FORGOT_PASSWORD,
    RESET_PASSWORD,
    LIST_SESSIONS,
    REVOKE_SESSION,
    REVOKE_OTHERS,
    REVOKED,
    CREATE_KEY,
    LIST_KEYS,
    REVOKE_KEY,
    AUDIT,
    SESSION_REVOKED,
)
