"""Mails: each effect is mailed once, as far as a mail server allows that."""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from adapters.crypto import Box, WrongKey
from adapters.letters import Letters
from adapters.mail import Mail, Mailer
from contracts.errors import Internal
from contracts.notifications import SendMail, sealed_in
from contracts.wire import Context
from nodes.notifications.store import MailStore

log = logging.getLogger(__name__)

LETTERS = Path(__file__).parent / "letters"
REMEMBERED = timedelta(days=30)
"""Longer than a job or a dead letter of it lives."""


class Mails:
    """Handler of `MAIL`, and the chore `sweep`."""

    def __init__(self, store: MailStore, mailer: Mailer, box: Box, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._box = box
        self._mailer = mailer
        self._letters = Letters(LETTERS)
        self._clock = clock

    async def send(self, message: SendMail, context: Context) -> None:
        """Send a mail; idempotent by `effect_key`. One whose token is not good any more is dropped.

        A process that dies between sending and noting it sends the mail twice, with the same Message-ID. Raises
        Unavailable when the mail server cannot be used, Invalid when it refuses this mail for good, Internal when what
        is sealed cannot be opened.
        """
        if message.useless_after is not None and message.useless_after <= self._clock():
            log.warning("a mail of kind %s came too late to be of use", message.kind, extra={"action": "mail_dropped"})
            return
        if await self._store.sent(message.effect_key):
            return
        await self._mailer.send(self._mail(message))
        await self._store.note(message.effect_key, message.kind, self._clock())

    async def sweep(self) -> None:
        """Forget which mails were sent long ago."""
        await self._store.forget(self._clock() - REMEMBERED)

    def _mail(self, message: SendMail) -> Mail:
        values = {**message.values, **self._secret(message), "email": message.to}
        subject, text, html = self._letters.write(message.kind, values)
        return Mail(to=message.to, subject=subject, text=text, html=html, message_id=message_id(message.effect_key))

    def _secret(self, message: SendMail) -> dict[str, str]:
        """What was sealed. Raises Internal when it was sealed by another root secret: it is opened here only."""
        if not message.sealed:
            return {}
        try:
            opened = self._box.open(message.sealed, sealed_in(message.effect_key))
        except WrongKey:
            raise Internal("The mail was sealed with another COVERGEN_SECRET_KEY.") from None
        return msgspec.json.decode(opened, type=dict[str, str])


def message_id(effect_key: str) -> str:
    """The same for the same effect, and says nothing of it."""
    return hashlib.sha256(effect_key.encode()).hexdigest()[:32]
