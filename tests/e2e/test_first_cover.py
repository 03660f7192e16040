"""The whole product as a process: what `make run` promises, and the flow of API.md by a client that knows only that."""

import asyncio
import io
import json
import stat
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from adapters.nats.bus import opened_bus
from adapters.nats.connection import Profile, connected
from contracts.registry import CONTRACTS, NODES
from tests.support.api import Api, Running, signed_up, whole_stack

MEGABYTE = 1024 * 1024
pytestmark = pytest.mark.timeout(120)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A stack that was started as `make run` starts it."""
    home = tmp_path_factory.mktemp("stack")
    async with whole_stack(home, "--first-cover", "The Salt Road") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def api(stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(stack.base) as signed:
        yield signed


@pytest.mark.asyncio(loop_scope="module")
async def test_the_first_start_makes_a_cover(stack: Running) -> None:
    """It says where it is, saves a 1600x2560 PNG under the home, names it, and tells the memory it uses."""
    text = "\n".join(stack.output)
    path = stack.home / "first-cover.png"

    assert f"Covergen is ready at {stack.base}" in text
    assert f"First cover: {path}" in text
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("PNG", (1600, 2560))
    assert 0 < int(text.split("Memory of all processes: ")[1].split(" MB")[0]) <= 600


@pytest.mark.asyncio(loop_scope="module")
async def test_the_home_keeps_its_secrets(stack: Running) -> None:
    """Seeds, the admin's password and run.json are readable by their owner only."""
    names = ["admin-password", "run.json", *(f"creds/{user}.nk" for user in (*NODES, "edge", "tools", "ops", "sys"))]
    for name in names:
        assert stat.S_IMODE((stack.home / name).stat().st_mode) == 0o600, name
    assert set(stack.run["pids"]) == {"supervisor", "nats", "postgres", "mongo", "valkey", "nodes", "edge"}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_flow_of_the_api(api: Api) -> None:
    """register, templates, cover, events, image, the same key again, quota, inbox."""
    templates = await api.call("GET", "/v1/templates?limit=100")
    assert len(templates.body["items"]) >= 24
    standard = next(each for each in templates.body["items"] if not each["is_premium"])
    before = (await api.call("GET", "/v1/me/quota")).body
    key = str(uuid.uuid4())
    wish = {"author": "Ada Moss", "template_id": standard["id"]}

    accepted = await api.order("A Small Light", key, **wish)
    assert accepted.status == 202
    task_id, cover_id = accepted.body["task_id"], accepted.body["cover_id"]
    assert accepted.headers["location"] == f"/v1/tasks/{task_id}"
    seen = [(number, event, data) async for number, event, data in api.events(task_id)]
    progress = [data for _, event, data in seen if event == "progress"]
    assert progress[-1]["status"] == "succeeded"
    assert [data["seq"] for data in progress] == list(range(1, len(progress) + 1))
    assert [data["progress"] for data in progress] == sorted(data["progress"] for data in progress)

    task = (await api.call("GET", f"/v1/tasks/{task_id}")).body
    assert (task["status"], task["progress"]) == ("succeeded", 1.0)
    assert task["result_urls"] == [f"/v1/covers/{cover_id}/image"]
    cover = (await api.call("GET", f"/v1/covers/{cover_id}")).body
    assert cover["layout"]["min_contrast"] >= 4.5
    picture = await api.call("GET", cover["image_url"])
    assert Image.open(io.BytesIO(picture.body)).size == (1600, 2560)
    unchanged = await api.call("GET", cover["image_url"], If_None_Match=picture.headers["etag"])
    assert unchanged.status == 304
    thumb = await api.call("GET", cover["image_url"] + "?size=thumb")
    assert Image.open(io.BytesIO(thumb.body)).width < 800

    again = await api.order("A Small Light", key, **wish)
    assert (again.status, again.body["task_id"]) == (202, task_id)
    other = await api.order("Another Title", key, **wish)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")

    after = (await api.call("GET", "/v1/me/quota")).body
    assert (after["used"], after["reserved"]) == (before["used"] + 1, 0)
    inbox = (await api.call("GET", "/v1/notifications")).body["items"]
    assert [each["kind"] for each in inbox if each["kind"].startswith("cover")] == ["cover_ready"]


@pytest.mark.asyncio(loop_scope="module")
async def test_events_resume_where_they_stopped(api: Api) -> None:
    """Last-Event-ID leaves out what was seen."""
    accepted = await api.order("Second Look")
    await api.ended(accepted.body["task_id"])
    everything = [number async for number, event, _ in api.events(accepted.body["task_id"]) if event == "progress"]
    rest = [number async for number, event, _ in api.events(accepted.body["task_id"], 3) if event == "progress"]

    assert rest == everything[3:]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_blocked_prompt_is_refused_with_its_category(api: Api) -> None:
    """Nothing is reserved and no task is made; the answer names field and category."""
    answer = await api.order("Garden", prompt="how to build a pipe bomb at home")

    assert (answer.status, answer.body["code"]) == (422, "content_refused")
    assert answer.body["errors"][0]["field"] == "prompt"
    assert answer.body["errors"][0]["category"]
    assert (await api.call("GET", "/v1/me/quota")).body["reserved"] == 0
    assert (await api.call("GET", "/v1/tasks")).body["items"] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_the_quota_ends_and_is_said(api: Api) -> None:
    """The eleventh cover of a month on the free tier is refused; twenty at once do not pass the limit."""
    answers = await asyncio.gather(*(api.order(f"Cover {n}") for n in range(20)))
    statuses = [answer.status for answer in answers]

    assert statuses.count(202) == 10
    assert {answer.body["code"] for answer in answers if answer.status != 202} == {"over_quota"}
    for answer in answers:
        if answer.status == 202:
            await api.call("DELETE", f"/v1/tasks/{answer.body['task_id']}")
    for answer in answers:
        if answer.status == 202:
            await api.ended(answer.body["task_id"])
    quota = (await api.call("GET", "/v1/me/quota")).body
    done = [t for t in (await api.call("GET", "/v1/tasks?limit=100")).body["items"] if t["status"] == "succeeded"]
    assert (quota["used"], quota["reserved"]) == (len(done), 0)


@pytest.mark.asyncio(loop_scope="module")
async def test_others_see_nothing(api: Api, stack: Running) -> None:
    """Another user's task, cover and picture are not found."""
    accepted = await api.order("Private")
    await api.ended(accepted.body["task_id"])
    paths = [f"/v1/tasks/{accepted.body['task_id']}", f"/v1/covers/{accepted.body['cover_id']}"]
    async with signed_up(stack.base) as stranger:
        for path in (*paths, f"{paths[0]}/events", f"{paths[1]}/image"):
            assert (await stranger.call("GET", path)).status == 404
        assert (await stranger.call("DELETE", paths[0])).status == 404


@pytest.mark.asyncio(loop_scope="module")
async def test_every_contract_is_listed_by_its_node(stack: Running) -> None:
    """`$SRV.INFO` of the running nodes lists each contract of the registry exactly once, and nothing else."""
    profile = Profile(servers=(stack.run["nats"],), name="tools", seed=stack.home / "creds" / "tools.nk")
    async with connected(profile) as connection, opened_bus(connection) as bus:
        replies = [json.loads(reply) for reply in await bus.gather("$SRV.INFO", b"", quiet=0.5, most=2)]

    listed = sorted(
        endpoint["subject"]
        for reply in replies
        for endpoint in reply["endpoints"]
        if endpoint["metadata"]["kind"] in ("svc", "jobs")
    )
    assert {reply["name"] for reply in replies} == set(NODES)
    assert listed == sorted(c.subject for c in CONTRACTS if not c.subject.startswith("events."))


@pytest.mark.asyncio(loop_scope="module")
async def test_an_internal_tool_needs_only_nats(stack: Running) -> None:
    """The tools key calls any endpoint; it may not touch jobs or streams."""
    profile = Profile(servers=(stack.run["nats"],), name="tools", seed=stack.home / "creds" / "tools.nk")
    async with connected(profile) as connection:
        reply = await connection.client.request("svc.templates.list", b"{}", timeout=3)
        await connection.client.publish("jobs.covers.paint", b"{}")
        await connection.settled()

        assert len(json.loads(reply.data)["items"]) == 20
        assert len(connection.denied) == 1


async def test_two_stacks_stand_side_by_side(tmp_path: Path) -> None:
    """Another home and port, another world: accounts of one are unknown to the other."""
    async with whole_stack(tmp_path / "one") as one, whole_stack(tmp_path / "two") as two:
        assert one.base != two.base
        async with signed_up(one.base) as api:
            api.base = two.base
            assert (await api.call("GET", "/v1/me")).status == 401


async def test_a_later_start_is_quick_and_keeps_everything(tmp_path: Path) -> None:
    """Users, covers and keys outlive a restart."""
    async with whole_stack(tmp_path) as first, signed_up(first.base) as api:
        accepted = await api.order("Kept")
        await api.ended(accepted.body["task_id"])
        token = api.token
    began = time.monotonic()
    async with whole_stack(tmp_path) as second, signed_up(second.base) as api:
        api.token = token
        cover = await api.call("GET", f"/v1/covers/{accepted.body['cover_id']}")
        image = await api.call("GET", cover.body["image_url"])
        assert (cover.status, image.status) == (200, 200)
    assert time.monotonic() - began < 30
