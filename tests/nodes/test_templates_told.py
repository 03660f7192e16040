"""Changes of styles are told, so that nobody keeps what is old."""

import asyncio
import uuid

from adapters.mongo import open_mongo
from contracts import templates
from contracts.errors import Unavailable
from contracts.templates import CreateTemplate, DeleteTemplate, StyleParams, TemplateChanged, UpdateTemplate
from contracts.wire import Context
from nodes.templates.model import Known
from nodes.templates.service import Templates
from tests.support.buses import a_bus
from tests.support.servers import MongoDatabase

KNOWN = Known(families=frozenset({"mesh"}), pairings=frozenset({"literary"}))
ADMIN = Context(request_id="r", user_id=uuid.uuid4(), roles=("admin",))
NEW = CreateTemplate(name="Dusk", category="book", prompt_template="{prompt}", style_params=StyleParams(family="mesh"))


async def test_every_change_is_told(nats_url: str, mongo_database: MongoDatabase) -> None:
    """Added, changed, removed: an event each, at once, and the outbox is empty after the chore."""
    heard: asyncio.Queue[TemplateChanged] = asyncio.Queue()
    client = open_mongo(mongo_database.url)
    async with a_bus(nats_url, "templates", streams=True) as bus:
        await bus.watch(templates.CHANGED, heard.put_nowait)
        service = Templates(client[mongo_database.name], bus.send, known=KNOWN)
        await service.prepare(seeds=())
        made = await service.create(NEW, ADMIN)
        await service.update(UpdateTemplate(template_id=made.id, name="Dawn"), ADMIN)
        await service.delete(DeleteTemplate(template_id=made.id), ADMIN)
        async with asyncio.timeout(5):
            told = [await heard.get() for _ in range(3)]
        await service.tell()
        styles = client[mongo_database.name]["style_templates"]
        assert await styles.count_documents({"outbox.0": {"$exists": True}}) == 0
    client.close()
    assert [(event.template_id, event.revision) for event in told] == [(made.id, 0), (made.id, 1), (made.id, -1)]


async def test_what_could_not_be_told_is_told_later(nats_url: str, mongo_database: MongoDatabase) -> None:
    """A change is made while the bus takes nothing; the chore tells of it."""
    client = open_mongo(mongo_database.url)
    sent: list[str] = []
    down = True

    async def send(subject: str, payload: bytes, *, message_id: str, headers: object) -> None:
        if down:
            raise Unavailable("down")
        sent.append(message_id)

    service = Templates(client[mongo_database.name], send, known=KNOWN)
    await service.prepare(seeds=())
    made = await service.create(NEW, ADMIN)
    assert sent == []
    down = False
    async with asyncio.timeout(10):
        while not sent:
            await asyncio.sleep(0.2)
            await service.tell()
    client.close()
    assert sent == [f"style-{made.id}-0"]
