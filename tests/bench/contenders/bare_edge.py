"""The limit: aiohttp and nats-py, nothing around them. No authentication, no headers, no limits, no metrics."""

import sys

import msgspec
import nats
from aiohttp import web

from tests.bench.contenders.plans import HttpPlan


def application(url: str) -> web.Application:
    """Two handlers that pass JSON on."""
    app = web.Application()

    async def connect(app: web.Application) -> None:
        app["nc"] = await nats.connect(url)

    async def profile(request: web.Request) -> web.Response:
        reply = await request.app["nc"].request("bare.users.get", b"{}", timeout=5)
        return web.Response(body=reply.data, content_type="application/json")

    async def generate(request: web.Request) -> web.Response:
        body = await request.read()
        msgspec.json.decode(body)
        reply = await request.app["nc"].request("bare.covers.generate", body, timeout=5)
        return web.Response(status=202, body=reply.data, content_type="application/json")

    app.on_startup.append(connect)
    app.router.add_get("/v1/me", profile)
    app.router.add_post("/v1/covers", generate)
    return app


if __name__ == "__main__":
    plan = msgspec.json.decode(sys.argv[1], type=HttpPlan)
    web.run_app(application(plan.nats), host="127.0.0.1", port=plan.port, access_log=None, print=None)
