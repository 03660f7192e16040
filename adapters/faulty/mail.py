"""A mail server that one cannot rely on."""

from adapters.faults import Faults
from adapters.mail import Mail, Mailer
from contracts.errors import Unavailable


class FaultyMailer:
    """Fault `mail-refused`."""

    def __init__(self, mailer: Mailer, faults: Faults) -> None:
        self._mailer = mailer
        self._faults = faults

    async def send(self, mail: Mail) -> None:
        """As the mailer does."""
        if self._faults.hit("mail-refused"):
            raise Unavailable("fault mail-refused")
        await self._mailer.send(mail)
