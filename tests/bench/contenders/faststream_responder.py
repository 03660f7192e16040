"""The other end of what people would use: FastStream subscribers that return pydantic models."""

import asyncio
import sys

import msgspec
from faststream import FastStream
from faststream.nats import NatsBroker

from tests.bench.contenders.models import CoverAccepted, GenerateCover, GetUser, User
from tests.bench.contenders.plans import ACCEPTED, USER, HttpPlan


def application(url: str) -> FastStream:
    """Two subscribers in queue groups."""
    broker = NatsBroker(url, logger=None)

    @broker.subscriber("stream.users.get", queue="users")
    async def profile(_message: GetUser) -> User:
        return User(**USER)

    @broker.subscriber("stream.covers.generate", queue="covers")
    async def generate(_order: GenerateCover) -> CoverAccepted:
        return CoverAccepted(**ACCEPTED)

    return FastStream(broker, logger=None)


if __name__ == "__main__":
    asyncio.run(application(msgspec.json.decode(sys.argv[1], type=HttpPlan).nats).run())
