"""Mails that the auth node orders."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from adapters.crypto import Box
from contracts.notifications import MailKind, SendMail, sealed_in
from nodes.auth.model import Credentials


@dataclass(frozen=True, slots=True)
class Kind:
    """A mail with a token."""

    mail: MailKind
    life: timedelta
    """How long the token is good for."""
    good_for: str
    """The same for people."""
    page: str
    """The path of the link. The token stands behind #, so that no browser sends it to a server or elsewhere."""


KINDS = {
    "verify_email": Kind("verify_email", timedelta(hours=24), "24 hours", "/verify-email"),
    "reset_password": Kind("reset_password", timedelta(minutes=30), "30 minutes", "/reset-password"),
}
"""By purpose of the token."""


def letter(
    kind: str, account: Credentials, token: str, digest: bytes, expires_at: datetime, public_url: str, box: Box
) -> SendMail:
    """The mail with a token, which only the box opens; one effect for each token."""
    row, effect_key = KINDS[kind], _effect(account.id, kind, digest)
    secret = {"link": f"{public_url}{row.page}#token={token}", "token": token}
    return SendMail(
        to=account.email,
        kind=row.mail,
        effect_key=effect_key,
        values={"good_for": row.good_for},
        sealed=box.seal(msgspec.json.encode(secret), sealed_in(effect_key)),
        useless_after=expires_at,
    )


def changed(email: str, user_id: uuid.UUID, digest: bytes, now: datetime) -> SendMail:
    """The notice that a password was set by a token; one effect for each token."""
    return SendMail(
        to=email,
        kind="password_changed",
        effect_key=_effect(user_id, "changed", digest),
        values={"at": f"on {now:%Y-%m-%d} at {now:%H:%M} UTC"},
    )


def _effect(user_id: uuid.UUID, what: str, digest: bytes) -> str:
    return f"{user_id}:{what}:{digest.hex()[:16]}"
