"""`covergen fault` against a stack with its real accounts on NATS, typed as an operator types it."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.api import Running, signed_up, whole_stack
from tests.support.promises import accepted, settled

pytestmark = pytest.mark.timeout(120)


async def covergen(stack: Running, *words: str) -> tuple[int, str]:
    """The exit code of a command, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ops", *words),
        env={**os.environ, "COVERGEN_HOME": str(stack.home)},
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_break_and_mend_a_running_stack(tmp_path: Path) -> None:
    """Set, shown by status, felt by a user, logged by nodes and edge, cleared, and over."""
    async with whole_stack(tmp_path) as stack, signed_up(stack.base) as api:
        code, said = await covergen(stack, "fault", "set", "provider-refusing", "--for", "60")
        assert (code, said) == (0, "provider-refusing is active for 60 s\n")
        _, listed = await covergen(stack, "status", "--json")
        broken = await api.ended(await accepted(api))
        code, cleared = await covergen(stack, "fault", "clear")
        assert (code, cleared) == (0, "cleared: provider-refusing\n")
        statuses = await settled(api, broken["task_id"], await accepted(api))
        code, typo = await covergen(stack, "fault", "set", "provider-slwo")

    assert [row["health"] for row in json.loads(listed) if row["kind"] == "fault"] == ["active"]
    assert statuses == {"failed": 1, "succeeded": 1}
    assert (code, typo.startswith("covergen: provider-slwo is not a fault: did you mean provider-slow")) == (1, True)
    for name in ("nodes", "edge"):
        log = (tmp_path / "logs" / f"{name}.log").read_text()
        assert "fault provider-refusing\n" in log
        assert "fault provider-refusing is over, " in log
