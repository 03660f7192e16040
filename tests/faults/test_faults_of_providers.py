"""The image model, the storage of objects and the mail server fail as an operator says, and the promise that holds."""

import asyncio
import itertools
import time

import pytest

from adapters.nats.dead_letters import depth
from contracts.notifications import MAIL, SendMail
from ops.operating import operator_bus
from tests.support.api import Api
from tests.support.faulty_world import FaultyWorld
from tests.support.mailbox import mails_in, the_mail
from tests.support.promises import accepted, says_come_back, settled

RETRIES = 7.0
"""Seconds from the first to the last delivery of a job that always fails."""
pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


async def test_provider_slow(world: FaultyWorld, api: Api) -> None:
    """Tasks take longer and succeed; one that waits can be cancelled."""
    async with world.broken("provider-slow", "--seconds", "1.5"):
        began = time.monotonic()
        tasks = [await accepted(api), await accepted(api)]
        await api.call("DELETE", f"/v1/tasks/{tasks[1]}")
        statuses = await settled(api, *tasks)

    assert statuses == {"succeeded": 1, "cancelled": 1}
    assert time.monotonic() - began > 1.5


async def test_provider_refusing(world: FaultyWorld, api: Api) -> None:
    """The task fails at the first try and says why; the quota is given back."""
    async with world.broken("provider-refusing"):
        task = await api.ended(await accepted(api))

    assert (task["status"], task["error_message"]) == ("failed", "The image model does not paint this.")
    assert task["retry_count"] == 0
    assert await settled(api, task["task_id"]) == {"failed": 1}


async def test_provider_failing(world: FaultyWorld, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a model that fails every second time all tasks end, and the quota counts what succeeded."""
    for faults in world.faults:
        monkeypatch.setattr(faults, "_chance", itertools.cycle((0.25, 0.75)).__next__)
    async with world.broken("provider-failing", "--rate", "0.5"):
        tasks = [await accepted(api, f"Storm {number}") for number in range(4)]
        statuses = await settled(api, *tasks)

    assert statuses["succeeded"] + statuses["failed"] == 4


async def test_breaker_open(world: FaultyWorld, api: Api) -> None:
    """The model is not called, the job waits; once the breaker may close the cover is made."""
    async with world.broken("breaker-open", "--seconds", "1"):
        task_id = await accepted(api)
        await asyncio.sleep(1.5)
        waiting = (await api.call("GET", f"/v1/tasks/{task_id}")).body

    assert (waiting["status"], waiting["step"]) == ("running", "paint")
    assert await settled(api, task_id) == {"succeeded": 1}


async def test_storage_full(world: FaultyWorld, api: Api) -> None:
    """Tried four times, then failed; the quota is given back and nothing is half stored. Afterwards covers are made."""
    async with world.broken("storage-full"):
        began = time.monotonic()
        task = await api.ended(await accepted(api))
        took = time.monotonic() - began

    assert task["status"] == "failed"
    assert took > RETRIES
    assert list((world.settings.home / "objects").glob(f"{task['cover_id']}/*")) == []
    assert await settled(api, task["task_id"], await accepted(api)) == {"failed": 1, "succeeded": 1}


async def test_storage_slow(world: FaultyWorld, api: Api) -> None:
    """Tasks take longer and succeed."""
    async with world.broken("storage-slow", "--seconds", "0.5"):
        began = time.monotonic()
        task = await api.ended(await accepted(api))
        took = time.monotonic() - began

    assert took > 4 * 0.5  # three pictures put, one read
    assert await settled(api, task["task_id"]) == {"succeeded": 1}


async def test_storage_unreadable(world: FaultyWorld, api: Api) -> None:
    """A picture that is there is 503 with Retry-After, and there again afterwards; a task in flight succeeds."""
    ready = await api.ended(await accepted(api))
    path = f"/v1/covers/{ready['cover_id']}/image"
    async with world.broken("storage-unreadable"):
        says_come_back(await api.call("GET", path))
        task_id = await accepted(api)
        await asyncio.sleep(2)

    assert (await api.call("GET", path)).status == 200
    assert await settled(api, ready["task_id"], task_id) == {"succeeded": 2}


async def test_text_check_down(world: FaultyWorld, api: Api) -> None:
    """No cover is accepted unchecked: 503, nothing is reserved, no task is made."""
    async with world.broken("text-check-down"):
        says_come_back(await api.order("Unchecked", format="thumbnail"))

    assert (await api.call("GET", "/v1/tasks")).body["items"] == []
    assert await settled(api, await accepted(api)) == {"succeeded": 1}


async def test_mail_refused(world: FaultyWorld) -> None:
    """Tried again after 1, 2 and 4 s, then a dead letter; nothing is in the folder, and what comes afterwards is."""
    first, second = (
        SendMail(to="ada@example.org", kind="password_changed", effect_key=key, values={"at": "now"})
        for key in ("refused", "taken")
    )
    async with operator_bus(world.settings) as bus:
        before = (await depth(bus)).letters
        async with world.broken("mail-refused"):
            await bus.enqueue(MAIL, first, message_id=first.effect_key)
            async with asyncio.timeout(20):
                while (await depth(bus)).letters == before:
                    await asyncio.sleep(0.1)
        await bus.enqueue(MAIL, second, message_id=second.effect_key)
    folder = world.settings.home / "mail"
    await the_mail(folder, "ada@example.org", "Your password was changed")

    assert len(mails_in(folder, "ada@example.org")) == 1
