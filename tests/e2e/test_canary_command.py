"""`covergen canary` and a second version of covers beside a running stack, typed as an operator types it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.test_fault_command import covergen
from tests.support.api import Api, Running, signed_up, whole_stack
from tests.support.promises import settled

pytestmark = pytest.mark.timeout(150)
ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def the_canary(stack: Running) -> AsyncIterator[None]:
    """`covergen node covers --version v2` in the same home, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ops", "node", "covers", "--version", "v2"),
        env={**os.environ, "COVERGEN_HOME": str(stack.home)},
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            while not any(row["instances"] for row in await listed(stack) if row["version"] == "v2"):
                assert process.returncode is None
                await asyncio.sleep(0.1)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)


async def listed(stack: Running) -> list[dict[str, object]]:
    """What `canary list` says."""
    code, said = await covergen(stack, "canary", "list", "--json")
    assert code == 0, said
    rows: list[dict[str, object]] = json.loads(said)
    return rows


async def ordered(api: Api, **headers: str) -> tuple[str, str]:
    """A small cover: its task, and which version took the order."""
    answer = await api.call("POST", "/v1/covers", {"title": "Two Tides", "format": "thumbnail"}, **headers)
    assert answer.status == 202, answer.body
    return answer.body["task_id"], answer.headers["x-covergen-version"]


async def test_both_versions_make_covers(tmp_path: Path) -> None:
    """Beta users, then half, then all are served by v2, then none; each cover is made; wrong words are refused."""
    async with whole_stack(tmp_path) as stack, signed_up(stack.base) as api:
        refusals = [await covergen(stack, *words.split()) for words in ("canary set auth 10", "canary set covers 101")]
        lonely = await covergen(stack, "canary", "set", "covers", "100")
        orders = [await ordered(api)]  # nobody is v2 yet
        await covergen(stack, "canary", "set", "covers", "0")
        async with the_canary(stack):
            orders += [await ordered(api), await ordered(api, X_User_Type="beta")]
            code, said = await covergen(stack, "canary", "set", "covers", "100")
            orders.append(await ordered(api))
            _, status = await covergen(stack, "status", "--json")
            rows = await listed(stack)
            statuses = await settled(api, *(task for task, _ in orders))
        orders.append(await ordered(api))
        await api.ended(orders[-1][0])

    assert [version for _, version in orders] == ["v1", "v1", "v2", "v2", "v1"]
    assert statuses == {"succeeded": 4}
    assert (code, said) == (0, "covers: 100 % to v2, 0 % to v1\n")
    assert "no instance of covers v2 answers" in lonely[1]
    assert [code for code, _ in refusals] == [1, 1]
    assert refusals[0][1] == "covergen: auth has no canary (there are: covers)\n"
    assert [row["name"] for row in json.loads(status) if row["kind"] == "canary"] == ["covers v2: 100 %, instances: 1"]
    assert [(row["version"], row["percent"], row["instances"]) for row in rows] == [("v1", 0, 1), ("v2", 100, 1)]
    assert str(rows[1]["releases"]).endswith("+v2")
