"""No more than `rates.py` allows: RateLimit headers on every answer, 429 with Retry-After beyond.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11; `t` is when the oldest points come back. One call to
Redis for a request, a second one where a guard's points are given back. When Redis is down a route does what its
`without_limits` says: `open` serves without a limit, `closed` answers 503, for where passwords could be guessed.
"""

import contextlib
import hashlib
import logging
import math
import time
import unicodedata
from collections.abc import Callable

import msgspec

from adapters.rate_limits import Charge, RateLimits, Verdict
from contracts.errors import Forbidden, RateLimited, ServiceError, Unauthenticated, Unavailable, in_words
from edge.address import Addresses
from edge.exchange import Exchange, Handler, Middleware, Result
from edge.rates import Policy, Rates
from edge.routes import Route

log = logging.getLogger(__name__)

POLICY, LEFT = "RateLimit-Policy", "RateLimit"
WARN_EVERY = 10.0
"""Seconds between two lines that say that nothing is limited."""


class RateLimiter:
    """Charges requests."""

    def __init__(self, limits: RateLimits, rates: Rates, addresses: Addresses) -> None:
        self.limits = limits
        self.rates = rates
        self._addresses = addresses
        self._warned_at = float("-inf")

    async def charge(self, exchange: Exchange, guards: tuple[Policy, ...] = ()) -> "Charged | None":
        """Take the points of a request, or raise RateLimited. None when Redis is down and the route is served anyway;
        raises Unavailable when it is not."""
        exchange.rated = True
        policies = (self._general(exchange), *guards)
        charges = [self._charge(exchange, policy, index > 0) for index, policy in enumerate(policies)]
        try:
            verdict = await self.limits.take(charges)
        except Unavailable:
            if exchange.route.without_limits == "closed":
                raise Unavailable("This is not possible for the moment.", retry_after=1) from None
            self._warn()
            return None
        _tell(exchange, policies, verdict)
        if verdict.refused:
            wait = max(verdict.wait)
            raise RateLimited(f"Too many requests. Please try again in {in_words(wait)}.", retry_after=wait)
        return Charged(self.limits, policies, charges, verdict)

    def _warn(self) -> None:
        if (now := time.monotonic()) >= self._warned_at + WARN_EVERY:
            self._warned_at = now
            log.warning("Redis is down: no rate limits", extra={"action": "rate_limits_open"})

    def _general(self, exchange: Exchange) -> Policy:
        claims = exchange.claims
        return self.rates.anybody if claims is None else self.rates.of_tier(claims.tier)

    def _charge(self, exchange: Exchange, policy: Policy, guard: bool) -> Charge:
        cost = 1 if guard else exchange.route.cost
        # A user whose plan changes begins anew: the points of one plan are not those of another.
        return Charge(f"rate:{policy.name}:{self._who(exchange, policy)}", policy.quota, policy.window, cost)

    def _who(self, exchange: Exchange, policy: Policy) -> str:
        if policy.by == "account":
            return account(exchange.body)
        if policy.by == "user" and exchange.claims is not None:
            return str(exchange.claims.sub)
        return self._addresses.of(exchange.request)


class Charged:
    """What a request has taken."""

    def __init__(
        self, limits: RateLimits, policies: tuple[Policy, ...], charges: list[Charge], verdict: Verdict
    ) -> None:
        self._limits = limits
        self._taken = list(zip(policies, charges, verdict.left, strict=True))

    async def settle(self, status: int) -> None:
        """Give back what only failures cost; to the account that was proven, everything."""
        for policy, charge, left in self._taken:
            if policy.failures and status not in policy.failures:
                with contextlib.suppress(Unavailable):  # then it counts as a failure until the window has passed
                    if status < 400 and policy.by != "address":
                        await self._limits.forget(charge.key)
                    else:
                        await self._limits.give_back(charge, left)


def rate_limit(limiter: RateLimiter | None) -> Middleware:
    """Charge each request; nothing at all for routes that cost nothing."""

    def stage(route: Route, inner: Handler) -> Handler:
        if limiter is None or (route.cost == 0 and route.guard is None):
            return inner
        guards = limiter.rates.guards(route.guard)
        settles = any(policy.failures for policy in guards)

        async def handle(exchange: Exchange) -> Result:
            charged = await limiter.charge(exchange, guards)
            if charged is None or not settles:
                return await inner(exchange)
            return await _settled(charged, exchange, inner)

        return handle

    return stage


def strangers(limiter: RateLimiter | None) -> Middleware:
    """Charge the address of who was turned away before the limit was looked at: bad credentials cost something too."""

    def stage(route: Route, inner: Handler) -> Handler:
        if limiter is None or route.access == "public":
            return inner

        async def handle(exchange: Exchange) -> Result:
            try:
                return await inner(exchange)
            except (Unauthenticated, Forbidden):
                if not exchange.rated:
                    with contextlib.suppress(Unavailable):
                        await limiter.charge(exchange)
                raise

        return handle

    return stage


async def _settled(charged: Charged, exchange: Exchange, inner: Handler) -> Result:
    status = 500
    try:
        result = await inner(exchange)
    except ServiceError as error:
        status = error.status
        raise
    else:
        status = result.status
        return result
    finally:
        await charged.settle(status)


class _Named(msgspec.Struct):
    email: str = ""


_read: Callable[[bytes], _Named] = msgspec.json.Decoder(_Named).decode


def account(body: bytes) -> str:
    """A name for the e-mail address in a body, that does not tell it; spelled as the auth node compares them."""
    try:
        email = _read(body).email
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        email = ""
    return hashlib.sha256(unicodedata.normalize("NFC", email.strip()).lower().encode()).hexdigest()[:32]


def _tell(exchange: Exchange, policies: tuple[Policy, ...], verdict: Verdict) -> None:
    told = [(policy, left) for policy, left in zip(policies, verdict.left, strict=True) if policy.told]
    exchange.headers[POLICY] = ", ".join(policy.header for policy, _ in told)
    exchange.headers[LEFT] = ", ".join(
        f'"{policy.name}";r={left.remaining};t={max(1, math.ceil(left.reset))}' for policy, left in told
    )
