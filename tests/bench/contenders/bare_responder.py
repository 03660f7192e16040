"""The limit's other end: two nats-py subscriptions that decode, encode and respond."""

import asyncio
import sys

import msgspec
import nats
from nats.aio.msg import Msg

from tests.bench.contenders.plans import ACCEPTED, USER, HttpPlan


async def main(plan: HttpPlan) -> None:
    """Answer until killed."""
    client = await nats.connect(plan.nats)

    async def profile(message: Msg) -> None:
        msgspec.json.decode(message.data)
        await message.respond(msgspec.json.encode(USER))

    async def generate(message: Msg) -> None:
        msgspec.json.decode(message.data)
        await message.respond(msgspec.json.encode(ACCEPTED))

    await client.subscribe("bare.users.get", queue="users", cb=profile)
    await client.subscribe("bare.covers.generate", queue="covers", cb=generate)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=HttpPlan)))
