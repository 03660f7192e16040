"""Generated requests against the whole product: what `/openapi.json` promises holds, and nothing ends in a 500.

Every check of Schemathesis is on; `schemathesis.toml` beside this file says what had to be set, and why. FUZZ_PHASES,
FUZZ_EXAMPLES and FUZZ_SECONDS ask for more than fits into every run (`make fuzz`).
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.api import Running, signed_up, whole_stack

pytestmark = pytest.mark.timeout(1800)
ROOT = Path(__file__).parents[2]
SECONDS = os.environ.get("FUZZ_SECONDS", "45")
"""For each caller, all phases together."""
LIMITS = {"COVERGEN_RATE_LIMITS": "off", "COVERGEN_MAX_WAIT": "3600"}
"""Orders are made faster than they are worked on: nobody is refused for that."""


async def generated(stack: Running, email: str, password: str) -> tuple[int, str]:
    """The exit code and the words of one run as that caller."""
    who = {"FUZZ_BASE": stack.base, "FUZZ_EMAIL": email, "FUZZ_PASSWORD": password}
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(Path(__file__).with_name("schemathesis.toml")),
        ),
        *("run", f"{stack.base}/openapi.json", "--no-shrink", "--max-time", SECONDS),
        *("--phases", os.environ.get("FUZZ_PHASES", "examples,coverage,stateful")),
        *("--max-examples", os.environ.get("FUZZ_EXAMPLES", "2")),
        env={**os.environ, **who, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")


async def test_the_document_tells_the_truth_to_everybody(tmp_path: Path) -> None:
    """For a user and for an administrator: no server error, no answer that the document does not know."""
    async with whole_stack(tmp_path, **LIMITS) as stack:
        async with signed_up(stack.base) as api:
            user = str((await api.call("GET", "/v1/me")).body["email"])
        admin = (stack.home / "admin-password").read_text().strip()
        callers = ((user, "correct horse battery"), ("admin@covergen.local", admin))
        runs = [await generated(stack, *caller) for caller in callers]
    for _, said in runs:
        print(said[-3_000:])  # noqa: T201 -- what was done, for whoever asks for it with -s
    failed = "\n".join(said[-20_000:] for code, said in runs if code)
    assert not failed, failed
