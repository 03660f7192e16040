"""What holds for every user at the end, whatever was broken meanwhile."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.support.api import Answer, Api

BACK_LIMIT = 30.0


async def accepted(api: Api, title: str = "Storm Glass", key: str | None = None) -> str:
    """The task of a small cover that was ordered."""
    answer = await api.order(title, key, format="thumbnail")
    assert answer.status == 202, answer.body
    task_id: str = answer.body["task_id"]
    return task_id


async def settled(api: Api, *task_ids: str, limit: float = 60) -> Counter[str]:
    """Each task ended, each success counted once and none else, one notice each, one version of each cover."""
    tasks = [await api.ended(task_id, limit) for task_id in task_ids]
    statuses = Counter(task["status"] for task in tasks)
    quota = await until(api, "/v1/me/quota", lambda body: body["reserved"] == 0)
    assert (quota["used"], quota["reserved"]) == (statuses["succeeded"], 0)
    inbox = await until(api, "/v1/notifications?limit=100", lambda body: len(notices(body)) >= len(tasks))
    assert len(notices(inbox)) == len(tasks)
    covers = (await api.call("GET", "/v1/covers?limit=100&status=ready")).body["items"]
    assert [len(cover["versions"]) for cover in covers] == [1] * statuses["succeeded"]
    for cover in covers:
        assert (await api.call("GET", cover["image_url"])).status == 200
    return statuses


def notices(inbox: dict[str, Any]) -> list[str]:
    """The kinds of those about covers."""
    return [each["kind"] for each in inbox["items"] if each["kind"].startswith("cover")]


def says_come_back(answer: Answer, status: int = 503) -> None:
    """A problem that tells when to try again."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1


async def until(api: Api, path: str, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask until the answer is good, or give back the last one."""
    body: dict[str, Any] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BACK_LIMIT):
            while True:
                answer = await api.call("GET", path)
                body = answer.body
                if answer.status == 200 and good(body):
                    break
                await asyncio.sleep(0.1)
    return body
