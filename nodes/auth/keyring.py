"""The signing keys of this instance, read from the database and kept in memory."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from adapters.crypto import SigningKey
from contracts.auth import Jwks
from contracts.errors import Unavailable
from nodes.auth.model import published, signer
from nodes.auth.store import AuthStore, Keys


class Keyring:
    """Read at first need, and again by `reload`, so that a key that another instance made is known in time."""

    def __init__(self, store: AuthStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._loading = asyncio.Lock()
        self._keys: Keys | None = None

    async def reload(self) -> None:
        """Read all keys; when there are none yet, make them."""
        self._keys = await self._store.keys(self._clock())

    async def jwks(self) -> Jwks:
        """Every key whose tokens may be good."""
        keys = await self._known()
        return Jwks(keys=tuple(keys.signing[kid].public for kid in published(keys.times, self._clock())))

    async def signing_key(self) -> SigningKey:
        """The key that signs now. Raises Unavailable when all keys are retired or wait for their time."""
        keys = await self._known()
        kid = signer(keys.times, self._clock())
        if kid is None:
            raise Unavailable("No key is ready to sign.", retry_after=30)
        return keys.signing[kid]

    async def refresh_secret(self) -> bytes:
        """The key of derived refresh tokens."""
        return (await self._known()).refresh_secret

    async def _known(self) -> Keys:
        async with self._loading:
            if self._keys is None:
                self._keys = await self._store.keys(self._clock())
            return self._keys
