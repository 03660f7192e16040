"""A whole system with two image providers, one behind the other; each kind of error alone: `test_image_outcomes`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from adapters.images.errors import FOLLOWS
from tests.support import fake_openai, fake_stability
from tests.support.api import Api, signed_up
from tests.support.fake_images import KEY, art, served
from tests.support.fake_openai import FakeOpenAI
from tests.support.fake_stability import FakeStability
from tests.support.faulty_world import FaultyWorld, a_faulty_world
from tests.support.promises import accepted, settled

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]
FAILURES = 3
"""In a row, until a breaker opens."""


@dataclass
class Providers:
    """The system and the two, of which the first is preferred."""

    world: FaultyWorld
    openai: FakeOpenAI
    stability: FakeStability


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def providers(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, mongo_url: str, redis_url: str
) -> AsyncIterator[Providers]:
    """One system for all errors."""
    openai, stability = FakeOpenAI(draw=art), FakeStability(draw=art)
    async with contextlib.AsyncExitStack() as stack:
        for fake in (openai, stability):
            await stack.enter_async_context(served(fake))
        world = await stack.enter_async_context(
            a_faulty_world(
                tmp_path_factory.mktemp("providers"),
                postgres_url,
                mongo_url,
                redis_url,
                COVERGEN_IMAGES="openai,stability",
                COVERGEN_OPENAI_URL=f"{openai.url}/v1",
                COVERGEN_OPENAI_KEY=KEY,
                COVERGEN_OPENAI_PRICES="5,8,30",
                COVERGEN_STABILITY_URL=stability.url,
                COVERGEN_STABILITY_KEY=KEY,
                COVERGEN_BREAKER_FAILURES=str(FAILURES),
                COVERGEN_BREAKER_SECONDS="4",
            )
        )
        yield Providers(world, openai, stability)


@pytest_asyncio.fixture(loop_scope="module")
async def api(providers: Providers) -> AsyncIterator[Api]:
    """A new user; both providers are well, and their breakers closed."""
    for fake in (providers.openai, providers.stability):
        fake.wrong.clear()
    async with signed_up(providers.world.base) as signed:
        while await made_by(signed) != "openai":  # a breaker that an error opened closes after a second
            await asyncio.sleep(0.3)
    for fake in (providers.openai, providers.stability):
        fake.asked.clear()
    async with signed_up(providers.world.base) as signed:
        yield signed


async def made_by(api: Api) -> str:
    """The model that makes a cover now."""
    return str((await recipe_of(api, await api.ended(await accepted(api))))["model"])


async def recipe_of(api: Api, task: dict[str, Any]) -> dict[str, Any]:
    """Of the cover of a task that succeeded."""
    assert task["status"] == "succeeded", task
    recipe: dict[str, Any] = (await api.call("GET", f"/v1/covers/{task['cover_id']}")).body["recipe"]
    return recipe


async def test_the_recipe_says_who_painted_and_what_it_cost(api: Api) -> None:
    """Model, honest about seeds; the way to the ordered size; the cost by the tokens that the provider counted."""
    recipe = await recipe_of(api, await api.ended(await accepted(api)))
    painting = recipe["painting"]

    assert (recipe["model"], recipe["model_version"]) == ("openai", "gpt-image-2.5-flare")
    assert (painting["seed"], painting["reproducible"], painting["passed_over"]) == (None, False, [])
    assert painting["cost"] == {"micros": 120_330, "currency": "USD"}
    assert painting["request_id"] == "req_1"


async def test_what_only_the_operator_can_mend_is_not_tried_again(api: Api, providers: Providers) -> None:
    """No key here, no credits there: the task fails at once, with the first reason, and the quota is given back."""
    providers.openai.wrong = [fake_openai.WRONG["auth"][0]]
    providers.stability.wrong = [fake_stability.WRONG["quota"][0]]
    task = await api.ended(await accepted(api))

    assert (task["status"], task["error_message"]) == ("failed", FOLLOWS["auth"].sentence)
    assert (len(providers.openai.asked), len(providers.stability.asked)) == (1, 1)
    assert await settled(api, task["task_id"]) == {"failed": 1}


async def test_what_passes_is_tried_again(api: Api, providers: Providers) -> None:
    """Both overloaded once: the job comes again, the first model makes the cover, and one is counted."""
    providers.openai.wrong = [fake_openai.WRONG["busy"][0]]
    providers.stability.wrong = [fake_stability.WRONG["broken"][0]]
    task = await api.ended(await accepted(api))

    assert (await recipe_of(api, task))["model"] == "openai"
    assert len(providers.openai.asked) == 2
    assert await settled(api, task["task_id"]) == {"succeeded": 1}


async def test_a_breaker_opens_for_one_model_alone(api: Api, providers: Providers) -> None:
    """After three failures the first is not asked; covers go on by the second; operators see it at /metrics."""
    providers.openai.wrong = fake_openai.WRONG["timeout"][:1] * FAILURES
    tasks = [await api.ended(await accepted(api, f"Storm {n}")) for n in range(FAILURES)]
    asked = len(providers.openai.asked)
    tasks.append(await api.ended(await accepted(api, "Storm again")))
    recipes = [await recipe_of(api, task) for task in tasks]
    metrics = await the_metrics(providers.world)

    assert asked == FAILURES
    assert [recipe["painting"]["passed_over"] for recipe in recipes] == [
        *[["openai: timeout"]] * FAILURES,
        ["openai: breaker_open"],
    ]
    assert [line[-3:] for line in metrics if line.startswith("covergen_breaker_state{")] != []
    assert any('model="openai"' in line and 'reason="timeout"' in line for line in metrics)
    assert any(line.startswith("covergen_image_cost_micros{") and 'model="stability"' in line for line in metrics)


async def the_metrics(world: FaultyWorld) -> list[str]:
    """The lines of /metrics."""
    async with aiohttp.ClientSession() as session, session.get(f"{world.base}/metrics") as response:
        assert response.status == 200
        return (await response.text()).splitlines()


async def test_a_fault_keeps_to_the_chosen_model(api: Api, providers: Providers) -> None:
    """`breaker-open --target images/openai`: that one is not asked, the other makes the cover."""
    async with providers.world.broken("breaker-open", "--target", "images/openai", "--seconds", "1"):
        recipe = await recipe_of(api, await api.ended(await accepted(api)))

    assert (recipe["model"], recipe["painting"]["passed_over"]) == ("stability", ["openai: breaker_open"])
    assert providers.openai.asked == []
