"""Traffic between the versions of a node, on a server with the product's own accounts and mappings."""

import asyncio
import random
import statistics
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from adapters.nats.discovery import peers
from contracts.traffic import BUCKETS
from nodes.runtime import Fenced
from ops.canary import CanaryRefused, keep_weights, mappings_file, read_weights, weights_file
from ops.nats_mappings import buckets, render_mappings
from ops.paths import Home
from tests.support.canaries import Traffic, traffic
from tests.support.processes import slowness


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Traffic]:
    """A server without any node."""
    async with traffic(tmp_path) as scene:
        yield scene


@pytest_asyncio.fixture
async def both(scene: Traffic) -> AsyncIterator[Traffic]:
    """The same with both versions of covers."""
    async with scene.node("v1"), scene.node("v2"):
        yield scene


def people(count: int) -> list[uuid.UUID]:
    """So many users, the same in each run."""
    dice = random.Random(17)
    return [uuid.UUID(int=dice.getrandbits(128), version=4) for _ in range(count)]


@pytest.mark.timeout(180)  # twenty thousand requests
async def test_a_canary_gets_its_share(both: Traffic) -> None:
    """Of 10,000 users' requests one in ten reaches v2, within 0.9 points; of as many that bear no user too."""
    await both.set(10)
    of_users = Counter(await both.versions(people(10_000)))
    of_nobody = Counter(await both.versions([None] * 10_000))

    assert abs(of_users["v2"] / 100 - 10) <= 0.9
    assert abs(of_nobody["v2"] / 100 - 10) <= 1.5  # drawn by the server each time: five deviations
    assert of_users["v1"] + of_users["v2"] == of_nobody["v1"] + of_nobody["v2"] == 10_000


@pytest.mark.timeout(120)  # eight thousand requests
async def test_a_user_stays_with_a_version(both: Traffic) -> None:
    """2000 users who ask three times never switch, and when the weight grows only those move who must."""
    users = people(2000)
    await both.set(10)
    first, second, third = [await both.versions(users) for _ in range(3)]
    await both.set(50)
    after = await both.versions(users)
    moved = [(a, b) for a, b in zip(first, after, strict=True) if a != b]

    assert first == second == third
    assert set(moved) == {("v1", "v2")}
    assert len(moved) == after.count("v2") - first.count("v2")
    assert abs(len(moved) / 20 - 40) < 4


async def test_weights_change_under_load(both: Traffic) -> None:
    """90/10, 50/50, 0/100 and back while requests run: none fails, none runs twice, a change holds within a second."""
    users, asked, going = people(500), Counter[str](), True

    async def ask(number: int) -> None:
        while going:
            number = (number + 16) % len(users)
            asked[await both.version(users[number])] += 1

    load = [asyncio.create_task(ask(number)) for number in range(16)]
    took, seen = [], []
    for percent in (10, 50, 100, 0):
        took.append(await both.set(percent))
        seen.append((await both.versions(users)).count("v2") / len(users))
        await asyncio.sleep(0.2)
    going = False
    await asyncio.gather(*load)  # raises if one was not answered

    assert [round(share, 1) for share in seen] == [0.1, 0.5, 1.0, 0.0]
    assert max(took) < 1 * slowness()
    assert sum(asked.values()) > 500
    assert sum(both.served.values()) == sum(asked.values()) + 4 * len(users)


async def test_beta_users_get_the_canary(both: Traffic) -> None:
    """Whatever the weight, who asks for it is served by v2, and nobody else."""
    users = people(50)
    assert {await both.version(user, beta=True) for user in users} == {"v2"}
    assert {await both.version(user) for user in users} == {"v1"}


async def test_without_a_canary_the_stable_version_serves(scene: Traffic) -> None:
    """With no instance of v2 all are served by v1, once each, whatever the weight; with none at all it is said so."""
    await scene.set(50)
    with pytest.raises(AssertionError, match="503"):
        await scene.version(people(1)[0])
    async with scene.node("v1"):
        answers = await scene.versions([*people(500), *[None] * 500])
        beta = [await scene.version(user, beta=True) for user in people(50)]

    assert {*answers, *beta} == {"v1"}
    assert scene.served == {"v1": 1050}


async def test_falling_back_costs_little(scene: Traffic) -> None:
    """A request that finds no canary takes at most 5 ms more (the median of 300 each, in turn)."""
    direct: list[float] = []
    fallen: list[float] = []
    async with scene.node("v1"):
        for user in people(300):
            for times, beta in ((direct, False), (fallen, True)):
                began = time.perf_counter()
                await scene.version(user, beta=beta)
                times.append(time.perf_counter() - began)

    assert statistics.median(fallen) - statistics.median(direct) <= 0.005


async def test_instances_say_their_version(both: Traffic) -> None:
    """`$SRV.PING` and `$SRV.INFO`, which `nats micro ls` and `info` show, tell the versions apart."""
    found = await peers(both.edge, "covers")
    async with both.bus("tools") as tools:
        told = [msgspec.json.decode(each) for each in await tools.gather("$SRV.INFO.covers", b"", quiet=0.2, most=1)]

    assert {(peer.version, peer.place) for peer in found} == {("1.0.0+v1", "v1"), ("1.0.0+v2", "v2")}
    subjects = {each["version"]: [endpoint["subject"] for endpoint in each["endpoints"]] for each in told}
    assert subjects == {"1.0.0+v1": ["svc.covers.image"], "1.0.0+v2": ["svc.covers.v2.image"]}


async def test_a_canary_may_be_newer_than_the_stable_version(scene: Traffic) -> None:
    """A stable instance starts beside a newer canary; one older than its own kind, or than the stable, does not."""
    async with scene.node("v1", "1.0.0"), scene.node("v2", "1.1.0"):
        async with scene.node("v1", "1.0.0"):
            pass
        for place, release in (("v1", "0.9.0"), ("v2", "1.0.5"), ("v2", "0.9.0")):
            with pytest.raises(Fenced):
                await asyncio.wait_for(_started(scene, place, release), 5)
    async with scene.node("v1", "1.0.0"):
        with pytest.raises(Fenced, match=r"1\.0\.0"):
            await _started(scene, "v2", "0.9.0")
    with pytest.raises(ValueError, match="covers has no version v3"):
        await _started(scene, "v3", "1.0.0")


async def _started(scene: Traffic, place: str, release: str) -> None:
    async with scene.node(place, release):
        pass


async def test_nodes_go_with_their_user(both: Traffic) -> None:
    """Another node that asks for a user reaches the version that the edge does, and the canary for a beta user."""
    await both.set(50)
    users = people(100)
    async with both.bus("exports") as exports:
        from_node = [await both.version(user, by=exports) for user in users]
        beta = await both.version(users[0], beta=True, by=exports)
        denied = list(exports.connection.denied)

    assert from_node == await both.versions(users)
    assert set(from_node) == {"v1", "v2"}
    assert (beta, denied) == ("v2", [])


@pytest.mark.parametrize("weight", range(BUCKETS + 1))
def test_the_first_buckets_are_mapped(weight: int) -> None:
    """The rows of a weight name exactly the buckets below it, each once."""
    named = Counter(
        10 * ten + unit
        for row in buckets(weight)
        for ten in range(10)
        for unit in range(10)
        if all(token in ("*", str(digit)) for token, digit in zip(row.split("."), (ten, unit), strict=True))
    )
    assert named == Counter(range(weight))


def test_weights_are_kept(tmp_path: Path) -> None:
    """What was set is there after a restart and rendered; what cannot be is refused and changes nothing."""
    home = Home(tmp_path)
    assert read_weights(home) == {"covers": 0}
    keep_weights(home, {"covers": 7})
    for node, weight in (("covers", 101), ("covers", -1), ("auth", 5)):
        with pytest.raises(CanaryRefused):
            keep_weights(home, {node: weight})

    assert read_weights(home) == {"covers": 7}
    assert mappings_file(home).read_text() == render_mappings({"covers": 7})
    assert render_mappings({"covers": 0}).count("svc.") == 0
    weights_file(home).write_text("{")
    with pytest.raises(CanaryRefused, match=r"weights\.json"):
        read_weights(home)
