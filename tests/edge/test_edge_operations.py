"""The operator's view over HTTP, with the real tasks node behind the edge: dead letters and any user's task."""

import asyncio
import base64
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from adapters.mongo import open_mongo
from adapters.nats.bus import Bus
from adapters.nats.graveyard import bury
from adapters.redis import Redis
from contracts import covers, notifications, operations, tasks
from contracts.errors import Forbidden, NotFound, Unavailable
from contracts.operations import InspectTask, InspectTasks
from contracts.tasks import CreateTask
from contracts.wire import Context, Done, Endpoint
from edge.admin_routes import ADMIN
from nodes.tasks.service import build
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import NODES, World, the_nodes
from tests.support.buses import a_bus, a_node
from tests.support.servers import MongoDatabase

SEND, PAINT = notifications.SEND.subject, covers.PAINT.subject
LETTERS = "/v1/admin/dead-letters"
SECRET = "a secret wish"


class Office:
    """An edge with the real tasks node, its bus, and an administrator."""

    def __init__(self, edge: Edge, bus: Bus) -> None:
        self.edge = edge
        self.bus = bus
        self.admin = uuid.uuid4()

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        """A request of the administrator."""
        signed = self.edge.world.bearer(self.admin, roles=("user", "admin"))
        return await self.edge.ask(method, path, signed=False, headers=signed, **options)

    async def plant(
        self, number: int, subject: str = SEND, body: bytes = b'{"n": 1}', error: Exception | None = None
    ) -> None:
        """A letter as the runtime buries it; `number` is that of the original in its stream."""
        context = Context.new(user_id=uuid.uuid4(), tier="pro")
        assert error is None or isinstance(error, Unavailable)
        await bury(
            self.bus,
            subject=subject,
            payload=body,
            stream="JOBS",
            sequence=number,
            deliveries=number,
            error=error or NotFound("no such user"),
            headers=context.headers(),
        )

    async def jobs(self) -> int:
        """How many messages stream JOBS holds."""
        reply = await self.bus.request_raw("$JS.API.STREAM.INFO.JOBS", b"", Context.new(), 5)
        count: int = msgspec.json.decode(reply)["state"]["messages"]
        return count

    async def task(self, user: uuid.UUID | None = None) -> tasks.Task:
        """A new task whose input has a secret."""
        order = CreateTask(
            task_id=uuid.uuid4(),
            type="generate",
            cover_id=uuid.uuid4(),
            input_params={"title": "The Sea", "prompt": SECRET},
        )
        return await self.bus.request(tasks.CREATE, order, Context.new(user_id=user or uuid.uuid4()))


@pytest_asyncio.fixture
async def office(nats_url: str, redis: Redis, world: World, mongo_database: MongoDatabase) -> AsyncIterator[Office]:
    """Everything that administrators need."""
    client = open_mongo(mongo_database.url)
    others = tuple(name for name in NODES if name != "tasks")
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(client.close)
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        await stack.enter_async_context(the_nodes(nats_url, world, others))
        await stack.enter_async_context(a_node(nats_url, await build(client[mongo_database.name], bus)))
        yield Office(await stack.enter_async_context(an_edge(nats_url, redis, world)), bus)


async def test_only_administrators_pass(office: Office) -> None:
    """Each route: a stranger 401, a user 403, an administrator what there is."""
    await office.plant(1)
    task = await office.task()
    for route in ADMIN:
        path = route.path.format_map({"sequence": 1, "task_id": task.task_id})
        assert (await office.edge.ask(route.method, path, signed=False)).status == 401, route.name
        refused = await office.edge.ask(route.method, path)
        assert (refused.status, refused.json["code"]) == (403, "forbidden"), route.name
        if route.method == "GET":
            assert (await office.ask(route.method, path)).status == 200, route.name
    assert (await office.ask("GET", LETTERS)).json["items"][0]["sequence"] == 1


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        (operations.LIST_DEAD, operations.ListDead()),
        (operations.SHOW_DEAD, operations.ReadDead(sequence=1)),
        (operations.REPLAY_DEAD, operations.ReplayDead(sequence=1)),
        (operations.DROP_DEAD, operations.DropDead(sequence=1)),
        (operations.INSPECT, InspectTask(task_id=uuid.uuid4())),
        (operations.INSPECT_ALL, InspectTasks()),
    ],
    ids=lambda value: value.word if isinstance(value, Endpoint) else "",
)
async def test_the_node_asks_for_the_role_too(office: Office, endpoint: Endpoint[Any, Any], message: Any) -> None:
    """A caller on NATS without the role is refused, whoever it is, and nothing is done."""
    await office.plant(1)
    with pytest.raises(Forbidden):
        await office.bus.request(endpoint, message, Context.new(user_id=uuid.uuid4()))
    assert len((await office.ask("GET", LETTERS)).json["items"]) == 1


async def test_letters_are_listed_by_pages(office: Office) -> None:
    """The oldest first, each once, without what is in them."""
    task_id = str(uuid.uuid4())
    for number in range(1, 6):
        await office.plant(number, body=msgspec.json.encode({"task_id": task_id, "prompt": SECRET}))
    found, path = [], f"{LETTERS}?limit=2"
    for _ in range(3):
        page = await office.ask("GET", path)
        assert (page.status, page.headers["Cache-Control"]) == (200, "no-store")
        assert SECRET.encode() not in page.body
        found += page.json["items"]
        path = f"{LETTERS}?limit=2&cursor={page.json['next_cursor']}"
    assert page.json["next_cursor"] is None
    assert [letter["sequence"] for letter in found] == [1, 2, 3, 4, 5]
    first = found[0]
    assert (first["subject"], first["reason"], first["detail"]) == (SEND, "not_found", "no such user")
    assert (first["deliveries"], first["task_id"]) == (1, task_id)
    assert first["age"] > 0
    assert first["size"] == len(msgspec.json.encode({"task_id": task_id, "prompt": SECRET}))


async def test_letters_are_chosen_by_subject_and_reason(office: Office) -> None:
    """By pattern of the original subject, by code, and by both; a bad one is 422."""
    await office.plant(1, SEND)
    await office.plant(2, PAINT)
    await office.plant(3, PAINT, error=Unavailable("no model"))

    async def chosen(query: str) -> list[int]:
        page = await office.ask("GET", f"{LETTERS}?{query}")
        assert page.status == 200, page.body
        return [letter["sequence"] for letter in page.json["items"]]

    assert await chosen("subject=jobs.covers.*") == [2, 3]
    assert await chosen("subject=jobs.%3E&limit=1") == [1]
    assert await chosen("reason=unavailable") == [3]
    assert await chosen(f"subject={SEND}&reason=unavailable") == []
    for bad in (
        "subject=jobs..x",
        "subject=jobs.%3E.x",
        "subject=%00",
        "reason=Not%20a%20code",
        "cursor=xx",
        "limit=0",
    ):
        assert (await office.ask("GET", f"{LETTERS}?{bad}")).status == 422, bad


async def test_a_search_without_end_goes_on_by_its_cursor(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page looks at a bounded number of letters; the cursor says where to go on, even when none was found."""
    monkeypatch.setattr("nodes.tasks.operations.SCAN_MOST", 2)
    for number in range(1, 5):
        await office.plant(number)
    await office.plant(5, error=Unavailable())
    seen, cursor = [], ""
    for _ in range(3):
        page = (await office.ask("GET", f"{LETTERS}?reason=unavailable{cursor}")).json
        seen.append([letter["sequence"] for letter in page["items"]])
        cursor = f"&cursor={page['next_cursor']}"
    assert (seen, page["next_cursor"]) == ([[], [], [5]], None)


async def test_a_letter_is_shown_with_its_original(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """JSON as it was, other bytes as base64, with the context of the request; nothing of it in the log or a cache."""
    caplog.set_level(logging.DEBUG)
    await office.plant(1, body=b'{"prompt": "a secret wish", "seed": 123456789012345678901}')
    await office.plant(2, body=b"\xff{poison")
    await office.plant(3, body=b"[" * 100_000)
    shown = await office.ask("GET", f"{LETTERS}/1")
    assert (shown.status, shown.headers["Cache-Control"]) == (200, "no-store")
    assert b'{"prompt": "a secret wish", "seed": 123456789012345678901}' in shown.body
    assert (shown.json["payload"], shown.json["context"]["tier"], shown.json["complete"]) == (None, "pro", True)
    poison = (await office.ask("GET", f"{LETTERS}/2")).json
    assert (poison["body"], base64.b64decode(poison["payload"])) == (None, b"\xff{poison")
    assert (await office.ask("GET", f"{LETTERS}/3")).json["body"] is None
    assert SECRET not in caplog.text


async def test_a_large_original_is_cut(office: Office) -> None:
    """What does not fit into an answer is shown by its beginning, and said to be that."""
    whole = b'"' + b"x" * 800_000 + b'"'
    await office.plant(1, body=whole)
    shown = (await office.ask("GET", f"{LETTERS}/1")).json
    assert (shown["complete"], shown["size"], shown["body"]) == (False, len(whole), None)
    assert whole.startswith(base64.b64decode(shown["payload"]))


async def test_replaying_twice_is_replaying_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """The original goes out once, the letter is gone, the second asker reads 404; the log says who did it."""
    caplog.set_level(logging.INFO)
    await office.plant(1, body=msgspec.json.encode({"prompt": SECRET}))
    replies = await asyncio.gather(*(office.ask("POST", f"{LETTERS}/1/replay") for _ in range(4)))
    assert {reply.status for reply in replies} <= {204, 404}
    assert 204 in {reply.status for reply in replies}
    assert (await office.ask("POST", f"{LETTERS}/1/replay")).status == 404
    assert (await office.ask("GET", f"{LETTERS}/1")).status == 404
    assert await office.jobs() == 1
    lines = [r for r in caplog.records if getattr(r, "action", "") == "dead_letter_replayed"]
    assert {(vars(r)["sequence"], vars(r)["by"]) for r in lines} == {(1, str(office.admin))}
    assert SECRET not in caplog.text


async def test_dropping_removes_and_sends_nothing(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """204, then 404; the log says who did it."""
    caplog.set_level(logging.INFO)
    await office.plant(1)
    assert (await office.ask("DELETE", f"{LETTERS}/1")).status == 204
    assert (await office.ask("DELETE", f"{LETTERS}/1")).status == 404
    assert (await office.jobs(), (await office.ask("GET", LETTERS)).json["items"]) == (0, [])
    [line] = [r for r in caplog.records if getattr(r, "action", "") == "dead_letter_dropped"]
    assert (vars(line)["sequence"], vars(line)["by"]) == (1, str(office.admin))


async def test_letters_that_cannot_be(office: Office) -> None:
    """A number that never was, or is none, is 404 for every verb."""
    for sequence in ("7", "0", "-1", "x", "1.5", str(2**64)):
        assert (await office.ask("GET", f"{LETTERS}/{sequence}")).status == 404, sequence
        assert (await office.ask("POST", f"{LETTERS}/{sequence}/replay")).status == 404, sequence
        assert (await office.ask("DELETE", f"{LETTERS}/{sequence}")).status == 404, sequence


async def test_what_nobody_takes_any_more_is_not_replayed(office: Office) -> None:
    """A letter of a queue that is no more is 409 and stays."""
    await office.plant(1, "jobs.covers.gone")
    assert (await office.ask("POST", f"{LETTERS}/1/replay")).status == 409
    assert len((await office.ask("GET", LETTERS)).json["items"]) == 1


async def test_any_task_is_shown_with_its_log_and_without_its_prompt(office: Office) -> None:
    """Each transition with who, when, attempt and error; of the input only the names of its fields."""
    user = uuid.uuid4()
    task = await office.task(user)
    shown = await office.ask("GET", f"/v1/admin/tasks/{task.task_id}")
    assert shown.status == 200
    assert SECRET.encode() not in shown.body
    facts = msgspec.json.decode(shown.body, type=operations.TaskInspection)
    assert (facts.task_id, facts.user_id, facts.status) == (task.task_id, user, "queued")
    assert facts.input_fields == ("prompt", "title")
    assert facts.request_id
    assert [line.seq for line in facts.log] == list(range(1, len(facts.log) + 1))
    assert facts.log[0].event == "created"
    assert all(line.by for line in facts.log)
    assert set(shown.json["log"][0]) >= {"seq", "at", "by", "event", "step", "attempt", "error", "detail", "next_step"}
    for bad in (uuid.uuid4(), "x"):
        assert (await office.ask("GET", f"/v1/admin/tasks/{bad}")).status == 404


async def test_tasks_of_all_users_by_pages(office: Office) -> None:
    """Newest first, each once; by user and by status; never what was asked for."""
    users = [uuid.uuid4() for _ in range(5)]
    made = [(await office.task(user)).task_id for user in users]
    found, path = [], "/v1/admin/tasks?limit=2"
    for _ in range(3):
        page = await office.ask("GET", path)
        assert SECRET.encode() not in page.body
        found += page.json["items"]
        path = f"/v1/admin/tasks?limit=2&cursor={page.json['next_cursor']}"
    assert page.json["next_cursor"] is None
    assert {row["task_id"] for row in found} == {str(task_id) for task_id in made}
    assert [row["created_at"] for row in found] == sorted((row["created_at"] for row in found), reverse=True)
    own = (await office.ask("GET", f"/v1/admin/tasks?user_id={users[3]}")).json["items"]
    assert [row["task_id"] for row in own] == [str(made[3])]
    assert len((await office.ask("GET", "/v1/admin/tasks?status=queued")).json["items"]) == 5
    assert (await office.ask("GET", "/v1/admin/tasks?status=failed")).json["items"] == []
    for bad in ("status=lost", "user_id=me", "cursor=xx"):
        assert (await office.ask("GET", f"/v1/admin/tasks?{bad}")).status == 422, bad


async def test_a_tool_with_the_role_may_do_it(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """On NATS the role is a header; the log names the instance that asked."""
    caplog.set_level(logging.INFO)
    await office.plant(1)
    context = msgspec.structs.replace(Context.new(), roles=("admin",))
    assert await office.bus.request(operations.DROP_DEAD, operations.DropDead(sequence=1), context) == Done()
    assert "dropped by" in caplog.text
