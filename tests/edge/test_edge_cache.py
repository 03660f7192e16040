"""Answers that the edge keeps: their age, who renews them, what stands in for errors, what empties them."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from adapters.redis import Redis, opened_redis
from contracts import templates, token_keys
from contracts.errors import Invalid, Unavailable
from contracts.templates import TemplateChanged
from contracts.token_keys import KeysChanged
from edge import app as edge_app
from edge.kept import ResponseCache
from edge.routes import HOUR, ROUTES, STYLES
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import NOW, World, the_nodes
from tests.edge.test_edge_problems import assert_problem
from tests.support.buses import a_bus

PATH = "/v1/templates/categories"
STALE, ERRORS = STYLES.max_age + STYLES.stale, STYLES.max_age + STYLES.stale_if_error


@dataclass
class Clock:
    """Unix time as the caches see it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Pair:
    """Two edges that share a Valkey and a clock."""

    one: Edge
    two: Edge
    clock: Clock
    world: World

    @property
    def asked(self) -> int:
        """How often was the node asked?"""
        return self.world.count(templates.CATEGORIES)

    async def both(self) -> list[Reply]:
        """The same question to each."""
        return [await edge.ask("GET", PATH, signed=False) for edge in (self.one, self.two)]

    async def asked_at_least(self, number: int) -> None:
        """Return when the node has been asked so often."""
        async with asyncio.timeout(5):
            while self.asked < number:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def a_pair(nats_url: str, redis: Redis, world: World, patch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    """Two edges whose caches have a clock of the test's."""
    clock = Clock()
    patch.setattr(edge_app, "ResponseCache", lambda redis: ResponseCache(redis, clock=clock))
    async with (
        the_nodes(nats_url, world, ("auth", "templates")),
        an_edge(nats_url, redis, world) as one,
        an_edge(nats_url, redis, world) as two,
    ):
        yield Pair(one, two, clock, world)


@pytest_asyncio.fixture
async def pair(nats_url: str, redis: Redis, world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    """Two edges."""
    async with a_pair(nats_url, redis, world, monkeypatch) as pair:
        yield pair


def status_of(reply: Reply) -> str:
    """What Cache-Status says of us."""
    return reply.headers["Cache-Status"].removeprefix("covergen; ")


async def test_an_answer_tells_its_age(pair: Pair) -> None:
    """Stored, then given with Age and what is left of its hour; the rule is in Cache-Control."""
    first, _ = await pair.both()
    assert first.headers["Cache-Control"] == "public, max-age=3600, stale-while-revalidate=600, stale-if-error=86400"
    assert (status_of(first), first.headers.get("Age")) == ("fwd=uri-miss; fwd-status=200; stored", None)
    pair.clock.now += 90
    again, _ = await pair.both()
    assert (status_of(again), again.headers["Age"], again.body) == ("hit; ttl=3510", "90", first.body)
    assert pair.asked == 2


async def test_one_of_all_edges_renews(pair: Pair) -> None:
    """Past its hour the answer is given at once while one edge asks the node, however many ask both edges; the other
    edge takes what that one was given."""
    await pair.both()
    pair.clock.now += HOUR + 5
    pair.world.slow[templates.CATEGORIES.subject] = 0.4
    replies = await asyncio.gather(*(pair.both() for _ in range(20)))
    assert {status_of(reply) for both in replies for reply in both} == {"hit; ttl=-5"}
    await pair.asked_at_least(3)
    pair.clock.now += 1.5
    await asyncio.sleep(0.5)
    await pair.both()
    await asyncio.sleep(0.2)
    assert [status_of(reply) for reply in await pair.both()] == ["hit; ttl=3598", "hit; ttl=3598"]
    assert pair.asked == 3


async def test_errors_of_the_node_are_covered_for_a_day(pair: Pair) -> None:
    """Past the time for being old the node is asked first; its error is not seen by clients until a day is over."""
    await pair.both()
    pair.clock.now += STALE + 1
    pair.world.failing[templates.CATEGORIES.subject] = Unavailable("away")
    covered, _ = await pair.both()
    assert (covered.status, status_of(covered)) == (200, "fwd=stale; fwd-status=503")
    assert covered.headers["Age"] == str(STALE + 1)
    pair.world.failing[templates.CATEGORIES.subject] = Invalid("no")
    assert (await pair.both())[0].status == 422
    pair.clock.now += ERRORS
    pair.world.failing[templates.CATEGORIES.subject] = Unavailable("away")
    late, _ = await pair.both()
    assert_problem(late, 503, "unavailable")
    assert "Cache-Status" not in late.headers


async def test_a_renewal_that_fails_is_tried_again(pair: Pair) -> None:
    """While it fails the old answer is given; the next try comes when the lock has ended."""
    await pair.both()
    pair.clock.now += HOUR + 1
    pair.world.failing[templates.CATEGORIES.subject] = Unavailable("away")
    assert [reply.status for reply in await pair.both()] == [200, 200]
    await pair.asked_at_least(3)
    pair.clock.now += 1.5
    assert [reply.status for reply in await pair.both()] == [200, 200]
    await asyncio.sleep(0.2)
    assert pair.asked == 3


async def test_the_same_question_is_asked_once(pair: Pair) -> None:
    """Thirty clients ask for what is not kept: one question to the node; one that goes away does not end it."""
    pair.world.slow[templates.CATEGORIES.subject] = 1.0
    first = asyncio.create_task(pair.one.ask("GET", PATH, signed=False))
    await pair.asked_at_least(1)
    others = [asyncio.create_task(pair.one.ask("GET", PATH, signed=False)) for _ in range(30)]
    await asyncio.sleep(0.05)
    first.cancel()
    replies = await asyncio.gather(*others)
    assert {status_of(reply) for reply in replies} == {"fwd=uri-miss; fwd-status=200; stored; collapsed"}
    assert pair.asked == 1


async def test_a_change_by_anybody_empties_every_edge(pair: Pair, nats_url: str) -> None:
    """The node's event, whoever asked for the change, and without Redis' help: nothing old is given any more, also when
    the node is away then."""
    await pair.both()
    async with a_bus(nats_url, "templates", streams=True) as bus:
        event = TemplateChanged(template_id=uuid.uuid4(), revision=1)
        await bus.publish(templates.CHANGED, event, message_id=uuid.uuid4().hex)
    await asyncio.sleep(0.2)
    pair.world.failing[templates.CATEGORIES.subject] = Unavailable("away")
    assert [reply.status for reply in await pair.both()] == [503, 503]
    pair.world.failing.clear()
    assert [status_of(reply) for reply in await pair.both()] == ["fwd=uri-miss; fwd-status=200; stored"] * 2


async def test_new_keys_are_published_at_once(pair: Pair, nats_url: str) -> None:
    """What is kept of the published keys goes when the auth node says that they have changed."""
    path = next(route.path for route in ROUTES if route.cache is not None and route.cache.group == "keys")
    await pair.one.ask("GET", path, signed=False)
    assert status_of(await pair.one.ask("GET", path, signed=False)).startswith("hit; ttl=")
    async with a_bus(nats_url, "auth", streams=True) as bus:
        event = KeysChanged(dropped=(), at=NOW)
        await bus.publish(token_keys.KEYS_CHANGED, event, message_id=uuid.uuid4().hex)
    await asyncio.sleep(0.2)
    assert status_of(await pair.one.ask("GET", path, signed=False)).startswith("fwd=uri-miss")


async def test_without_redis_each_edge_renews_for_itself(
    nats_url: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis down: answers are kept and renewed all the same."""
    async with opened_redis("redis://127.0.0.1:1") as redis, a_pair(nats_url, redis, world, monkeypatch) as pair:
        await pair.both()
        pair.clock.now += HOUR + 5
        assert [status_of(reply) for reply in await pair.both()] == ["hit; ttl=-5"] * 2
        await pair.asked_at_least(4)
        assert [status_of(reply) for reply in await pair.both()] == ["hit; ttl=3600"] * 2


async def test_what_was_done_is_counted(pair: Pair) -> None:
    """Metrics by hit, stale, error and miss."""
    await pair.both()
    await pair.both()
    page = (await pair.one.ask("GET", "/metrics", signed=False)).body.decode()
    assert 'covergen_cached_answers_total{result="hit"} 1.0' in page
    assert 'covergen_cached_answers_total{result="miss"} 1.0' in page
