"""A small SMTP server, and the mails that are found in a folder."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path


@dataclass
class MailServer:
    """Takes every mail unless told otherwise, and writes down what clients say."""

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    """The first word of a command to the answer it gets instead."""
    said: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        with contextlib.suppress(ConnectionError):
            writer.write(b"220 here\r\n")
            while line := await reader.readline():
                self.said.append(line.decode().strip())
                writer.write(f"{await self._answer(self.said[-1], reader, writer)}\r\n".encode())
                await writer.drain()
        writer.close()

    async def _answer(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        word = line.split(maxsplit=1)[0].upper()
        if word in self.answers:
            return self.answers[word]
        match word:
            case "EHLO":
                return "250-here\r\n250 AUTH PLAIN"
            case "AUTH":
                return "235 known"
            case "DATA":
                writer.write(b"354 go on\r\n")
                self.mails.append((await reader.readuntil(b"\r\n.\r\n"))[:-3])
                return self.answers.get("END", "250 taken")
        return "250 good"


@contextlib.asynccontextmanager
async def a_mail_server(**answers: str) -> AsyncIterator[MailServer]:
    """A server on a free port of this machine."""
    known = MailServer(answers=answers)
    server = await asyncio.start_server(known.talk, "127.0.0.1", 0)
    known.port = server.sockets[0].getsockname()[1]
    async with server:
        yield known


def read_mail(data: bytes) -> EmailMessage:
    """A mail as a mail program reads it."""
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def text_of(mail: EmailMessage) -> str:
    """Its plain text."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def mails_in(folder: Path, to: str) -> list[EmailMessage]:
    """The mails to an address, the oldest first."""
    files = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    found = [read_mail(path.read_bytes()) for path in files]
    return [mail for mail in found if mail["To"] == to]


async def the_mail(folder: Path, to: str, subject: str, limit: float = 15) -> EmailMessage:
    """The newest mail to an address with this subject, as soon as it is there."""
    async with asyncio.timeout(limit):
        while not (found := [mail for mail in mails_in(folder, to) if mail["Subject"] == subject]):
            await asyncio.sleep(0.05)
    return found[-1]


def token_in(mail: EmailMessage) -> str:
    """The code in a mail. Its link ends with the same."""
    text = text_of(mail)
    code = re.search(r"asked for it: (\S+)", text)
    assert code is not None
    assert f"token={code[1]}\n" in text
    return code[1]
