"""Nodes of Covergen's runtime whose handlers answer at once."""

import asyncio
import contextlib
import sys

import msgspec

from adapters.signed_tokens import SigningKey
from adapters.telemetry import configure_logging
from contracts import auth, covers, users
from contracts.auth import Jwks
from contracts.covers import CoverAccepted
from contracts.users import User
from contracts.wire import Context
from nodes.bindings import serve
from ops.hosting import spare_collector, until_told
from tests.bench.contenders.plans import ACCEPTED, USER, HttpPlan
from tests.support.buses import SmallService, a_node


def services(key: SigningKey) -> tuple[SmallService, ...]:
    """The three that the measured routes need."""

    async def jwks(_message: auth.GetJwks, _context: Context) -> Jwks:
        return Jwks(keys=(key.public,))

    async def profile(_message: users.GetUser, _context: Context) -> User:
        return User(**USER)

    async def generate(_message: covers.GenerateCover, _context: Context) -> CoverAccepted:
        return CoverAccepted(**ACCEPTED)

    return (
        SmallService("auth", serve(auth.JWKS, jwks)),
        SmallService("users", serve(users.GET, profile)),
        SmallService("covers", serve(covers.GENERATE, generate)),
    )


async def main(plan: HttpPlan) -> None:
    """Answer until SIGTERM."""
    configure_logging("info", "text")
    async with contextlib.AsyncExitStack() as stack:
        key = SigningKey(kid=plan.kid, private=plan.seed)
        buses = [await stack.enter_async_context(a_node(plan.nats, service)) for service in services(key)]
        spare_collector()
        await until_told([bus.connection for bus in buses])


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=HttpPlan)))
