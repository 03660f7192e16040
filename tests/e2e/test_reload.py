"""Settings that change while Covergen runs: every process is replaced, and users notice nothing."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.support.api import ROOT, Running, whole_stack
from tests.support.steady_load import promises_kept, under_load, users_of

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]
ORIGIN = "https://books.example.org"
FIRST = "COVERGEN_RATE_LIMITS=off\nCOVERGEN_PAINT_PROCESSES=1\n"
SECOND = f"{FIRST}COVERGEN_CORS_ORIGINS={ORIGIN}\nCOVERGEN_LOG_FORMAT=json\nCOVERGEN_HTTP_WORKERS=1\n"
SLOW = 150.0
"""Seconds."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the supervisor works, with its `.env`."""
    found = tmp_path_factory.mktemp("folder")
    (found / ".env").write_text(f"{FIRST}COVERGEN_HTTP_WORKERS=2\n")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(folder: Path) -> AsyncIterator[Running]:
    """Two edges that share the port, and one process with all nodes."""
    async with whole_stack(folder / "home", folder=folder, PYTHONPATH=str(ROOT)) as running:
        yield running


async def reload(stack: Running, folder: Path) -> tuple[int, str]:
    """`covergen reload`: its code, and what it says."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COVERGEN_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "reload"),
        env={**clean, "COVERGEN_HOME": str(stack.home), "COVERGEN_HTTP_PORT": "0", "PYTHONPATH": str(ROOT)},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), SLOW)
    assert process.returncode is not None
    return process.returncode, output.decode()


async def allowed(stack: Running) -> str | None:
    """May a page of that origin call us?"""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{stack.base}/healthz", headers={"Origin": ORIGIN}) as answer,
    ):
        assert answer.status == 200
        return answer.headers.get("Access-Control-Allow-Origin")


async def test_what_cannot_change_is_refused_by_name(stack: Running, folder: Path) -> None:
    """Another server, or a setting that cannot be read: one line says which, and the processes stay."""
    before, text = stack.run["pids"], (folder / ".env").read_text()
    refusals = {
        "COVERGEN_REDIS_URL=redis://127.0.0.1:6379/0": "COVERGEN_REDIS_URL cannot change at run time",
        "COVERGEN_HTTP_WORKERS=many": "COVERGEN_HTTP_WORKERS must be a whole number from 1 to 64",
        "COVERGEN_HTP_PORT=1": "COVERGEN_HTP_PORT in .env is not a setting; did you mean COVERGEN_HTTP_PORT?",
    }
    try:
        for line, reason in refusals.items():
            (folder / ".env").write_text(f"{text}{line}\n")
            code, said = await reload(stack, folder)
            assert (code, reason in said, said.count("\n")) == (1, True, 1), said
    finally:
        (folder / ".env").write_text(text)
    assert stack.run["pids"] == before


async def test_a_setting_with_which_nothing_starts_is_taken_back(stack: Running, folder: Path) -> None:
    """The nodes do not start with it: the edges, which did, are replaced back, and the product serves."""
    text = (folder / ".env").read_text()
    before = stack.run["pids"]
    (folder / ".env").write_text(f"{text}COVERGEN_CORS_ORIGINS={ORIGIN}\nCOVERGEN_IMAGES=openai\n")
    try:
        code, said = await reload(stack, folder)
    finally:
        (folder / ".env").write_text(text)
    assert code == 1, said
    assert stack.run["pids"]["nodes"] == before["nodes"]
    assert await allowed(stack) is None


async def test_nobody_notices_a_reload(stack: Running, folder: Path) -> None:
    """Under 50 requests a second no request fails; afterwards the new settings are in force in every process."""
    before = stack.run["pids"]
    assert await allowed(stack) is None
    async with users_of(stack) as users:
        async with under_load(stack, users, 5.0) as load:
            (folder / ".env").write_text(SECOND)
            code, said = await reload(stack, folder)
        await promises_kept(load)

    assert code == 0, said
    assert not load.bad, load.bad[:5]
    assert len(load.orders) >= 2
    after = stack.run["pids"]
    assert set(before) - set(after) == {"edge-2"}
    assert {name for name in after if after[name] != before[name]} == {"edge", "nodes"}
    assert await allowed(stack) == ORIGIN
    for name in ("edge", "nodes"):
        lines = (stack.home / "logs" / f"{name}.log").read_text().splitlines()
        told = [json.loads(line)["level"] for line in lines if line.startswith("{")]
        assert told, "the new process logs JSON"
    assert stack.run["reload"] == {"running": False, "count": stack.run["reload"]["count"], "error": None}
