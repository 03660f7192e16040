"""The quota of covers on a real database: held, counted, given back, and put right with what was really made."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from adapters.postgres import Pool, open_pool
from contracts import users
from contracts.errors import KeyReused, OverQuota
from contracts.tasks import StepReport
from contracts.users import (
    GetQuota,
    SettleQuota,
)
from tests.support.users_house import DECEMBER, NOVEMBER, House, a_users_house, a_users_pool, chore, of, running_users


@pytest_asyncio.fixture
async def pool(postgres_database: str) -> AsyncIterator[Pool]:
    """The node's database."""
    async with a_users_pool(postgres_database) as pool:
        yield pool


@pytest_asyncio.fixture
async def house(nats_url: str, pool: Pool) -> AsyncIterator[House]:
    """A running node."""
    async with a_users_house(nats_url, pool) as house:
        yield house


async def test_reserve_and_commit(house: House) -> None:
    """A reservation moves from reserved to used, once, however often each message comes; the saga is told."""
    ada = await house.user()
    task = await house.reserve(ada)
    assert await house.reserve(ada, task) == task
    assert await house.quota(ada) == (0, 1)
    report = await house.settle("commit", ada, task)
    assert report == StepReport(task_id=task, step="commit", deliveries=1)
    assert await house.quota(ada) == (1, 0)
    await house.settle("commit", ada, task, step=None)
    assert await house.quota(ada) == (1, 0)
    await house.reserve(ada, task)  # it is made: nothing is held again
    assert await house.quota(ada) == (1, 0)


async def test_reserve_and_release(house: House) -> None:
    """A release gives back once, and a task that begins again holds again."""
    ada = await house.user()
    task = await house.reserve(ada)
    report = await house.settle("release", ada, task, step="reserve/undo")
    assert report == StepReport(task_id=task, step="reserve/undo")
    await house.settle("release", ada, task, step=None)
    assert await house.quota(ada) == (0, 0)
    await house.reserve(ada, task)
    assert await house.quota(ada) == (0, 1)


async def test_commit_wins_over_release(house: House) -> None:
    """In whichever order both come, what was made is counted."""
    ada = await house.user()
    first, second = await house.reserve(ada), await house.reserve(ada)
    for verb, task in (("commit", first), ("release", first), ("release", second), ("commit", second)):
        await house.settle(verb, ada, task, step=None)
    assert await house.quota(ada) == (2, 0)


async def test_settling_what_was_never_held(house: House) -> None:
    """A release is done at once; a commit fails for good and the saga is told why."""
    ada = await house.user()
    task = uuid.uuid4()
    assert await house.settle("release", ada, task, step="reserve/undo") == StepReport(
        task_id=task, step="reserve/undo"
    )
    report = await house.settle("commit", ada, task)
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "not_found"
    assert await house.quota(ada) == (0, 0)


async def test_somebody_elses_task(house: House) -> None:
    """A task id holds for one user and one amount; another's settlement does not touch it."""
    ada, eve = await house.user(), await house.user("eve@example.org")
    task = await house.reserve(ada)
    with pytest.raises(KeyReused):
        await house.reserve(eve, task)
    with pytest.raises(KeyReused):
        await house.reserve(ada, task, amount=2)
    await house.settle("release", eve, task, step=None)
    assert await house.quota(ada) == (0, 1)
    assert await house.quota(eve) == (0, 0)


async def test_limit_holds_under_200_reservations_at_once(house: House, nats_url: str, postgres_database: str) -> None:
    """Two instances get 200 reservations of one user at once: exactly the limit is held, the rest is OverQuota."""
    ada = await house.user()
    other = await open_pool(postgres_database)
    async with running_users(nats_url, other, house.time):
        tries = (house.reserve(ada) for _ in range(200))
        results = await asyncio.gather(*tries, return_exceptions=True)
    await other.close()
    assert sum(isinstance(result, uuid.UUID) for result in results) == 10
    assert sum(isinstance(result, OverQuota) for result in results) == 190
    assert await house.quota(ada) == (0, 10)


async def test_one_task_200_times_at_once(house: House) -> None:
    """The same task reserved and settled many times at once is one cover."""
    ada = await house.user()
    task = uuid.uuid4()
    await asyncio.gather(*(house.reserve(ada, task) for _ in range(100)))
    message = SettleQuota(task_id=task, user_id=ada.id)
    commits = (house.bus.enqueue(users.COMMIT_QUOTA, message, message_id=f"c{n}") for n in range(50))
    releases = (house.bus.enqueue(users.RELEASE_QUOTA, message, message_id=f"r{n}") for n in range(50))
    await asyncio.gather(*commits, *releases)
    await house.idle(users.COMMIT_QUOTA.durable)
    await house.idle(users.RELEASE_QUOTA.durable)
    assert await house.quota(ada) == (1, 0)


async def test_new_month(house: House) -> None:
    """At the first moment of the month the quota is whole again; what is settled later belongs to the old month."""
    ada = await house.user()
    held = [await house.reserve(ada) for _ in range(10)]
    await house.settle("commit", ada, held[0], step=None)
    house.at(DECEMBER - timedelta(microseconds=1))
    with pytest.raises(OverQuota):
        await house.reserve(ada)
    house.at(DECEMBER)
    assert await house.quota(ada) == (0, 0)
    await house.settle("commit", ada, held[1], step=None)
    await house.settle("release", ada, held[2], step=None)
    assert await house.quota(ada) == (0, 0)
    fresh = await house.reserve(ada)
    await house.settle("commit", ada, fresh, step=None)
    assert await house.quota(ada) == (1, 0)
    quota = await house.bus.request(users.QUOTA, GetQuota(), of(ada))
    assert quota.resets_at == datetime(2027, 1, 1, tzinfo=UTC)


async def test_orphans_are_released(house: House) -> None:
    """Reservations whose task nobody knows are given back after a minute; known ones stay and are asked about once."""
    ada = await house.user()
    orphan, known = await house.reserve(ada), await house.reserve(ada)
    house.neighbours.known_tasks.add(known)
    house.at(NOVEMBER + timedelta(seconds=59))
    await chore(house, "users-orphans")
    assert house.neighbours.asked == []
    house.at(NOVEMBER + timedelta(seconds=61))
    await chore(house, "users-orphans")
    assert await house.quota(ada) == (0, 1)
    await chore(house, "users-orphans")
    assert [set(asked) for asked in house.neighbours.asked] == [{orphan, known}]


async def test_reconcile_counts_what_was_missed(house: House) -> None:
    """Covers that were completed without being counted are counted, once; deleted covers give nothing back."""
    ada, eve = await house.user(), await house.user("eve@example.org")
    for user in (ada, eve):
        await house.settle("commit", user, await house.reserve(user), step=None)
    house.neighbours.completed = {ada.id: 3, eve.id: 0}
    for _ in range(2):
        await chore(house, "users-reconcile")
        assert await house.quota(ada) == (3, 0)
        assert await house.quota(eve) == (1, 0)
    assert set(house.neighbours.usage_since) == {datetime(2026, 11, 1, tzinfo=UTC)}


async def test_reconcile_around_the_new_month(house: House) -> None:
    """A cover that last month counted and this month completed is not counted twice."""
    ada = await house.user()
    house.at(DECEMBER - timedelta(seconds=1))
    task, late = await house.reserve(ada), await house.reserve(ada)
    await house.settle("commit", ada, task, step=None)
    house.at(DECEMBER + timedelta(seconds=5))
    house.neighbours.completed = {ada.id: 1}
    await chore(house, "users-reconcile")
    assert await house.quota(ada) == (0, 0)
    await house.settle("commit", ada, late, step=None)
    house.neighbours.completed = {ada.id: 2}
    await chore(house, "users-reconcile")
    assert await house.quota(ada) == (0, 0)


async def test_reconcile_leaves_the_inactive_alone(house: House) -> None:
    """Who did nothing of late is not asked about."""
    ada = await house.user()
    await house.settle("commit", ada, await house.reserve(ada), step=None)
    house.at(NOVEMBER + timedelta(hours=2))
    await chore(house, "users-reconcile")
    assert house.neighbours.usage_since == []
