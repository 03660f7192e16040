"""Hashes of passwords: argon2id (RFC 9106) with the parameters that OWASP names."""

import asyncio
import base64
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.errors import Unavailable

T = TypeVar("T")

DIGEST_BYTES = 32
SALT_BYTES = 16
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""argon2id as the OWASP password storage cheat sheet has it: 19 MiB, two passes, one lane."""


class Passwords:
    """argon2id off the loop, on `threads` threads, with at most `waiting` more in line.

    Each hash takes 19 MiB, so that the threads bound the memory and the line bounds the wait.
    """

    def __init__(self, *, threads: int = 2, waiting: int = 64) -> None:
        self._hasher = PasswordHasher(PASSES, MEMORY_KIB, LANES, DIGEST_BYTES, SALT_BYTES)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._limit = threads + waiting
        self._running = 0
        self._nobodys = _random_hash()

    async def hash(self, password: str) -> str:
        """The encoded hash to keep. Raises Unavailable when too many are waiting."""
        return await self._run(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, password: str, encoded: str | None) -> bool:
        """Is it the password behind `encoded`? With None the same work is done for nothing and the answer is False.

        Raises Unavailable when too many are waiting.
        """
        return await self._run(lambda: self._check(password, encoded or self._nobodys)) and encoded is not None

    def outdated(self, encoded: str) -> bool:
        """Was it made with other parameters than those of today?"""
        try:
            return self._hasher.check_needs_rehash(encoded)
        except InvalidHashError:
            return False

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _check(self, password: str, encoded: str) -> bool:
        try:
            return self._hasher.verify(encoded, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._running >= self._limit:
            raise Unavailable("Too many people are signing in at once.", retry_after=1)
        self._running += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # Counted until the thread is through with it, not until the caller goes away.
        future.add_done_callback(self._ended)
        return await asyncio.shield(future)

    def _ended(self, future: "asyncio.Future[T]") -> None:
        self._running -= 1
        if not future.cancelled():
            future.exception()  # seen here in case the caller has gone


def _bytes(password: str) -> bytes:
    """One form for the same characters typed on different keyboards (NIST SP 800-63B: NFKC)."""
    return unicodedata.normalize("NFKC", password).encode()


def _random_hash() -> str:
    """An encoded hash that no known password has, made without hashing anything."""
    salt, digest = (base64.b64encode(os.urandom(length)).rstrip(b"=").decode() for length in (SALT_BYTES, DIGEST_BYTES))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"
