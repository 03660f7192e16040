"""HTTP, over the bus and back: Covergen, the limit, and what people would use, in alternating rounds."""

import asyncio
import contextlib
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from adapters.signed_tokens import SigningKey, sign
from contracts.auth import AUDIENCE, ISSUER, Claims
from ops.processes import reserve_port
from tests.bench.contenders.plans import ORDER, USER_ID, HttpPlan
from tests.bench.load import Measured, Plan
from tests.bench.processes import Failed, cpu_seconds, finished, running, written

COVERGEN, LIMIT, USUAL, TWICE = "Covergen", "aiohttp + nats-py", "FastAPI + FastStream", "Covergen, two edges"
MODULES = {
    COVERGEN: ("covergen_nodes", "covergen_edge"),
    LIMIT: ("bare_responder", "bare_edge"),
    USUAL: ("faststream_responder", "fastapi_edge"),
    TWICE: ("covergen_nodes", "covergen_edge", "covergen_edge"),
}
"""Contender to the modules of its responder and its servers, which share a port."""
READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of request."""

    name: str
    method: str
    path: str
    status: int
    body: str = ""

    def wire(self, token: str) -> str:
        """The request's bytes; every contender gets the same."""
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        if self.body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(self.body.encode())}\r\n"
        return f"{head}\r\n{self.body}"


SHAPES = (
    Shape("GET /v1/me", "GET", "/v1/me", 200),
    Shape("POST /v1/covers", "POST", "/v1/covers", 202, msgspec.json.encode(ORDER).decode()),
)


@dataclass(frozen=True, slots=True)
class Contender:
    """A responder and its servers, all running."""

    port: int
    pids: tuple[int, ...]


@dataclass(slots=True)
class Rounds:
    """What one contender did with one shape."""

    measured: list[Measured] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Microseconds of the servers' and the responder's CPU time per request, round by round."""

    @property
    def rate(self) -> float:
        """Median requests per second."""
        return statistics.median(one.rate for one in self.measured)

    @property
    def p50(self) -> float:
        """Median of the rounds' medians, milliseconds."""
        return statistics.median(one.p50 for one in self.measured)

    @property
    def p99(self) -> float:
        """Median of the rounds' 99th percentiles, milliseconds."""
        return statistics.median(one.p99 for one in self.measured)


Found = dict[tuple[str, str], Rounds]


def ratio(ours: Rounds, theirs: Rounds) -> tuple[float, float, float]:
    """Median, least and most of the ratios of rounds that ran next to each other."""
    found = [a.rate / b.rate for a, b in zip(ours.measured, theirs.measured, strict=True)]
    return statistics.median(found), min(found), max(found)


def token(key: SigningKey) -> str:
    """An access token of the run's user, good for a day."""
    now = int(time.time())
    session = uuid.uuid4()
    claims = Claims(iss=ISSUER, aud=AUDIENCE, sub=USER_ID, sid=session, jti=session.hex, iat=now, exp=now + 24 * 3600)
    return sign(claims, key)


@contextlib.asynccontextmanager
async def contenders(
    names: tuple[str, ...], plan: HttpPlan, folder: Path, bearer: str
) -> AsyncIterator[Mapping[str, Contender]]:
    """All of them running and answering for the length of the block."""
    async with contextlib.AsyncExitStack() as stack:
        found: dict[str, Contender] = {}
        for name in names:
            chosen = msgspec.structs.replace(plan, port=reserve_port())
            log = folder / f"{name}.log"
            pids = [
                await stack.enter_async_context(running(f"contenders.{module}", chosen, log))
                for module in MODULES[name]
            ]
            found[name] = Contender(chosen.port, tuple(pids))
        for name, contender in found.items():
            for shape in SHAPES:
                try:
                    await _until_good(contender.port, shape, bearer)
                except TimeoutError:
                    end = written(folder / f"{name}.log")
                    raise Failed(f"{name} does not answer {shape.name} with {shape.status}:\n{end}") from None
        yield found


async def _until_good(port: int, shape: Shape, bearer: str) -> None:
    """Return when the shape is answered with its status. Raises TimeoutError."""
    good = f"HTTP/1.1 {shape.status} ".encode()
    async with asyncio.timeout(READY_SECONDS):
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(shape.wire(bearer).encode())
                line = await reader.readline()
                writer.close()
                if line.startswith(good):
                    return
            await asyncio.sleep(0.05)


async def measure_http(
    names: tuple[str, ...],
    plan: HttpPlan,
    key: SigningKey,
    folder: Path,
    *,
    rounds: int,
    seconds: float,
    connections: int,
) -> Found:
    """Rounds of these contenders (A B C A B C) for every shape, by (shape, contender)."""
    bearer = token(key)
    found: Found = {}
    async with contenders(names, plan, folder, bearer) as ready:
        for _ in range(rounds):
            for shape in SHAPES:
                for name, contender in ready.items():
                    one = found.setdefault((shape.name, name), Rounds())
                    await _round(one, contender, shape, bearer, seconds, connections)
    return found


async def _round(
    rounds: Rounds, contender: Contender, shape: Shape, bearer: str, seconds: float, connections: int
) -> None:
    plan = Plan(
        host="127.0.0.1",
        port=contender.port,
        request=shape.wire(bearer),
        status=shape.status,
        connections=connections,
        seconds=seconds,
        warmup=min(0.3, seconds / 4),
    )
    before = sum(cpu_seconds(pid) for pid in contender.pids)
    measured = msgspec.json.decode(await finished("load", plan), type=Measured)
    spent = sum(cpu_seconds(pid) for pid in contender.pids) - before
    if measured.bad or not measured.count:
        raise Failed(f"{shape.name} at port {contender.port}: {measured}")
    rounds.measured.append(measured)
    rounds.cpu.append(spent / (measured.rate * (plan.seconds + plan.warmup)) * 1e6)
