"""On the product's own accounts the tasks node may do all that operators ask of it, and the edge may ask the nodes."""

import asyncio
import contextlib
from pathlib import Path

import msgspec

from adapters.mongo import open_mongo
from adapters.nats.bus import Bus, opened_bus
from adapters.nats.census import census
from adapters.nats.connection import Profile, connected
from adapters.nats.graveyard import bury
from contracts import notifications, operations, tasks
from contracts.errors import NotFound
from contracts.wire import Context
from nodes.runtime import Node
from nodes.tasks.service import build
from ops.credentials import seed_file, write_nats_config
from ops.paths import Home
from ops.provision_nats import provision_streams
from ops.servers.nats import NatsServer
from ops.settings import read_settings
from tests.support.servers import MongoDatabase, running

SUBJECTS = (notifications.SEND.subject, tasks.FINISHED.subject, *tasks.REPORT.subjects, *tasks.START.subjects)


async def test_the_real_accounts_let_operators_work(tmp_path: Path, mongo_database: MongoDatabase) -> None:
    """List, show, replay to queue, event and schedule, drop, measure, and ask for statistics: nothing is refused."""
    settings = read_settings({"COVERGEN_HOME": str(tmp_path)}, tmp_path / "none")
    home, admin = Home(settings.home), msgspec.structs.replace(Context.new(), roles=("admin",))
    server = NatsServer(home, write_nats_config(settings))
    async with running(server), contextlib.AsyncExitStack() as stack:

        async def bus(user: str) -> Bus:
            who = Profile(servers=(server.url,), name=user, seed=seed_file(home, user))
            return await stack.enter_async_context(opened_bus(await stack.enter_async_context(connected(who))))

        ops, edge, own = await bus("ops"), await bus("edge"), await bus("tasks")
        await provision_streams(ops)
        client = open_mongo(mongo_database.url)
        stack.callback(client.close)
        await stack.enter_async_context(Node(own, await build(client[mongo_database.name], own), "1.0.0"))
        for number, subject in enumerate((*SUBJECTS, SUBJECTS[0])):
            await bury(
                ops, subject=subject, payload=b"{}", stream="X", sequence=number, deliveries=1, error=NotFound("gone")
            )
        page = await edge.request(operations.LIST_DEAD, operations.ListDead(), admin)
        *replayed, dropped = [letter.sequence for letter in page.items]
        for sequence in replayed:
            await edge.request(operations.REPLAY_DEAD, operations.ReplayDead(sequence=sequence), admin)
        await edge.request(operations.SHOW_DEAD, operations.ReadDead(sequence=dropped), admin)
        await edge.request(operations.DROP_DEAD, operations.DropDead(sequence=dropped), admin)
        left = await edge.request(operations.LIST_DEAD, operations.ListDead(limit=100), admin)
        assert not {letter.sequence for letter in left.items} & {*replayed, dropped}
        async with asyncio.timeout(10):
            while not (found := await census(edge, ("tasks",)))[0].data.gauges:
                await asyncio.sleep(0.1)
        assert {gauge.name for gauge in found[0].data.gauges} >= {"dead_letters", "queue_pending", "outbox_waiting"}
        assert [own.connection.denied, edge.connection.denied] == [[], []]
