"""One request on its way through the edge, and what the stages give back."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDict

from contracts.auth import Claims
from contracts.wire import BETA, Context
from edge.routes import Route

JSON = "application/json"
USER_TYPE = "X-User-Type"
"""`beta`: a signed-in user wants what is tried out. Strangers may not choose: they could flood what is made for few."""


@dataclass(slots=True)
class Answer:
    """A whole answer; `headers` go over those that the stages have put on the exchange."""

    status: int
    body: bytes = b""
    media: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


Result = Answer | web.StreamResponse


@dataclass(slots=True)
class Exchange:
    """A request and what the stages have found out about it."""

    request: web.Request
    route: Route
    region: str
    began: float = field(default_factory=time.perf_counter)
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    """Headers of the answer, whatever it will be."""
    request_id: str = ""
    traceparent: str | None = None
    tracestate: str | None = None
    claims: Claims | None = None
    address: str | None = None
    user_agent: str | None = None
    """From which network and program it comes, where the node is told (`Route.origin`)."""
    rated: bool = False
    """Has the rate limit been asked about it?"""
    idempotency_key: str | None = None
    body: bytes = b""
    seconds: float = 30.0
    """What is left of the request's time when a node is asked."""
    streaming: web.StreamResponse | None = None
    """An answer that has begun: what goes wrong from here can only end the connection."""

    def context(self, timeout: float) -> Context:
        """What travels with the message to a node; the deadline is at most `timeout` seconds from now."""
        claims = self.claims
        return Context(
            request_id=self.request_id,
            user_id=None if claims is None else claims.sub,
            tier="free" if claims is None else claims.tier,
            roles=() if claims is None else claims.roles,
            deadline=time.time() + min(timeout, self.seconds),
            traceparent=self.traceparent,
            tracestate=self.tracestate,
            region=self.region,
            idempotency_key=self.idempotency_key,
            address=self.address,
            user_agent=self.user_agent,
            beta=claims is not None and self.request.headers.get(USER_TYPE) == BETA,
        )


Handler = Callable[[Exchange], Awaitable[Result]]
Middleware = Callable[[Route, Handler], Handler]
"""Called once per route at start. Returns `inner` itself when the route does not need this stage, so that a stage costs
nothing where it has nothing to do."""
