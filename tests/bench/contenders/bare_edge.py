"""The limit: aiohttp and nats-py. No headers, no limits of size or time, no metrics; `guarded`: a token and a rate."""

import sys
from collections.abc import Awaitable, Callable

import msgspec
import nats
from aiohttp import web

from tests.bench.contenders.plans import HttpPlan

Handler = Callable[[web.Request], Awaitable[web.Response]]


def guard(plan: HttpPlan) -> Callable[[Handler], Handler]:
    """The token and the rate around a handler; the handler itself when the row is without."""
    if not plan.guarded:
        return lambda handler: handler
    from tests.bench.contenders.checks import BareLimit, Tokens  # what these need is not there for `make test`

    tokens, limit = Tokens(plan), BareLimit(plan)

    def guarded(handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            user = tokens.user(request.headers.get("Authorization"))
            if user is None:
                return web.Response(status=401)
            if not await limit.lets(user):
                return web.Response(status=429)
            return await handler(request)

        return handle

    return guarded


def application(plan: HttpPlan) -> web.Application:
    """Two handlers that pass JSON on."""
    app, guarded = web.Application(), guard(plan)

    async def connect(app: web.Application) -> None:
        app["nc"] = await nats.connect(plan.nats)

    async def profile(request: web.Request) -> web.Response:
        reply = await request.app["nc"].request("bare.users.get", b"{}", timeout=5)
        return web.Response(body=reply.data, content_type="application/json")

    async def generate(request: web.Request) -> web.Response:
        body = await request.read()
        msgspec.json.decode(body)
        reply = await request.app["nc"].request("bare.covers.generate", body, timeout=5)
        return web.Response(status=202, body=reply.data, content_type="application/json")

    app.on_startup.append(connect)
    app.router.add_get("/v1/me", guarded(profile))
    app.router.add_post("/v1/covers", guarded(generate))
    return app


if __name__ == "__main__":
    plan = msgspec.json.decode(sys.argv[1], type=HttpPlan)
    web.run_app(application(plan), host="127.0.0.1", port=plan.port, access_log=None, print=None)
