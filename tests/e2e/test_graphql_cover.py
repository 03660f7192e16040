"""A partner's way through GraphQL on the whole product: order a cover, follow its task, read what was made."""

from typing import Any

import pytest

from edge.graphql.socket import PROTOCOL
from tests.support.api import Api, Running, signed_up

pytestmark = pytest.mark.timeout(120)
CREATE = """
mutation ($input: GenerateCoverInput!) { createCover(input: $input, idempotencyKey: "e2e") { taskId coverId status } }
"""
WATCH = "subscription ($task: UUID!) { taskEvents(taskId: $task) { seq status step } }"
READ = (
    "query ($id: UUID!) { cover(coverId: $id) { status imageUrl recipe { seed } template { name } task { status } } }"
)


async def test_a_cover_is_ordered_and_followed(common_stack: Running) -> None:
    """The mutation begins it, the subscription tells every step to `complete`, the query shows the picture."""
    async with signed_up(common_stack.base) as api:
        accepted = (await _graph(api, CREATE, input={"title": "The Salt Road", "seed": 2**40}))["createCover"]
        steps = await _followed(api, accepted["taskId"])
        assert [step["seq"] for step in steps] == list(range(1, len(steps) + 1))
        assert steps[-1]["status"] == "SUCCEEDED"
        cover = (await _graph(api, READ, id=accepted["coverId"]))["cover"]
        assert (cover["status"], cover["recipe"]["seed"], cover["task"]["status"]) == ("READY", 2**40, "SUCCEEDED")
        assert cover["template"]["name"]
        picture = await api.call("GET", cover["imageUrl"])
        assert picture.body.startswith(b"\x89PNG")


async def _graph(api: Api, query: str, **variables: Any) -> dict[str, Any]:
    answer = await api.call("POST", "/graphql", {"query": query, "variables": variables})
    assert (answer.status, "errors" in answer.body) == (200, False), answer.body
    data: dict[str, Any] = answer.body["data"]
    return data


async def _followed(api: Api, task_id: str) -> list[dict[str, Any]]:
    found = []
    async with api.session.ws_connect(f"{api.base}/graphql", protocols=(PROTOCOL,)) as socket:
        await socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {api.token}"}})
        assert (await socket.receive_json(timeout=10))["type"] == "connection_ack"
        payload = {"query": WATCH, "variables": {"task": task_id}}
        await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
        while (message := await socket.receive_json(timeout=60))["type"] == "next":
            found.append(message["payload"]["data"]["taskEvents"])
    assert message["type"] == "complete", message
    return found
