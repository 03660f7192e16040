"""What people would use: FastAPI on uvicorn, and a FastStream broker that asks. Without logs; `guarded`: with a token
and a rate limit, both as dependencies."""

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from faststream.nats import NatsBroker

from tests.bench.contenders.checks import LibraryLimit, Tokens
from tests.bench.contenders.models import CoverAccepted, GenerateCover, GetUser, User
from tests.bench.contenders.plans import HttpPlan


def guards(plan: HttpPlan) -> list[Any]:
    """The dependencies of every route."""
    if not plan.guarded:
        return []
    tokens, limit = Tokens(plan), LibraryLimit(plan)

    async def caller(authorization: Annotated[str | None, Header()] = None) -> str:
        user = tokens.user(authorization)
        if user is None:
            raise HTTPException(401)
        return user

    async def rate(user: Annotated[str, Depends(caller)]) -> None:
        if not await limit.lets(user):
            raise HTTPException(429)

    return [Depends(rate)]


def application(plan: HttpPlan) -> FastAPI:
    """Two routes with typed bodies and answers."""
    broker = NatsBroker(plan.nats, logger=None)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await broker.start()
        yield
        await broker.stop()

    app = FastAPI(lifespan=lifespan, dependencies=guards(plan))

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
        application(plan), host="127.0.0.1", port=plan.port, loop="asyncio", access_log=False, log_level="warning"
    )
