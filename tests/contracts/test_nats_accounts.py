"""Every (user, subject) pair is tried on a real server: what a contract names is open, all else is closed."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from adapters.nats.connection import Connection, Profile, connected
from contracts.registry import CONTRACTS, ENDPOINTS, EVENTS, NODES, QUEUES
from contracts.wire import Endpoint, WorkQueue
from ops.credentials import seed_file, write_nats_config
from ops.paths import Home
from ops.servers.nats import NatsServer
from ops.settings import read_settings
from tests.support.servers import running

DENIED = re.compile(r'violation for (publish|subscription) to "([^"]+)"', re.IGNORECASE)
CLOSED_API = (
    "$JS.API.STREAM.CREATE.X",
    "$JS.API.STREAM.DELETE.JOBS",
    "$JS.API.STREAM.PURGE.JOBS",
    "$JS.API.STREAM.PURGE.DELAYED",
    "$JS.API.STREAM.UPDATE.EVENTS",
    "$JS.API.CONSUMER.DELETE.JOBS.covers-paint",
    "$JS.API.CONSUMER.DURABLE.CREATE.JOBS.other",
    "$SYS.REQ.SERVER.PING",
    "$KV.faults.redis-down",
)
READS_FAULTS = "$JS.API.DIRECT.GET.KV_faults"
DEAD_API = tuple(f"$JS.API.STREAM.{call}.DEAD" for call in ("INFO", "MSG.GET", "MSG.DELETE"))
COUNTING_API = tuple(
    f"$JS.API.CONSUMER.LIST.{stream}" for stream in ("JOBS", "DELAYED", "EVENTS", "DEAD", "ADVISORIES")
)
WIDE = (">", "jobs.>", "svc.>", "dead.>", "_INBOX_other.>")


class Server:
    """A server with the product's accounts."""

    def __init__(self, home: Home, url: str):
        self.home = home
        self.url = url

    def profile(self, user: str) -> Profile:
        """How that user connects."""
        return Profile(servers=(self.url,), name=user, seed=seed_file(self.home, user))


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A fresh server with keys of its own."""
    settings = read_settings({"COVERGEN_HOME": str(tmp_path)}, tmp_path / "none")
    program = NatsServer(Home(settings.home), write_nats_config(settings))
    async with running(program):
        yield Server(Home(settings.home), program.url)


def lanes(queue: WorkQueue[Any]) -> list[tuple[str, str, str]]:
    """Stream, consumer and subject of each lane, or of the queue that has none."""
    names = [f"-{lane.name}" for lane in queue.lanes] or [""]
    return [(queue.stream, queue.durable + name, queue.subject + name.replace("-", ".")) for name in names]


def ways(endpoint: Endpoint[Any, Any], bucket: str = "3.7") -> set[str]:
    """Its subject, and of a node with a canary those of a bucket of users and of both versions."""
    return {endpoint.subject} if endpoint.node != "covers" else {endpoint.subject, *spread(endpoint, bucket)}


def spread(endpoint: Endpoint[Any, Any], bucket: str = "3.7") -> set[str]:
    """The subjects beside its own, if its node has a canary, or (two of them are enough to try) as if it had."""
    _, node, word = endpoint.subject.split(".")
    if node not in ("covers", "safety", "users"):
        return set()
    return {f"{endpoint.subject}.{bucket}", f"svc.{node}.v1.{word}", f"svc.{node}.v2.{word}"}


def may_publish(user: str) -> set[str]:
    """What the contracts let this user send, read from the contracts themselves."""
    if user == "tools":
        return {subject for e in ENDPOINTS for subject in (e.subject, *spread(e))} | {
            "$JS.API.STREAM.INFO.DEAD",
            *COUNTING_API,
            "$SRV.STATS",
        }
    open_ = {subject for e in ENDPOINTS if user in e.callers for subject in ways(e)}
    open_ |= {f"_INBOX_{caller}.{user}.abc.1" for e in ENDPOINTS if e.node == user for caller in e.callers}
    open_ |= {subject for q in QUEUES if user in q.producers for subject in q.subjects}
    open_ |= {e.subject for e in EVENTS if e.subject.startswith(f"events.{user}.")}
    own = [lane for q in QUEUES if q.subject.startswith(f"jobs.{user}.") for lane in lanes(q)]
    own += [(e.stream, e.durable(user), e.subject) for e in EVENTS if user in e.listeners]
    for stream, durable, subject in own:
        open_ |= {f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", f"$JS.ACK.{stream}.{durable}.1.2.3.4.5"}
        open_.add(f"dead.{subject}")
    open_ |= {f"dead.{q.subject}" for q in QUEUES if q.subject.startswith(f"jobs.{user}.")}
    if user == "tasks":
        open_ |= {f"dead.{each.subject}" for each in CONTRACTS if not isinstance(each, Endpoint)}
        open_ |= {f"dead.{subject}" for q in QUEUES for subject in q.subjects}
        open_ |= {"sched.tasks.start.x", "$JS.API.STREAM.PURGE.DELAYED"}
        open_ |= {*DEAD_API, *COUNTING_API}  # it serves the dead letters and sends the originals again
        open_ |= {subject for q in QUEUES for subject in (q.subject, *q.subjects)} | {e.subject for e in EVENTS}
    open_.add(READS_FAULTS)
    if user == "edge":
        open_.add("$SRV.STATS")
    if user in ("covers", "edits", "exports", "safety", "edge"):  # safety copies what waits for a person; edge: uploads
        open_.add("$O.art.C.x")
    return open_


def may_subscribe(user: str) -> set[str]:
    """What the contracts let this user hear."""
    if user == "tools":
        return {e.subject for e in EVENTS}
    heard = {"$KV.faults.>", *(e.subject for e in EVENTS if user in e.watchers)}
    if user in NODES:
        heard |= {
            subject for e in ENDPOINTS if e.subject.startswith(f"svc.{user}.") for subject in ways(e, bucket="*.*")
        }
    return heard


def universe() -> set[str]:
    """Every subject that anybody sends on."""
    subjects = {each.subject for each in CONTRACTS}
    subjects |= {subject for e in ENDPOINTS for subject in (*ways(e), *spread(e))}
    subjects |= {subject for q in QUEUES for _, _, subject in lanes(q)}
    subjects |= {f"dead.{subject}" for subject in subjects if not subject.startswith("svc.")}
    consumers = [(stream, durable) for q in QUEUES for stream, durable, _ in lanes(q)]
    consumers += [(e.stream, e.durable(listener)) for e in EVENTS for listener in e.listeners]
    for stream, durable in consumers:
        subjects |= {f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", f"$JS.ACK.{stream}.{durable}.1.2.3.4.5"}
    inboxes = {f"_INBOX_{user}.abc" for user in (*NODES, "edge", "tools")}
    inboxes |= {f"_INBOX_{user}.{node}.abc.1" for user in ("users", "edge", "tools") for node in NODES}
    operators = {*DEAD_API, *COUNTING_API, "$SRV.STATS", READS_FAULTS}
    return (
        subjects | inboxes | operators | set(CLOSED_API) | {"$O.art.C.x", "sched.tasks.start.x", "sched.covers.paint.x"}
    )


@pytest.mark.parametrize("user", [*NODES, "edge", "tools"])
async def test_exactly_the_allowed_subjects_are_open(server: Server, user: str) -> None:
    """The server refuses every subject but those of the user's contracts, for publishing and for subscribing."""
    publishes = universe()
    hears = {each.subject for each in CONTRACTS} | {
        *(subject for e in ENDPOINTS for subject in (*ways(e, bucket="*.*"), *spread(e, bucket="*.*"))),
        ">",
        "jobs.>",
        "svc.>",
        "dead.>",
        "_INBOX_other.>",
        "$KV.faults.>",
    }
    async with connected(server.profile(user)) as connection:
        for subject in sorted(publishes):
            await connection.client.publish(subject, b"{}")
        for subject in sorted(hears):
            group = user if subject.startswith(f"svc.{user}.") else ""
            await connection.client.subscribe(subject, queue=group, cb=_nothing)
        denied = await denials(connection)

    assert {s for s in publishes if ("publish", s.lower()) not in denied} == may_publish(user) & publishes
    assert {s for s in hears if ("subscription", s.lower()) not in denied} == may_subscribe(user)


async def _nothing(_message: object) -> None:
    """Hear and forget."""


async def denials(connection: Connection) -> set[tuple[str, str]]:
    """What the server refused, in lower case as nats-py tells it."""
    await connection.settled()
    return {(m[1].lower(), m[2].lower()) for text in connection.denied if (m := DENIED.search(text))}


async def test_a_queue_group_cannot_be_left(server: Server) -> None:
    """A node may serve its subjects only in its own queue group: nobody can listen in on the requests."""
    async with connected(server.profile("auth")) as connection:
        await connection.client.subscribe("svc.auth.login", queue="spy", cb=_nothing)
        await connection.client.subscribe("svc.auth.login", cb=_nothing)
        await connection.settled()

        assert len(connection.denied) == 2


async def test_replies_are_limited_to_one(server: Server) -> None:
    """`allow_responses`: a node answers a request once, and nobody it was not asked by."""
    async with connected(server.profile("edge")) as edge, connected(server.profile("auth")) as auth:
        heard: list[bytes] = []

        async def note(message: Msg) -> None:
            heard.append(message.data)

        async def thrice(message: Msg) -> None:
            for _ in range(3):
                await auth.client.publish(message.reply, b"{}")

        inbox = edge.client.new_inbox()
        await edge.client.subscribe(inbox, cb=note)
        await auth.client.subscribe("svc.auth.jwks", queue="auth", cb=thrice)
        await auth.settled()
        await edge.client.publish("svc.auth.jwks", b"{}", reply=inbox)
        await asyncio.sleep(0.3)

    assert len(heard) == 1


async def test_strangers_stay_outside(server: Server) -> None:
    """Without a key there is no connection."""
    with pytest.raises((NatsError, TimeoutError)):
        async with connected(Profile(servers=(server.url,), name="edge", connect_timeout=1)):
            pass
