"""What people would use: FastAPI on uvicorn, and a FastStream broker that asks. Without logs and authentication."""

import contextlib
import sys
from collections.abc import AsyncIterator

import msgspec
import uvicorn
from fastapi import FastAPI
from faststream.nats import NatsBroker

from tests.bench.contenders.models import CoverAccepted, GenerateCover, GetUser, User
from tests.bench.contenders.plans import HttpPlan


def application(url: str) -> FastAPI:
    """Two routes with typed bodies and answers."""
    broker = NatsBroker(url, logger=None)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await broker.start()
        yield
        await broker.stop()

    app = FastAPI(lifespan=lifespan)

    @app.get("/v1/me")
    async def profile() -> User:
        reply = await broker.request(GetUser(), "stream.users.get", timeout=5)
        return User.model_validate_json(reply.body)

    @app.post("/v1/covers", status_code=202)
    async def generate(order: GenerateCover) -> CoverAccepted:
        reply = await broker.request(order, "stream.covers.generate", timeout=5)
        return CoverAccepted.model_validate_json(reply.body)

    return app


if __name__ == "__main__":
    plan = msgspec.json.decode(sys.argv[1], type=HttpPlan)
    uvicorn.run(
        application(plan.nats), host="127.0.0.1", port=plan.port, loop="asyncio", access_log=False, log_level="warning"
    )
