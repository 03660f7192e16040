"""Mails of the notifications node on a real bus and database, into a folder."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest_asyncio

from adapters.crypto import Box
from adapters.letters import Letters
from adapters.mail import FolderMailer, Mail
from adapters.mongo import Database, open_mongo
from adapters.nats import dead_letters
from adapters.nats.bus import Bus
from contracts.errors import Invalid, ServiceError, Unavailable
from contracts.notifications import MAIL, MAILS, SendMail, sealed_in
from nodes.notifications.mails import LETTERS
from nodes.notifications.service import Notifications
from nodes.runtime import Node
from tests.support.buses import a_bus
from tests.support.mailbox import mails_in, text_of, the_mail
from tests.support.servers import MongoDatabase

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = "ada@example.org"
ROOT = bytes(32)
TOKEN = "T0ken-that-nobody-should-see"
RESET = SendMail(
    to=ADA,
    kind="reset_password",
    effect_key="u1:reset:1",
    values={"good_for": "30 minutes"},
    sealed=Box(ROOT, MAILS).seal(
        msgspec.json.encode({"link": f"http://x/#token={TOKEN}", "token": TOKEN}), sealed_in("u1:reset:1")
    ),
    useless_after=START + timedelta(minutes=30),
)


@dataclass
class Post:
    """A running node whose mailer fails as often as it is told."""

    bus: Bus
    folder: Path
    database: Database
    node: Notifications | None = None
    at: datetime = START
    failures: list[ServiceError] = field(default_factory=list)
    tried: int = 0

    async def send(self, mail: Mail) -> None:
        """The mailer."""
        self.tried += 1
        if self.failures:
            raise self.failures.pop(0)
        await FolderMailer(self.folder, "Covergen <covers@example.org>").send(mail)

    async def order(self, message: SendMail, again: str = "") -> None:
        """Queue a mail; `again` makes it another message."""
        await self.bus.enqueue(MAIL, message, message_id=message.effect_key + again)

    async def until_tried(self, times: int) -> None:
        """Wait."""
        async with asyncio.timeout(20):
            while self.tried < times:
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def post(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[Post]:
    """A running node."""
    client = open_mongo(mongo_database.url)
    async with a_bus(nats_url) as bus, a_bus(nats_url, "notifications", streams=True) as own:
        post = Post(bus, tmp_path / "mail", client[mongo_database.name])
        post.node = Notifications(post.database, post, ROOT, clock=lambda: post.at)
        await post.node.prepare()
        async with Node(own, post.node, "0.1.0"):
            yield post
    client.close()


async def test_an_effect_is_mailed_once(post: Post) -> None:
    """Two messages of one effect are one mail; another effect is another."""
    await post.order(RESET)
    mail = await the_mail(post.folder, ADA, "Choose a new password")
    await post.order(RESET, "again")
    await post.order(SendMail(to=ADA, kind="password_changed", effect_key="u1:changed:1", values={"at": "now"}))
    await the_mail(post.folder, ADA, "Your password was changed")

    assert f"\nhttp://x/#token={TOKEN}\n" in text_of(mail)
    assert len(mails_in(post.folder, ADA)) == post.tried == 2


async def test_what_is_kept_says_nothing(post: Post) -> None:
    """The database knows that an effect was mailed, not the address or the token; after a month not even that."""
    await post.order(RESET)
    await the_mail(post.folder, ADA, "Choose a new password")
    async with asyncio.timeout(5):
        while not (kept := await post.database["mails"].find({}).to_list(10)):
            await asyncio.sleep(0.02)

    assert [sorted(each) for each in kept] == [["_id", "kind", "sent_at"]]
    post.at += timedelta(days=31)
    assert post.node is not None
    await post.node.chores[0].run()
    assert await post.database["mails"].find({}).to_list(10) == []


async def test_a_refused_mail_is_tried_again_then_dead(post: Post) -> None:
    """After 1, 2 and 4 s; the fourth failure is a dead letter."""
    post.failures = [Unavailable("busy")] * 4
    await post.order(RESET)
    await post.until_tried(4)

    letter = await buried(post.bus)
    assert (letter.subject, letter.reason, letter.deliveries) == (MAIL.subject, "unavailable", 4)
    assert TOKEN.encode() not in letter.payload
    assert msgspec.json.decode(letter.payload, type=SendMail) == RESET
    assert mails_in(post.folder, ADA) == []


async def test_a_mail_that_never_can_be_sent_is_dead_at_once(post: Post) -> None:
    """No second try, and the letter's reason says why without the token."""
    post.failures = [Invalid("no")]
    await post.order(RESET)

    letter = await buried(post.bus)
    assert (letter.reason, letter.deliveries, post.tried) == ("invalid", 1, 1)
    assert TOKEN not in letter.detail


async def test_a_mail_that_comes_too_late_is_dropped(post: Post) -> None:
    """A token that is not good any more is not sent, e.g. when a dead letter is replayed next week."""
    post.at += timedelta(minutes=30)
    await post.order(RESET)
    await post.order(SendMail(to=ADA, kind="password_changed", effect_key="u1:changed:1", values={"at": "now"}))
    await the_mail(post.folder, ADA, "Your password was changed")

    assert [mail["Subject"] for mail in mails_in(post.folder, ADA)] == ["Your password was changed"]


def test_values_are_escaped_in_html() -> None:
    """What is filled in is text, never markup."""
    values = {"link": 'http://x/"><script>', "token": "<b>", "good_for": "1 hour", "email": "a&b@example.org"}
    _, text, html = Letters(LETTERS).write("verify_email", values)

    assert "<b>" in text
    assert "<script>" not in html
    assert "<code>&lt;b&gt;</code>" in html
    assert "a&amp;b@example.org" in html


async def test_a_sealed_token_is_in_no_other_mail(post: Post) -> None:
    """What was sealed for one mail opens in no other, and not with another root secret: a dead letter, nothing sent."""
    await post.order(msgspec.structs.replace(RESET, to="eve@example.org", effect_key="u2:reset:1"))
    letter = await buried(post.bus)
    assert (letter.reason, post.tried) == ("internal", 0)


async def buried(bus: Bus) -> dead_letters.Letter:
    """The dead letter of the mail, as soon as there is one."""
    async with asyncio.timeout(20):
        while True:
            walk = dead_letters.letters(bus, MAIL.subject, first=1)
            async with contextlib.aclosing(walk):
                async for letter in walk:
                    return letter
            await asyncio.sleep(0.05)
