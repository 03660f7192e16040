"""Mail over TLS to a real server with a certificate of its own making: from the start (smtps) and by STARTTLS."""

import asyncio
import base64
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.mail import Mail, SmtpMailer, mail_server
from contracts.errors import Unavailable

SENDER = "Covergen <covers@example.org>"
MAIL = Mail(to="ada@example.org", subject="Hello", text="Hello\n", html="<p>Hello</p>", message_id="abc123")
SIGNED_IN = base64.b64encode(b"\0me\0secret").decode()


@dataclass
class TlsServer:
    """What was said to it, before and after the connection was encrypted."""

    context: ssl.SSLContext
    implicit: bool
    port: int = 0
    plain: list[str] = field(default_factory=list)
    secret: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation."""
        encrypted = self.implicit
        writer.write(b"220 here\r\n")
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            while line := (await reader.readline()).decode().strip():
                (self.secret if encrypted else self.plain).append(line)
                if line == "STARTTLS":
                    writer.write(b"220 go\r\n")
                    await writer.start_tls(self.context)
                    encrypted = True
                    continue
                writer.write(self._answer(line, encrypted))
                if line.upper() == "DATA":
                    self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write(b"250 taken\r\n")
                if line.upper() == "QUIT":
                    break
        writer.close()

    def _answer(self, line: str, encrypted: bool) -> bytes:
        word = line.split(maxsplit=1)[0].upper()
        if word == "EHLO":
            return b"250-here\r\n250 AUTH PLAIN\r\n" if encrypted else b"250-here\r\n250 STARTTLS\r\n"
        if word == "AUTH":
            return b"235 welcome\r\n" if line.endswith(SIGNED_IN) else b"535 no\r\n"
        return b"354 go on\r\n" if word == "DATA" else b"250 fine\r\n"


def a_certificate(folder: Path, host: str) -> Path:
    """A key and a certificate that signs itself, good for `host`, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a mail server of a test")])
    now = datetime.now(UTC)
    with_host: x509.GeneralName = (
        x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([with_host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{host}.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.asynccontextmanager
async def a_tls_server(certificate: Path, *, implicit: bool) -> AsyncIterator[TlsServer]:
    """It listens for the length of the block."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    told = TlsServer(context, implicit)
    server = await asyncio.start_server(told.handle, "127.0.0.1", 0, ssl=context if implicit else None)
    async with server:
        told.port = server.sockets[0].getsockname()[1]
        yield told


def the_mailer(server: TlsServer) -> SmtpMailer:
    """One that signs in there."""
    scheme = "smtps" if server.implicit else "smtp"
    return SmtpMailer(mail_server(f"{scheme}://me:secret@127.0.0.1:{server.port}"), SENDER, tls=True, seconds=5)


@pytest.mark.parametrize("implicit", [True, False], ids=["smtps", "STARTTLS"])
async def test_password_and_mail_are_only_said_encrypted(
    implicit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a certificate that is trusted and good for the host the mail arrives; nothing of it was readable."""
    certificate = a_certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with a_tls_server(certificate, implicit=implicit) as server:
        await the_mailer(server).send(MAIL)
    assert [line.split()[0].upper() for line in server.plain] == ([] if implicit else ["EHLO", "STARTTLS"])
    assert any(line.startswith("AUTH PLAIN") for line in server.secret)
    assert b"Subject: Hello" in server.mails[0]


@pytest.mark.parametrize("implicit", [True, False], ids=["smtps", "STARTTLS"])
@pytest.mark.parametrize("wrong", ["unknown", "another host"])
async def test_a_certificate_that_is_not_good_gets_nothing(
    implicit: bool, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that nobody vouches for, or that is good for another host: Unavailable, and neither password nor mail."""
    certificate = a_certificate(tmp_path, "127.0.0.1" if wrong == "unknown" else "mail.example.org")
    if wrong == "another host":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with a_tls_server(certificate, implicit=implicit) as server:
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            await the_mailer(server).send(MAIL)
    assert (server.secret, server.mails) == ([], [])
    assert not any("AUTH" in line for line in server.plain)
