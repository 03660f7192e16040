"""Small stacks for tests of the supervisor: a NATS server and children made of a few lines of Python.

`python -m tests.support.stack HOME` runs one as a process of its own until it is told to stop.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from ops.child import ProcessSpec
from ops.launch import Stack
from ops.processes import READY_FD
from ops.running import RunInfo
from ops.servers.base import PATIENCE, Patience
from ops.settings import Settings, read_settings
from ops.stack_parts import Urls, plain_nats_config, provision_nothing

# Says that it is ready and stays; its own child stays with it, as the painters of the nodes do.
STAYS = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with os.fdopen(int(os.environ["{READY_FD}"]), "w") as pipe:
    pipe.write('{{"ready": "it"}}\\n')
time.sleep(600)
"""
# The same, and lives as one of ours does: by a byte a second.
PULSES = """
import asyncio
from ops.pulse import Pulse
async def live():
    async with Pulse() as pulse:
        pulse.ready("it")
        await asyncio.sleep(600)
asyncio.run(live())
"""
# Every server but NATS is said to be elsewhere, so that a stack starts in a tenth of a second.
ELSEWHERE = {
    "COVERGEN_POSTGRES_URL": "postgresql://127.0.0.1:1/x",
    "COVERGEN_MONGO_URL": "mongodb://127.0.0.1:1",
    "COVERGEN_REDIS_URL": "redis://127.0.0.1:1",
}


def stack_settings(home: Path, **environ: str) -> Settings:
    """Settings of a stack in `home` on a free HTTP port, with only the servers that are not in `environ`."""
    return read_settings({"COVERGEN_HOME": str(home), "COVERGEN_HTTP_PORT": "0", **environ}, home / "no.env")


def child(
    name: str,
    code: str = STAYS,
    *,
    kind: str = "node",
    ready_limit: float = 10.0,
    silence_limit: int | None = None,
) -> ProcessSpec:
    """A child of a stack that runs some Python."""
    command = (sys.executable, "-c", code)
    return ProcessSpec(name, command, kind=kind, ready_limit=ready_limit, stop_limit=2.0, silence_limit=silence_limit)


def stack(settings: Settings, processes: Sequence[ProcessSpec] = (), patience: Patience = PATIENCE) -> Stack:
    """A stack with a plain NATS server and nothing to provision."""
    return Stack(
        settings,
        provision=provision_nothing,
        configure_nats=plain_nats_config,
        processes=processes,
        patience=patience,
    )


def small_stack(home: Path, processes: Sequence[ProcessSpec] = (), patience: Patience = PATIENCE) -> Stack:
    """A stack whose only server is NATS."""
    return stack(stack_settings(home, **ELSEWHERE), processes, patience)


async def refuse_to_provision(settings: Settings, urls: Urls) -> None:
    """A provision hook that fails."""
    raise LookupError("the schema is missing")


async def _announce(run: RunInfo) -> None:
    logging.getLogger("stack").info("up at %s", run.edge)


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    asyncio.run(small_stack(Path(sys.argv[1]), (child("nodes"), child("edge", kind="edge"))).run(_announce))
