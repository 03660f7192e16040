"""The route by which Replicate tells us of pictures: who is believed, and what goes on to the node."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from adapters.redis import Redis
from adapters.webhooks import read_key
from contracts import pictures
from contracts.errors import Unavailable
from contracts.wire import Done
from edge.rates import Rates
from edge.webhooks import MAX_MESSAGE
from nodes.bindings import serve
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import World
from tests.support.buses import SmallService, a_node
from tests.support.fake_replicate import SECRET, signed

PATH = "/webhooks/images/replicate"
BODY = json.dumps({"id": "abc123", "status": "succeeded", "input": {"prompt": "a heron of Avalon"}}).encode()
OTHER = "whsec_b3RoZXIga2V5IG9mIHNvbWVib2R5"


class Ear:
    """Hears what the covers node is told."""

    def __init__(self) -> None:
        self.heard: list[pictures.TellPicture] = []
        self.failing = False

    async def tell(self, message: pictures.TellPicture, _context: Any) -> Done:
        """Note it."""
        if self.failing:
            raise Unavailable("Not now.", retry_after=1)
        self.heard.append(message)
        return Done()


@pytest.fixture
def ear() -> Ear:
    """Nothing was told yet."""
    return Ear()


@pytest_asyncio.fixture
async def told(nats_url: str, redis: Redis, world: World, ear: Ear) -> AsyncIterator[Edge]:
    """An edge that knows the key, and a covers node that only listens."""
    service = SmallService("covers", serve(pictures.TELL, ear.tell))
    rates = Rates().with_quotas({"webhook-address": 3})
    async with (
        a_node(nats_url, service),
        an_edge(nats_url, redis, world, webhook_key=read_key(SECRET), rates=rates) as edge,
    ):
        yield edge


async def sent(edge: Edge, body: bytes, headers: dict[str, str]) -> Reply:
    """As a stranger."""
    return await edge.ask("POST", PATH, signed=False, data=body, headers=headers)


async def test_only_the_name_of_the_prediction_goes_on(told: Edge, ear: Ear) -> None:
    """204; neither the user's words, which the webhook repeats, nor what came out; twice is told twice, as the same."""
    headers = signed(BODY, delivery="msg_1")
    answers = [await sent(told, BODY, headers) for _ in range(2)]

    assert [(answer.status, answer.body) for answer in answers] == [(204, b"")] * 2
    assert ear.heard == [pictures.TellPicture(prediction_id="abc123", delivery="msg_1")] * 2


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(BODY, secret=OTHER), BODY),
        (signed(BODY), BODY.replace(b"abc123", b"abc124")),
        ({**signed(BODY), "webhook-id": "msg_another"}, BODY),
        (signed(BODY, at=time.time() - 3600), BODY),
        (signed(BODY, at=time.time() + 3600), BODY),
        ({"Content-Type": "application/json"}, BODY),
    ],
)
async def test_who_has_not_the_key_is_refused(told: Edge, ear: Ear, headers: dict[str, str], body: bytes) -> None:
    """Another key, another body, another id, another time, no signature: 403, and nobody hears of it."""
    answer = await sent(told, body, headers)

    assert (answer.status, answer.json["code"], ear.heard) == (403, "forbidden", [])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert b"Avalon" not in answer.body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not JSON", 400),
        (b"\xff", 400),
        (b"[]", 422),
        (b'{"id": "../../account"}', 422),
        (b'{"id": 5}', 422),
        (b"{}", 422),
        (b'{"id": "abc", "logs": "' + b"x" * MAX_MESSAGE + b'"}', 413),
    ],
)
async def test_a_message_that_means_nothing_is_refused(told: Edge, ear: Ear, body: bytes, status: int) -> None:
    """Even with a good signature; too much is refused before it is looked at."""
    assert (await sent(told, body, signed(body))).status == status
    assert ear.heard == []


async def test_when_nobody_can_hear_it_the_provider_comes_again(told: Edge, ear: Ear) -> None:
    """503, upon which Replicate sends it once more."""
    ear.failing = True

    assert (await sent(told, BODY, signed(BODY))).status == 503


async def test_forgers_are_slowed_down_and_the_provider_is_not(told: Edge, ear: Ear) -> None:
    """What fails counts against its address; what is good does not."""
    assert [(await sent(told, BODY, signed(BODY))).status for _ in range(5)] == [204] * 5
    assert [(await sent(told, BODY, {})).status for _ in range(5)] == [403, 403, 403, 429, 429]


async def test_without_a_key_there_is_no_such_route(edge: Edge) -> None:
    """404, whoever comes."""
    answer = await sent(edge, BODY, signed(BODY))

    assert (answer.status, answer.json["code"]) == (404, "not_found")
