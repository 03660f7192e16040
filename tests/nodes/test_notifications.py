"""The notifications node on a real bus and a real database."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from adapters.mail import FolderMailer
from adapters.mongo import open_mongo
from adapters.nats.bus import Bus
from contracts import notifications, users
from contracts.errors import Invalid, NotFound, Unauthenticated
from contracts.notifications import ListNotifications, MarkRead, Notification, NotificationPage, SendNotification
from contracts.users import UserCreated
from contracts.wire import Context
from nodes.notifications.service import Notifications
from nodes.runtime import Node
from tests.support.buses import a_bus
from tests.support.servers import MongoDatabase

START = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)


@dataclass
class Lab:
    """A running notifications node, a user, and a clock that stands unless it is moved."""

    bus: Bus
    user: uuid.UUID
    at: datetime = START

    def clock(self) -> datetime:
        """The time now."""
        return self.at

    def context(self, user: uuid.UUID | None = None) -> Context:
        """The context of the user, or of another one."""
        return Context(request_id="r", user_id=user or self.user)

    async def send(self, key: str, *, again: str = "", user: uuid.UUID | None = None) -> None:
        """Queue a notice; `again` makes it another message."""
        message = SendNotification(
            user_id=user or self.user, effect_key=key, kind="cover_ready", title=f"T {key}", link="/x"
        )
        await self.bus.enqueue(notifications.SEND, message, message_id=f"{message.user_id}:{key}{again}")

    async def page(self, **ask: object) -> NotificationPage:
        """One page of the user's inbox."""
        return await self.bus.request(notifications.LIST, msgspec.convert(ask, ListNotifications), self.context())

    async def until(self, unread: int) -> NotificationPage:
        """The inbox as soon as it has so many unread notices."""
        async with asyncio.timeout(10):
            while (page := await self.page(limit=100)).unread < unread:
                await asyncio.sleep(0.02)
        return page


@pytest_asyncio.fixture
async def lab(nats_url: str, mongo_database: MongoDatabase) -> AsyncIterator[Lab]:
    """The notifications node on an empty database."""
    async with contextlib.AsyncExitStack() as stack:
        client = open_mongo(mongo_database.url)
        stack.callback(client.close)
        bus = await stack.enter_async_context(a_bus(nats_url, "notifications", streams=True))
        lab = Lab(bus, uuid.uuid4())
        service = Notifications(
            client[mongo_database.name], FolderMailer(Path("unused"), "covers@example.org"), bytes(32), clock=lab.clock
        )
        await service.prepare()
        await service.prepare()
        await stack.enter_async_context(Node(bus, service, "1.0.0"))
        yield lab


async def test_a_notice_is_told_once(lab: Lab) -> None:
    """The same effect under another message changes nothing; another user has an inbox of his own."""
    await lab.send("a")
    await lab.send("a", again="!")
    await lab.send("a", user=uuid.uuid4())
    await lab.send("b")
    page = await lab.until(2)
    await asyncio.sleep(0.1)
    assert sorted(notice.title for notice in page.items) == ["T a", "T b"]
    assert (await lab.page()).unread == 2
    notice = page.items[0]
    assert (notice.kind, notice.link, notice.read_at, notice.created_at) == ("cover_ready", "/x", None, START)


async def test_a_new_user_is_welcomed_once(lab: Lab) -> None:
    """However often the event comes."""
    event = UserCreated(user_id=lab.user, username="ada", created_at=START)
    for message_id in ("1", "2"):
        await lab.bus.publish(users.CREATED, event, message_id=message_id)
    await lab.send("later")
    page = await lab.until(2)
    assert [notice.title for notice in page.items if notice.kind == "welcome"] == ["Welcome to Covergen, ada"]
    await asyncio.sleep(0.1)
    assert (await lab.page()).unread == 2


async def test_the_inbox_is_newest_first_in_pages(lab: Lab) -> None:
    """Each notice on one page, also those of the same moment."""
    for number in range(7):
        lab.at = START + timedelta(seconds=number // 3)
        await lab.send(str(number))
        await lab.until(number + 1)
    whole = (await lab.page(limit=100)).items
    assert [notice.created_at for notice in whole] == sorted((n.created_at for n in whole), reverse=True)
    seen: list[Notification] = []
    cursor = None
    for _ in range(3):
        page = await lab.page(limit=3, cursor=cursor)
        seen += page.items
        cursor = page.next_cursor
    assert cursor is None
    assert tuple(seen) == whole
    assert page.unread == 7


async def test_reading_takes_a_notice_out_of_the_unread_ones(lab: Lab) -> None:
    """Marked once with the time; marking again keeps the first time; the filter works both ways."""
    await lab.send("a")
    await lab.send("b")
    notice = (await lab.until(2)).items[0]
    lab.at = START + timedelta(minutes=1)
    ask = MarkRead(notification_id=notice.id)
    read = await lab.bus.request(notifications.MARK_READ, ask, lab.context())
    assert read.read_at == lab.at
    lab.at = START + timedelta(minutes=2)
    assert await lab.bus.request(notifications.MARK_READ, ask, lab.context()) == read
    unread, done = await lab.page(unread=True), await lab.page(unread=False)
    assert ([n.id for n in done.items], unread.unread, len(unread.items)) == ([notice.id], 1, 1)
    assert unread.items[0].id != notice.id


async def test_only_the_owner_marks_a_notice(lab: Lab) -> None:
    """For everybody else it does not exist."""
    await lab.send("a")
    notice = (await lab.until(1)).items[0]
    ask = MarkRead(notification_id=notice.id)
    with pytest.raises(NotFound):
        await lab.bus.request(notifications.MARK_READ, ask, lab.context(uuid.uuid4()))
    with pytest.raises(NotFound):
        await lab.bus.request(notifications.MARK_READ, MarkRead(notification_id=uuid.uuid4()), lab.context())
    with pytest.raises(Unauthenticated):
        await lab.bus.request(notifications.MARK_READ, ask, Context.new())
    assert (await lab.page()).unread == 1


async def test_a_bad_cursor_is_invalid(lab: Lab) -> None:
    """The field is named, and a time without a zone is no cursor either."""
    for cursor in ("nonsense", "WyJ4IiwieSJd"):
        with pytest.raises(Invalid) as caught:
            await lab.page(cursor=cursor)
        assert caught.value.errors[0].field == "cursor"
