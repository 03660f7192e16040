"""Webhooks through the whole system: a picture is there sooner with them, and all the same without."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from adapters.images.replicate import FIRST_WAIT_TOLD
from tests.support.api import Api, signed_up
from tests.support.fake_images import KEY, art, served
from tests.support.fake_replicate import SECRET, FakeReplicate, signed
from tests.support.faulty_world import FaultyWorld, a_faulty_world
from tests.support.promises import accepted, settled

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]
TAKES = 0.8
"""Seconds of a prediction."""


@dataclass
class Told:
    """The system and its provider."""

    world: FaultyWorld
    replicate: FakeReplicate


def free_port() -> int:
    """One that nobody listens on now: a public address must be known before the edge listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, mongo_url: str, redis_url: str
) -> AsyncIterator[Told]:
    """One system for all tests, which the provider can reach."""
    fake, port = FakeReplicate(draw=art), free_port()
    fake.seconds = TAKES
    given = {
        "COVERGEN_HTTP_PORT": str(port),
        "COVERGEN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "COVERGEN_IMAGES": "replicate",
        "COVERGEN_REPLICATE_TOKEN": KEY,
        "COVERGEN_REPLICATE_WEBHOOK_SECRET": SECRET,
    }
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(served(fake))
        given["COVERGEN_REPLICATE_URL"] = fake.url
        folder = tmp_path_factory.mktemp("webhooks")
        world = await stack.enter_async_context(a_faulty_world(folder, postgres_url, mongo_url, redis_url, **given))
        yield Told(world, fake)


@pytest_asyncio.fixture(loop_scope="module")
async def api(told: Told) -> AsyncIterator[Api]:
    """A new user, and a provider that tells of each picture once."""
    told.replicate.told = 1
    told.replicate.asked.clear()
    async with signed_up(told.world.base) as signed_in:
        yield signed_in


def looks(replicate: FakeReplicate) -> int:
    """How often a prediction was asked for."""
    return sum(each.startswith("GET /v1/predictions/") for each in replicate.asked)


async def begun(api: Api, replicate: FakeReplicate) -> str:
    """The task of an order that the provider is at."""
    before = len(replicate.orders)
    task_id = await accepted(api)
    async with asyncio.timeout(10):
        while len(replicate.orders) == before:
            await asyncio.sleep(0.01)
    return task_id


async def looked_after(api: Api, replicate: FakeReplicate) -> float:
    """Seconds from an order's arrival at the provider to the question that found its picture."""
    task_id = await begun(api, replicate)
    at = time.monotonic()
    async with asyncio.timeout(20):
        while not looks(replicate):
            await asyncio.sleep(0.01)
    after = time.monotonic() - at
    assert await settled(api, task_id) == {"succeeded": 1}
    return after


async def test_a_picture_is_fetched_when_it_is_told_of(api: Api, told: Told) -> None:
    """One look, as soon as the webhook has come, which is long before the first question."""
    after = await looked_after(api, told.replicate)

    assert TAKES <= after < FIRST_WAIT_TOLD - 1
    assert (looks(told.replicate), told.replicate.answers) == (1, [204])


async def test_a_doubled_webhook_is_harmless(api: Api, told: Told) -> None:
    """Four times the same: each is answered, one cover is made, one is counted."""
    told.replicate.told = 4
    await looked_after(api, told.replicate)

    assert (looks(told.replicate), told.replicate.answers) == (1, [204] * 4)


async def test_a_lost_webhook_costs_only_time(api: Api, told: Told) -> None:
    """The question that is asked all the same finds the picture."""
    told.replicate.told = 0
    after = await looked_after(api, told.replicate)

    assert FIRST_WAIT_TOLD - 0.5 <= after < FIRST_WAIT_TOLD + 5
    assert looks(told.replicate) == 1


async def test_forged_and_strange_webhooks_wake_nobody(api: Api, told: Told) -> None:
    """With another key 403; of a prediction that nobody waits for 204; the picture comes as it would have."""
    replicate = told.replicate
    task_id = await begun(api, replicate)
    own, strange = (json.dumps({"id": name}).encode() for name in (replicate.id, "zzz999"))
    forged = await replicate.tell(own, signed(own, secret="whsec_b3RoZXIga2V5IG9mIHNvbWVib2R5"))
    unknown = await replicate.tell(strange, signed(strange))
    await asyncio.sleep(0.2)

    assert (forged, unknown, looks(replicate)) == (403, 204, 0)
    assert await settled(api, task_id) == {"succeeded": 1}
    assert looks(replicate) == 1
