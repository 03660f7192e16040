"""What happens to every request, in which order, and what is allowed of it. Read `stages`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.nats.bus import Bus
from adapters.rate_limits import RateLimits
from adapters.redis import Idempotency, Redis
from adapters.signed_tokens import Verifier
from adapters.tracing import Traces
from edge.address import Addresses
from edge.address_lists import AddressLists
from edge.api_keys import KeyHolders
from edge.cookies import Cookies
from edge.exchange import Middleware
from edge.graphql.socket import SocketRules
from edge.kept import ResponseCache
from edge.middleware.admission import MAX_WAIT, MOST_AT_ONCE, admission, crowd
from edge.middleware.authentication import Authenticator, authentication
from edge.middleware.cache import Renewals, response_cache
from edge.middleware.compression import compression
from edge.middleware.cors import cors
from edge.middleware.doors import doors
from edge.middleware.errors import errors
from edge.middleware.idempotency import idempotency
from edge.middleware.limits import MAX_BODY, MAX_SECONDS, limits
from edge.middleware.observe import Metrics, observation
from edge.middleware.origin import origin
from edge.middleware.rate_limit import RateLimiter, rate_limit, strangers
from edge.middleware.security import HEADERS, security_headers
from edge.middleware.tracing import traced, tracing
from edge.outlook import Outlook
from edge.rates import Rates
from edge.revocations import Revocations
from edge.signatures import Signatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is allowed of requests."""

    max_body: int = MAX_BODY
    """Bytes."""
    max_seconds: float = MAX_SECONDS
    """That a request may take."""
    max_wait: float = MAX_WAIT
    """Seconds beyond which orders are refused."""
    most_at_once: int = MOST_AT_ONCE
    """Requests of this process at a time."""
    rates: Rates | None = None
    """How much each may ask; None: without limits."""
    addresses: Addresses = field(default_factory=Addresses)
    """How clients' addresses are read."""
    lists: AddressLists = field(default_factory=AddressLists)
    """Who may come at all."""
    origins: tuple[str, ...] = ()
    """Whose pages may call us."""
    cookies: Cookies = field(default_factory=Cookies)
    """The studio's session; edge processes that serve the same users share its key."""
    webhook_key: bytes | None = field(default=None, repr=False)
    """By which Replicate signs what it tells us; None: it may not."""
    sockets: SocketRules = field(default_factory=SocketRules)
    """What a WebSocket of GraphQL may do."""


RULES = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The stages of every request, from the outside in; some are gone through again by the fields of GraphQL."""

    outer: tuple[Middleware, ...]
    proof: tuple[Middleware, ...]
    rate: Middleware
    inner: tuple[Middleware, ...]
    limiter: RateLimiter | None

    @property
    def all(self) -> tuple[Middleware, ...]:
        """In one row."""
        return (*self.outer, *self.proof, self.rate, *self.inner)


def stages(
    bus: Bus,
    redis: Redis,
    verifier: Verifier,
    metrics: Metrics,
    outlook: Outlook,
    *,
    rules: Rules = RULES,
    revocations: Revocations | None = None,
    renewals: Renewals | None = None,
    headers: Mapping[str, str] = HEADERS,
    traces: Traces | None = None,
) -> Stages:
    """The stages of every request, in their order."""
    memory = Idempotency(redis)
    limiter = None if rules.rates is None else RateLimiter(RateLimits(redis), rules.rates, rules.addresses)
    authenticator = Authenticator(bus, verifier, revocations or Revocations(bus))
    signatures = Signatures(bus, redis, rules.cookies.public_url)
    outer = (
        tracing if traces is None else traced(traces),
        observation(metrics),  # outside the error mapping, to see the status that goes out
        security_headers(headers),  # outside it too, so that errors carry them
        cors(rules.origins),  # as above
        compression,
        errors,
        doors(rules.lists, rules.addresses),
        crowd(rules.most_at_once),  # before the body is read
        limits(max_body=rules.max_body, max_seconds=rules.max_seconds),
    )
    proof = (
        strangers(limiter),  # who does not get through the next one
        authentication(authenticator, KeyHolders(bus), rules.cookies, signatures),
    )
    inner = (
        admission(outlook, memory, max_wait=rules.max_wait),  # before the key of an order that is refused is taken
        idempotency(memory),
        response_cache(renewals or Renewals(ResponseCache(redis))),
        origin(rules.addresses),
    )
    return Stages(outer=outer, proof=proof, rate=rate_limit(limiter), inner=inner, limiter=limiter)
