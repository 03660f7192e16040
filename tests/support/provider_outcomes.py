"""One system with all four remote image models; each is tried with every error that it can give, once with another
model behind it and once alone, and what a user, an operator and the provider see of that is written down.

A region's edge has the model first that the region is named after (`openai`), or that one alone (`openai-alone`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from adapters.nats.census import census
from ops import front
from ops.host import Host
from ops.operating import operator_bus
from tests.support.api import Api, signed_up
from tests.support.fake_a1111 import USER
from tests.support.fake_images import KEY, TEXT, Fake, Wrong, art, served
from tests.support.faulty_world import FaultyWorld, a_faulty_world
from tests.support.image_models import BY_NAME
from tests.support.promises import accepted, notices, until

PAUSE = 2
"""Seconds of Retry-After, where a provider gives one."""
FAILURES, OPEN_SECONDS = 2, 1
"""Of the breakers: the second error of a kind that counts opens one."""
PAINTS = ("/generations", "/generate/core", "/txt2img", "/predictions")
"""How the paths end by which a picture is ordered."""
NEVER_SHOWN = (KEY, TEXT, "127.0.0.1", "Storm Glass", *BY_NAME)
"""Neither secrets, nor the provider's words or name, nor the user's own words."""


@dataclass
class Seen:
    """What one order came to."""

    task: dict[str, Any]
    recipe: dict[str, Any]
    """Of the cover; empty without one."""
    calls: tuple[float, ...]
    """When the provider was asked for a picture."""
    quota: dict[str, Any]
    """Of the user, who was new, when nothing was held any more."""
    notice: dict[str, Any]
    steps: tuple[str, ...]
    """That were told of, in order, each once."""


@dataclass
class Cell:
    """One kind of error at one provider."""

    behind: Seen
    """With the painter behind it."""
    alone: Seen
    openings: int
    """How often the breaker opened in both."""
    state: str
    """Of the breaker at the end."""


@dataclass
class Observed:
    """Everything."""

    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    worn: dict[str, Seen] = field(default_factory=dict)
    """By provider: an order while every call goes wrong, with nobody behind."""
    metrics: list[str] = field(default_factory=list)
    fakes: dict[str, Fake] = field(default_factory=dict)


@dataclass
class Outcomes:
    """The running system."""

    world: FaultyWorld
    fakes: Mapping[str, Fake]
    edges: Mapping[str, str]
    """Addresses by region."""

    async def cell(self, name: str, kind: str) -> Cell:
        """Two orders, each with one error."""
        before, _ = await self.breaker(name)
        behind = await self.order(name, name, [wrong_of(name, kind)])
        alone = await self.order(f"{name}-alone", name, [wrong_of(name, kind)])
        after, state = await self.breaker(name)
        return Cell(behind, alone, after - before, state)

    async def worn(self, name: str, kind: str) -> Seen:
        """An order while everything goes wrong."""
        return await self.order(f"{name}-alone", name, [wrong_of(name, kind)] * 20)

    async def order(self, region: str, name: str, wrong: list[Wrong]) -> Seen:
        """A new user's cover, until everything about it is settled."""
        fake = self.fakes[name]
        fake.wrong, fake.posted = list(wrong), []
        async with signed_up(self.edges[region]) as api:
            task_id = await accepted(api)
            task = await api.ended(task_id, 120)
            recipe = await _recipe(api, task)
            told = [step async for _, _, data in api.events(task_id) if (step := data.get("step"))]
            quota = await until(api, "/v1/me/quota", lambda body: body["reserved"] == 0)
            inbox = await until(api, "/v1/notifications", lambda body: len(notices(body)) > 0)
        fake.wrong = []
        calls = tuple(at for path, at in fake.posted if path.endswith(PAINTS))
        (notice,) = (each for each in inbox["items"] if each["kind"] in notices(inbox))
        return Seen(task, recipe, calls, quota, notice, tuple(dict.fromkeys(told)))

    async def breaker(self, name: str) -> tuple[int, str]:
        """How often it opened, and its state, as the covers node tells on NATS."""
        async with operator_bus(self.world.settings) as bus:
            [stats] = await census(bus, ["covers"])
        found = stats.data.breakers[f"images/{name}"]
        return found.openings, found.state

    async def the_metrics(self) -> list[str]:
        """The lines of /metrics."""
        await asyncio.sleep(2.1)  # so long one answer serves all who ask
        async with aiohttp.ClientSession() as session, session.get(f"{self.edges['openai']}/metrics") as response:
            return (await response.text()).splitlines()


async def _recipe(api: Api, task: Mapping[str, Any]) -> dict[str, Any]:
    if task["status"] != "succeeded":
        return {}
    recipe: dict[str, Any] = (await api.call("GET", f"/v1/covers/{task['cover_id']}")).body["recipe"]
    return recipe


def wrong_of(name: str, kind: str) -> Wrong:
    """The first answer that means this error, with a shorter pause."""
    wrong = BY_NAME[name].wrong[kind][0]
    headers = {key: str(PAUSE) if key == "Retry-After" else value for key, value in wrong.headers.items()}
    return Wrong(wrong.status, wrong.body, headers)


@contextlib.asynccontextmanager
async def outcomes(folder: Path, postgres: str, mongo: str, redis: str) -> AsyncIterator[Outcomes]:
    """The system, with an edge for each region."""
    fakes = {name: case.fake() for name, case in BY_NAME.items()}
    regions = {
        region: names for name in fakes for region, names in ((name, f"{name},painter"), (f"{name}-alone", name))
    }
    async with contextlib.AsyncExitStack() as stack:
        for fake in fakes.values():
            fake.draw = art
            await stack.enter_async_context(served(fake))
        lists = ";".join(f"{region}={names}" for region, names in regions.items())
        given = {"COVERGEN_IMAGES": lists, **_accounts(fakes)}
        world = await stack.enter_async_context(a_faulty_world(folder, postgres, mongo, redis, **given))
        edges = {region: await _edge(world, region, stack) for region in regions}
        yield Outcomes(world, fakes, edges)


async def _edge(world: FaultyWorld, region: str, stack: contextlib.AsyncExitStack) -> str:
    host = Host(msgspec.structs.replace(world.settings, region=region), stack)
    return await front.edge(host, await host.bus("edge"))


def _accounts(fakes: Mapping[str, Fake]) -> dict[str, str]:
    return {
        "COVERGEN_OPENAI_URL": f"{fakes['openai'].url}/v1",
        "COVERGEN_OPENAI_KEY": KEY,
        "COVERGEN_OPENAI_PRICES": "5,8,30",
        "COVERGEN_STABILITY_URL": fakes["stability"].url,
        "COVERGEN_STABILITY_KEY": KEY,
        "COVERGEN_A1111_URL": fakes["automatic1111"].url.replace("//", f"//{USER}:{KEY}@"),
        "COVERGEN_REPLICATE_URL": fakes["replicate"].url,
        "COVERGEN_REPLICATE_TOKEN": KEY,
        "COVERGEN_REPLICATE_PRICE": "0.003",
        "COVERGEN_PAINT_PROCESSES": "2",
        "COVERGEN_BREAKER_FAILURES": str(FAILURES),
        "COVERGEN_BREAKER_SECONDS": str(OPEN_SECONDS),
    }


async def observed(running: Outcomes, worn: Mapping[str, str]) -> Observed:
    """All providers at once, and one error after the other at each; then the orders that never succeed."""
    seen = Observed(fakes=dict(running.fakes))

    async def track(name: str) -> None:
        for kind in BY_NAME[name].wrong:
            seen.cells[name, kind] = await running.cell(name, kind)
        seen.worn[name] = await running.worn(name, worn[name])

    async with asyncio.TaskGroup() as group:
        for name in running.fakes:
            group.create_task(track(name))
    seen.metrics = await running.the_metrics()
    return seen
