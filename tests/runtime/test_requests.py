"""Request-reply on a real server: what a caller sees, and what it never sees."""

import asyncio
import time
import uuid

import msgspec
import pytest

from adapters.nats.connection import Profile, connected
from contracts import covers, users
from contracts.errors import (
    DeadlineExceeded,
    FieldError,
    Internal,
    Invalid,
    Malformed,
    OverQuota,
    TooLarge,
    Unavailable,
)
from contracts.wire import Context
from nodes.bindings import serve
from nodes.runtime import Fenced, Node
from tests.support.buses import SmallService, a_bus, a_node


def quota(used: int = 0) -> users.Quota:
    """A quota to answer with."""
    return msgspec.convert(
        {"used": used, "reserved": 0, "limit": 10, "tier": "free", "resets_at": "2026-12-01T00:00:00Z"}, users.Quota
    )


async def test_a_request_is_answered_with_its_context(nats_url: str) -> None:
    """The handler gets message and context, the caller gets the typed reply."""
    seen: list[Context] = []

    async def handler(_message: users.GetQuota, context: Context) -> users.Quota:
        seen.append(context)
        return quota(3)

    async with a_node(nats_url, SmallService("users", serve(users.QUOTA, handler))), a_bus(nats_url) as bus:
        user = uuid.uuid4()
        context = Context(request_id="r1", user_id=user, tier="pro", roles=("admin",), traceparent="00-ab-cd-01")
        reply = await bus.request(users.QUOTA, users.GetQuota(), context)

    assert reply.used == 3
    assert (seen[0].request_id, seen[0].user_id, seen[0].tier) == ("r1", user, "pro")
    assert (seen[0].roles, seen[0].traceparent) == (("admin",), "00-ab-cd-01")
    assert 0 < (seen[0].remaining() or 0) <= users.QUOTA.timeout


async def test_requests_run_side_by_side(nats_url: str) -> None:
    """Twenty requests of 0.2 s take far less than four seconds."""

    async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
        await asyncio.sleep(0.2)
        return quota()

    async with a_node(nats_url, SmallService("users", serve(users.QUOTA, handler))), a_bus(nats_url) as bus:
        began = time.monotonic()
        await asyncio.gather(*(bus.request(users.QUOTA, users.GetQuota(), Context.new()) for _ in range(20)))

        assert time.monotonic() - began < 1.5


async def test_an_error_crosses_as_the_same_class(nats_url: str) -> None:
    """Class, sentence, fields and retry hint arrive as they were raised."""

    async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
        raise Invalid("Bad name.", errors=(FieldError(field="name", detail="too short"),), retry_after=2)

    async def over(_message: users.ReserveQuota, _context: Context) -> users.Quota:
        raise OverQuota("10 of 10 used.")

    service = SmallService("users", serve(users.QUOTA, handler), serve(users.RESERVE_QUOTA, over))
    async with a_node(nats_url, service), a_bus(nats_url) as bus:
        with pytest.raises(Invalid) as invalid:
            await bus.request(users.QUOTA, users.GetQuota(), Context.new())
        with pytest.raises(OverQuota, match="10 of 10"):
            await bus.request(users.RESERVE_QUOTA, users.ReserveQuota(task_id=uuid.uuid4()), Context.new())

    assert invalid.value.errors == (FieldError(field="name", detail="too short"),)
    assert invalid.value.retry_after == 2


async def test_the_text_of_an_unexpected_exception_stays_inside(nats_url: str) -> None:
    """A stray exception is answered as internal; nothing of its text is in body or headers."""

    async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
        raise RuntimeError("postgres://user:secret@db")

    async with a_node(nats_url, SmallService("users", serve(users.QUOTA, handler))), a_bus(nats_url) as bus:
        with pytest.raises(Internal):
            await bus.request(users.QUOTA, users.GetQuota(), Context.new())
        raw = await bus.connection.client.request("svc.users.quota", b"{}", timeout=2)

    assert b"secret" not in raw.data
    assert "secret" not in str(raw.headers)
    assert raw.headers is not None
    assert int(raw.headers["Nats-Service-Error-Code"]) == 500


async def test_bad_bytes_are_malformed(nats_url: str) -> None:
    """A body that is not JSON or nested without end, has a wrong type, or comes with a bad header, is refused."""

    async def handler(_message: users.ReserveQuota, _context: Context) -> users.Quota:
        return quota()

    async with a_node(nats_url, SmallService("users", serve(users.RESERVE_QUOTA, handler))), a_bus(nats_url) as bus:
        for payload in (b"{", b"\xff", b'{"a":' * 5000 + b"1" + b"}" * 5000):
            with pytest.raises(Malformed):
                await bus.request_raw("svc.users.reserve_quota", payload, Context.new(), 2)
        with pytest.raises(Invalid, match="task_id"):
            await bus.request_raw("svc.users.reserve_quota", b'{"task_id": 7}', Context.new(), 2)
        raw = await bus.connection.client.request(
            "svc.users.reserve_quota", b"{}", timeout=2, headers={"user-id": "not-a-uuid"}
        )

    assert b'"malformed"' in raw.data


async def test_nobody_there_is_unavailable_at_once(nats_url: str) -> None:
    """Without an instance the caller knows it in milliseconds, not at its timeout."""
    async with a_bus(nats_url) as bus:
        began = time.monotonic()
        with pytest.raises(Unavailable) as unavailable:
            await bus.request(users.QUOTA, users.GetQuota(), Context.new())

    assert not isinstance(unavailable.value, DeadlineExceeded)
    assert time.monotonic() - began < 0.5


async def test_a_deadline_stops_caller_and_handler(nats_url: str) -> None:
    """The caller gets 504 at its deadline, and the handler is stopped too."""
    stopped = asyncio.Event()

    async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            stopped.set()
            raise
        return quota()

    async with a_node(nats_url, SmallService("users", serve(users.QUOTA, handler))), a_bus(nats_url) as bus:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await bus.request(users.QUOTA, users.GetQuota(), Context.new(timeout=0.3))
        await asyncio.wait_for(stopped.wait(), 1)

        assert 0.25 < time.monotonic() - began < 1
        with pytest.raises(DeadlineExceeded):
            await bus.request(users.QUOTA, users.GetQuota(), Context.new(timeout=-1))


async def test_stopping_answers_what_was_taken(nats_url: str) -> None:
    """Requests in flight when a node stops are answered; later ones find nobody."""
    entered = asyncio.Semaphore(0)

    async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
        entered.release()
        await asyncio.sleep(0.3)
        return quota()

    async with a_bus(nats_url) as bus:
        async with a_node(nats_url, SmallService("users", serve(users.QUOTA, handler))):
            calls = [asyncio.create_task(bus.request(users.QUOTA, users.GetQuota(), Context.new())) for _ in range(10)]
            for _ in range(10):
                await entered.acquire()
        replies = await asyncio.gather(*calls)
        with pytest.raises(Unavailable):
            await bus.request(users.QUOTA, users.GetQuota(), Context.new())

    assert len(replies) == 10


async def test_two_instances_share_the_requests(nats_url: str) -> None:
    """Each request is answered by exactly one instance of the queue group."""
    answered = [0, 0]

    def instance(number: int) -> SmallService:
        async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
            answered[number] += 1
            return quota()

        return SmallService("users", serve(users.QUOTA, handler))

    async with a_node(nats_url, instance(0)), a_node(nats_url, instance(1)), a_bus(nats_url) as bus:
        await asyncio.gather(*(bus.request(users.QUOTA, users.GetQuota(), Context.new()) for _ in range(100)))

    assert sum(answered) == 100
    assert min(answered) > 0


async def test_the_service_verbs_answer(nats_url: str) -> None:
    """PING, INFO and STATS follow ADR-32: names, subjects, counts and error codes."""

    async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
        raise OverQuota()

    async with a_node(nats_url, SmallService("users", serve(users.QUOTA, handler)), "1.2.3"), a_bus(nats_url) as bus:
        for _ in range(3):
            with pytest.raises(OverQuota):
                await bus.request(users.QUOTA, users.GetQuota(), Context.new())
        answers = {
            verb: msgspec.json.decode((await bus.connection.client.request(f"$SRV.{verb}.users", timeout=2)).data)
            for verb in ("PING", "INFO", "STATS")
        }

    assert answers["PING"]["type"] == "io.nats.micro.v1.ping_response"
    assert answers["INFO"]["endpoints"][0]["subject"] == "svc.users.quota"
    assert answers["INFO"]["version"] == "1.2.3"
    stats = answers["STATS"]["endpoints"][0]
    assert (stats["num_requests"], stats["num_errors"], stats["last_error"]) == (3, 3, "over_quota")
    assert stats["average_processing_time"] > 0


async def test_an_older_version_refuses_to_start(nats_url: str) -> None:
    """While a newer version serves, an older instance is fenced off within two seconds; the same version may join."""

    async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
        return quota()

    service = SmallService("users", serve(users.QUOTA, handler))
    async with a_node(nats_url, service, "1.10.0"):
        began = time.monotonic()
        with pytest.raises(Fenced, match=r"1\.10\.0"):
            async with a_node(nats_url, service, "1.9.9"):
                pass
        assert time.monotonic() - began < 2
        async with a_node(nats_url, service, "1.10.0"):
            pass


async def test_a_large_message_is_refused_by_the_caller(nats_url: str) -> None:
    """Bytes do not belong into messages: above the server's limit the caller is told."""
    async with a_bus(nats_url) as bus:
        with pytest.raises(Exception, match="larger"):
            await bus.request_raw(covers.GENERATE.subject, b"x" * 2_000_000, Context.new(), 2)


async def test_a_node_needs_its_subscriptions(nats_url: str) -> None:
    """A node whose bus is gone does not start."""
    async with connected(Profile(servers=(nats_url,), name="users")) as connection:
        from adapters.nats.bus import Bus

        bus = Bus(connection)
        await bus.open()
        connection.denied.append('Permissions Violation for Subscription to "svc.users.quota"')
        with pytest.raises(PermissionError, match="users"):
            await Node(bus, SmallService("users"), "1.0.0").start()


class Careful(SmallService):
    """A service that calls a target through a breaker."""

    def breakers(self) -> dict[str, dict[str, str]]:
        """Its one breaker."""
        return {"ai": {"state": "open"}}


@pytest.mark.parametrize(("kind", "data"), [(Careful, {"breakers": {"ai": {"state": "open"}}}), (SmallService, {})])
async def test_states_of_breakers_are_in_the_statistics(
    nats_url: str, kind: type[SmallService], data: dict[str, object]
) -> None:
    """`$SRV.STATS` carries the breakers of a service that has some."""
    async with a_bus(nats_url) as bus, a_node(nats_url, kind("covers")):
        [reply] = await bus.gather("$SRV.STATS.covers", b"", quiet=0.2, most=1)

    assert msgspec.json.decode(reply)["data"] == data


async def test_the_headers_count_too(nats_url: str) -> None:
    """At every size around the limit a caller is answered or told; above it the server would cut the link."""

    async def handler(_message: users.GetQuota, _context: Context) -> users.Quota:
        return quota()

    async with a_node(nats_url, SmallService("users", serve(users.QUOTA, handler))), a_bus(nats_url) as bus:
        most = bus.connection.client.max_payload
        refused = 0
        for less in (600, 300, 200, 150, 100, 60, 30, 10, 0):
            body = b'{"pad":"' + b"x" * (most - less - 10) + b'"}'
            try:
                await bus.request_raw(users.QUOTA.subject, body, Context.new(user_id=uuid.uuid4()), 5)
            except TooLarge:
                refused += 1
        assert 0 < refused < 9
        assert (await bus.request(users.QUOTA, users.GetQuota(), Context.new())).limit == 10
        assert bus.connection.reconnects == 0


async def test_an_answer_that_is_too_large_is_told(nats_url: str) -> None:
    """The caller learns to ask for less instead of waiting for its deadline."""

    async def handler(_message: users.GetUser, _context: Context) -> users.User:
        stamp = "2026-01-01T00:00:00Z"
        long = "x" * 2_000_000
        fields = {"id": str(uuid.uuid4()), "email": long, "username": "a", "full_name": None, "avatar_url": None}
        return msgspec.convert(
            fields | {"subscription_tier": "free", "created_at": stamp, "updated_at": stamp}, users.User
        )

    async with a_node(nats_url, SmallService("users", serve(users.GET, handler))), a_bus(nats_url) as bus:
        began = time.monotonic()
        with pytest.raises(TooLarge):
            await bus.request(users.GET, users.GetUser(), Context.new())
        assert time.monotonic() - began < 2
