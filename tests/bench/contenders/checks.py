"""What the others check in the rows with a token and a rate limit: the libraries that people use for it.

The token by PyJWT, as FastAPI's own tutorial does it; the limit by `limits` (which slowapi is built on) with its
sliding window in Redis, or, for the bare server, by the two commands that a limit needs at least.
"""

import jwt
import redis.asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from contracts.auth import AUDIENCE, ISSUER
from tests.bench.contenders.plans import LIMIT_A_MINUTE, HttpPlan


class Tokens:
    """Whose token it is."""

    def __init__(self, plan: HttpPlan) -> None:
        self._key: Ed25519PublicKey = Ed25519PrivateKey.from_private_bytes(plan.seed).public_key()

    def user(self, authorization: str | None) -> str | None:
        """The user of a good `Authorization: Bearer`; None for any other."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            return str(jwt.decode(token, self._key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)["sub"])
        except jwt.InvalidTokenError:
            return None


class LibraryLimit:
    """A sliding window by `limits`."""

    def __init__(self, plan: HttpPlan) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(RedisStorage(f"async+{plan.redis}", implementation="redispy"))
        self._item = RateLimitItemPerMinute(LIMIT_A_MINUTE)

    async def lets(self, user: str) -> bool:
        """May this user ask once more?"""
        return bool(await self._limiter.hit(self._item, user))


class BareLimit:
    """A fixed window: INCR and EXPIRE in one round trip."""

    def __init__(self, plan: HttpPlan) -> None:
        self._redis = redis.asyncio.Redis.from_url(plan.redis)

    async def lets(self, user: str) -> bool:
        """May this user ask once more?"""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.incr(f"bare:{user}")
            pipe.expire(f"bare:{user}", 60, nx=True)
            count, _ = await pipe.execute()
        return int(count) <= LIMIT_A_MINUTE
