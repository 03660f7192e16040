"""What the small auth node answers about sessions, API keys and proofs."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from contracts import auth, logins, security, signatures, token_keys
from contracts.auth import AUDIENCE, ISSUER, Claims, VerifyToken
from contracts.errors import Unauthenticated
from contracts.wire import Done, Endpoint

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def a_holder(user_id: uuid.UUID, *scopes: str, seconds: float = 600) -> Claims:
    """The claims of an API key."""
    now, key_id = int(time.time()), uuid.uuid4()
    return Claims(
        iss=ISSUER,
        aud=AUDIENCE,
        sub=user_id,
        sid=key_id,
        jti=key_id.hex,
        iat=now,
        exp=int(now + seconds),
        scope=" ".join(scopes),
    )


def security_answers(
    holders: dict[str, Claims], ended: list[uuid.UUID], signers: dict[str, signatures.VerificationKey]
) -> dict[Endpoint[Any, Any], Any]:
    """`holders`: claims by API key; `ended`: sessions that ended lately; `signers`: keys of signed requests by id."""

    def verify(message: VerifyToken, _context: Any) -> Claims:
        if message.token not in holders:
            raise Unauthenticated
        return holders[message.token]

    def find(message: signatures.FindSigningKey, _context: Any) -> signatures.VerificationKey:
        if message.keyid not in signers:
            raise Unauthenticated
        return signers[message.keyid]

    def revoked(_message: Any, _context: Any) -> security.Revoked:
        return security.Revoked(sessions=tuple(security.RevokedSession(id=each, at=NOW) for each in ended))

    return {
        auth.VERIFY: verify,
        security.REVOKED: revoked,
        signatures.FIND: find,
        **PLAIN,
    }


PLAIN: dict[Endpoint[Any, Any], Any] = {
    security.VERIFY_EMAIL: lambda _m, _c: security.EmailVerified(email="ada@example.org"),
    security.ASK_VERIFICATION: lambda _m, _c: security.Accepted(),
    security.FORGOT_PASSWORD: lambda _m, _c: security.Accepted(),
    security.RESET_PASSWORD: lambda _m, _c: Done(),
    security.LIST_SESSIONS: lambda _m, _c: security.SessionList(items=()),
    security.REVOKE_SESSION: lambda _m, _c: Done(),
    security.REVOKE_OTHERS: lambda _m, _c: Done(),
    security.LIST_KEYS: lambda _m, _c: security.ApiKeyList(items=()),
    security.CREATE_KEY: lambda m, _c: _key(m),
    security.REVOKE_KEY: lambda _m, _c: Done(),
    signatures.LIST: lambda _m, _c: signatures.SigningKeyList(items=()),
    signatures.CREATE: lambda m, _c: _signing_key(m),
    signatures.REMOVE: lambda _m, _c: Done(),
    token_keys.LIST_TOKEN_KEYS: lambda _m, _c: token_keys.TokenKeyList(items=()),
    token_keys.ROTATE_KEYS: lambda _m, _c: token_keys.TokenKeyList(items=()),
    security.AUDIT: lambda _m, _c: security.AuditPage(items=()),
    logins.LIST_PROVIDERS: lambda _m, _c: logins.ProviderList(items=()),
    logins.START_LOGIN: lambda _m, _c: logins.StartedLogin(url="https://op.example.org/authorize"),
    logins.FINISH_LOGIN: lambda _m, _c: logins.FinishedLogin(session=None, next="/"),
    logins.LIST_IDENTITIES: lambda _m, _c: logins.IdentityList(items=(), has_password=True),
    logins.UNLINK_IDENTITY: lambda _m, _c: Done(),
    logins.CHANGE_PASSWORD: lambda _m, _c: Done(),
}
"""What is the same for everybody."""


def _key(message: security.CreateApiKey) -> security.NewApiKey:
    return security.NewApiKey(
        id=uuid.uuid4(),
        name=message.name,
        prefix="cg_0a1b2c3d",
        scopes=message.scopes,
        created_at=NOW,
        expires_at=NOW,
        last_used_at=None,
        key="cg_0a1b2c3d_secret",
    )


def _signing_key(message: signatures.CreateSigningKey) -> signatures.NewSigningKey:
    return signatures.NewSigningKey(
        id=uuid.uuid4(),
        keyid="cgs_0a1b2c3d",
        name=message.name,
        algorithm=message.algorithm,
        scopes=message.scopes,
        created_at=NOW,
        expires_at=NOW,
        last_used_at=None,
    )
