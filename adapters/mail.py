"""Mail that leaves the house: to an SMTP server, or into a folder of files where there is none.

A mail is sent at least once: who sends it again gives it the same `message_id`, by which the folder keeps one file and
mail programs recognise it. Errors say nothing of what is in a mail, because that may be a link that opens an account.
"""

import asyncio
import contextlib
import ipaddress
import os
import re
import secrets
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import errors, message, policy
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from contracts.errors import Invalid, Unavailable

SECONDS = 10.0
"""Of each exchange with the mail server."""
PORTS = {"smtp": 587, "smtps": 465}
SCHEMES = tuple(PORTS)
PERMANENT = 500
"""Answers from here on mean: never."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address."""

    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    message_id: str
    """The part of its Message-ID before the @: letters, digits and dashes, the same whenever it is sent again."""


class Mailer(Protocol):
    """A way out for mail."""

    async def send(self, mail: Mail) -> None:
        """Return when it has been taken. Raises Invalid when it never will be, Unavailable when it may be later."""


class FolderMailer:
    """Writes `ID.eml` files that only the owner may read, into a folder that it makes."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Write the file in one step. Raises Invalid, Unavailable when the folder takes nothing."""
        data = encoded(mail, self._sender).as_bytes(policy=policy.SMTP)
        try:
            await asyncio.to_thread(self._write, f"{mail.message_id}.eml", data)
        except OSError as error:
            raise Unavailable("The mail could not be written.") from error

    def _write(self, name: str, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._folder / f".{secrets.token_hex(8)}"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / name)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server and how to sign in there."""

    host: str
    port: int
    implicit_tls: bool
    """From the first byte (smtps); otherwise STARTTLS."""
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def needs_tls(self) -> bool:
        """True unless it is on this machine."""
        if self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True


class SmtpMailer:
    """Sends by SMTP, one connection for each mail, on a thread. `tls`: send nothing before the connection is encrypted
    with a certificate that is good for the host."""

    def __init__(self, server: Server, sender: str, *, tls: bool, seconds: float = SECONDS) -> None:
        self._server = server
        self._sender = sender
        self._tls = tls
        self._seconds = seconds

    async def send(self, mail: Mail) -> None:
        """Give it to the server. Raises Invalid for an address or mail that it refuses for good, Unavailable."""
        await asyncio.to_thread(self._send, mail.to, encoded(mail, self._sender))

    def _send(self, to: str, whole: message.EmailMessage) -> None:
        try:
            connection = self._connection()
            try:
                self._sign_in(connection)
                connection.send_message(whole, parseaddr(self._sender)[1], [to])
            finally:
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    connection.quit()  # what was taken stays taken, whatever a server says to this
        except smtplib.SMTPRecipientsRefused as error:
            raise _refused(min(code for code, _ in error.recipients.values())) from None
        except smtplib.SMTPDataError as error:
            raise _refused(error.smtp_code) from None
        except (smtplib.SMTPException, OSError) as error:  # the server, its certificate, or how we sign in there
            raise Unavailable(f"The mail server cannot be used ({type(error).__name__}).") from None

    def _connection(self) -> smtplib.SMTP:
        server = self._server
        if server.implicit_tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(server.host, server.port, timeout=self._seconds, context=context)
        return smtplib.SMTP(server.host, server.port, timeout=self._seconds)

    def _sign_in(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        if not self._server.implicit_tls and (self._tls or connection.has_extn("starttls")):
            connection.starttls(context=ssl.create_default_context())  # raises when the server knows no STARTTLS
        if self._server.user:
            connection.login(self._server.user, self._server.password)


def mail_server(url: str) -> Server:
    """The server of `smtp://user:password@host:587` or `smtps://...`.

    Raises ValueError that says what is wrong, without the URL, which may hold a password.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("must have a port from 1 to 65535") from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be smtp://[user:password@]host[:port] or smtps://...")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("must have a user and a password, or none of them")
    return Server(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        implicit_tls=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def mail_sender(text: str) -> str:
    """The sender as it was given, `Name <address>` or an address alone. Raises ValueError."""
    name, address = parseaddr(text)
    try:
        Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError, errors.MessageError):
        address = ""
    if "@" not in address or not text.isprintable():
        raise ValueError(f"must be an address such as Covergen <covers@example.org>, not {text!r}")
    return text


def open_mailer(url: str | None, sender: str, folder: Path) -> Mailer:
    """The mailer of a setting; None is the folder. Raises ValueError for a URL that is none."""
    if url is None:
        return FolderMailer(folder, sender)
    server = mail_server(url)
    return SmtpMailer(server, sender, tls=server.needs_tls)


def encoded(mail: Mail, sender: str) -> message.EmailMessage:
    """The mail as text and HTML in MIME (RFC 2045). Raises Invalid for an address that no mail can be sent to."""
    name, address = parseaddr(sender)
    if not re.fullmatch(r"[A-Za-z0-9-]+", mail.message_id):
        raise Invalid("This is no id of a mail.")
    whole = message.EmailMessage()
    try:
        whole["From"] = Address(display_name=name, addr_spec=address)
        whole["To"] = Address(addr_spec=mail.to)
        whole["Subject"] = mail.subject
    except (ValueError, IndexError, errors.MessageError):
        raise Invalid("No mail can be sent to this address.") from None
    whole["Date"] = format_datetime(datetime.now(UTC))
    whole["Message-ID"] = f"<{mail.message_id}@{address.rpartition('@')[2]}>"
    whole["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    whole.set_content(mail.text)
    whole.add_alternative(mail.html, subtype="html")
    return whole


def _refused(code: int) -> Invalid | Unavailable:
    if code >= PERMANENT:
        return Invalid("The mail server refuses this mail for good.")
    return Unavailable("The mail server does not take this mail now.")
