"""The end of an account in the whole product, by a client that knows only the API."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.api import Api, Running, signed_up, whole_stack

PASSWORD = "correct horse battery"
GONE_LIMIT = 80.0
"""Seconds until everything has gone, also after a kill: a message is given again after 30 s."""
pytestmark = pytest.mark.timeout(180)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A stack of this module's own."""
    async with whole_stack(tmp_path_factory.mktemp("ending")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def api(stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(stack.base) as signed:
        yield signed


def pictures(stack: Running, cover_id: str) -> list[Path]:
    """The files of a cover, half-written ones not counted."""
    return list(stack.home.glob(f"**/{cover_id}/*"))


async def quiet(stack: Running, api: Api, cover_ids: list[str]) -> None:
    """Wait until the caller has nothing any more, over HTTP and in the object store."""
    async with asyncio.timeout(GONE_LIMIT):
        while any(pictures(stack, cover_id) for cover_id in cover_ids) or await kept(api):
            await asyncio.sleep(0.2)


async def kept(api: Api) -> list[Any]:
    """What an old token still shows. A node or edge that is away is asked again."""
    found: list[Any] = []
    for path in ("/v1/covers", "/v1/tasks", "/v1/notifications", "/v1/me/templates"):
        answer = await api.call("GET", path)
        found += [path] if answer.status != 200 else answer.body["items"]
    profile = await api.call("GET", "/v1/me")
    return found if profile.status == 404 else [*found, profile.body]


async def an_own_style(api: Api) -> None:
    """Keep an own variant of a standard style."""
    styles = (await api.call("GET", "/v1/templates?premium=false")).body["items"]
    own = {"template_id": styles[0]["id"], "name": "Mine", "customizations": styles[0]["style_params"]}
    assert (await api.call("POST", "/v1/me/templates", own)).status == 201


@pytest.mark.asyncio(loop_scope="module")
async def test_the_export_shows_everything(api: Api) -> None:
    """Account, profile, quota, cover with its recipe, task, notices and own style, and no hash or token."""
    accepted = (await api.order("The Salt Road", prompt="two moons")).body
    await api.ended(accepted["task_id"])
    await an_own_style(api)
    answer = await api.call("GET", "/v1/me/data")

    assert answer.status == 200
    data = answer.body
    assert data["account"]["email"] == data["profile"]["email"]
    assert (data["account"]["sessions"], data["quota"]["limit"], data["preferences"]["language"]) == (1, 10, "en")
    assert [(each["cover_id"], each["title"]) for each in data["covers"]] == [(accepted["cover_id"], "The Salt Road")]
    assert "two moons" in data["covers"][0]["recipe"]["prompt"]
    assert [each["task_id"] for each in data["tasks"]] == [accepted["task_id"]]
    assert "welcome" in [each["kind"] for each in data["notifications"]]
    assert [each["name"] for each in data["templates"]] == ["Mine"]
    assert not {"password", "password_hash", "access_token", "refresh_token"} & set(data["account"])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_deleted_account_leaves_nothing(stack: Running, api: Api) -> None:
    """Wrong password 422; then 204, sign-in refused, nothing listed, no picture kept, and the address is free again."""
    email = (await api.call("GET", "/v1/me")).body["email"]
    finished = (await api.order("Finished")).body
    task = await api.ended(finished["task_id"])
    assert bool(pictures(stack, finished["cover_id"])) == (task["status"] == "succeeded")
    await an_own_style(api)
    running = (await api.order("Running")).body
    wrong = await api.call("DELETE", "/v1/me", {"password": "wrong horse battery"})
    assert (wrong.status, wrong.body["errors"][0]["field"]) == (422, "password")

    assert (await api.call("DELETE", "/v1/me", {"password": PASSWORD})).status == 204
    login = {"email": email, "password": PASSWORD}
    assert (await api.call("POST", "/v1/auth/login", login)).status == 401
    assert (await api.call("GET", "/v1/me/data")).status == 401
    assert (await api.call("DELETE", "/v1/me", {"password": PASSWORD})).status == 401
    await quiet(stack, api, [finished["cover_id"], running["cover_id"]])
    assert (await api.order("Too late")).status in (401, 404)
    assert await kept(api) == []

    again = await api.call("POST", "/v1/auth/register", login)
    assert again.status == 201
    api.token = again.body["access_token"]
    data = (await api.call("GET", "/v1/me/data")).body
    assert (data["covers"], data["tasks"], data["templates"], data["quota"]["used"]) == ([], [], [], 0)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_deletion_outlives_a_kill(stack: Running, api: Api) -> None:
    """All nodes are killed just after the answer, with work under way: they come back and delete what is left."""
    orders = [(await api.order(f"Cover {number}", str(uuid.uuid4()))).body for number in range(4)]
    await api.ended(orders[0]["task_id"])
    assert (await api.call("DELETE", "/v1/me", {"password": PASSWORD})).status == 204
    os.kill(stack.run["pids"]["nodes"], signal.SIGKILL)

    await quiet(stack, api, [order["cover_id"] for order in orders])
    await asyncio.sleep(2)  # whatever was given again has come by now
    await quiet(stack, api, [order["cover_id"] for order in orders])
