"""What a contender is told when it starts, and the answers that all of them give."""

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
USER_ID = uuid.UUID("6f1c1f6e-58a5-4d5f-9a0e-2f1a3c4b5d6e")
USER: dict[str, Any] = {
    "id": USER_ID,
    "email": "ada@example.org",
    "username": "ada",
    "full_name": "Ada Lovelace",
    "avatar_url": None,
    "subscription_tier": "free",
    "created_at": NOW,
    "updated_at": NOW,
}
ACCEPTED: dict[str, Any] = {"task_id": USER_ID, "cover_id": USER_ID, "status": "queued"}
ORDER: dict[str, Any] = {
    "title": "The Analytical Engine",
    "subtitle": "Notes by the translator",
    "author": "Ada Lovelace",
    "prompt": "brass wheels and woven silk in the light of a lamp",
    "format": "ebook",
    "seed": 1843,
}


LIMIT_A_MINUTE = 10_000_000
"""Requests of one user: counted every time, reached never."""


class HttpPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One process of a contender of the HTTP rows."""

    nats: str
    port: int = 0
    redis: str = ""
    objects: str = ""
    kid: str = ""
    """Of the key that signs the tokens; made for this run."""
    seed: bytes = b""
    guarded: bool = False
    """With a check of the token (which Covergen always does) and a limit of requests per user."""


class JobsPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One round of the jobs rows."""

    nats: str
    jobs: int
    in_flight: int
    warmup: int
    """Jobs before the clock starts."""
