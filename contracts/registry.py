"""Every contract in one tuple, so that configuration and documents can be derived from it."""

from typing import Any

from contracts import (
    auth,
    brands,
    covers,
    edits,
    exports,
    logins,
    notifications,
    oauth,
    operations,
    pictures,
    reviews,
    safety,
    security,
    shares,
    signatures,
    tasks,
    templates,
    token_keys,
    uploads,
    users,
)
from contracts.faults import BUCKET as FAULTS
from contracts.wire import Bucket, Endpoint, Event, WorkQueue

Contract = Endpoint[Any, Any] | WorkQueue[Any] | Event[Any]

CONTRACTS: tuple[Contract, ...] = (
    *auth.CONTRACTS,
    *security.CONTRACTS,
    *oauth.CONTRACTS,
    *token_keys.CONTRACTS,
    *signatures.CONTRACTS,
    *logins.CONTRACTS,
    *users.CONTRACTS,
    *templates.CONTRACTS,
    *safety.CONTRACTS,
    *reviews.CONTRACTS,
    *covers.CONTRACTS,
    *brands.CONTRACTS,
    *pictures.CONTRACTS,
    *shares.CONTRACTS,
    *edits.CONTRACTS,
    *uploads.CONTRACTS,
    *exports.CONTRACTS,
    *tasks.CONTRACTS,
    *operations.CONTRACTS,
    *notifications.CONTRACTS,
)

ENDPOINTS = tuple(c for c in CONTRACTS if isinstance(c, Endpoint))
QUEUES = tuple(c for c in CONTRACTS if isinstance(c, WorkQueue))
EVENTS = tuple(c for c in CONTRACTS if isinstance(c, Event))

NODES: tuple[str, ...] = (
    "auth",
    "users",
    "templates",
    "safety",
    "covers",
    "edits",
    "exports",
    "tasks",
    "notifications",
)
"""The nodes that exist. `edge`, `tools`, `ops` and `sys` are users of the bus but no nodes."""

BUCKETS: tuple[Bucket, ...] = (
    Bucket(
        "art",
        readers=frozenset({"edge", "covers", "edits", "safety", "exports"}),
        writers=frozenset({"edge", "covers", "edits", "exports", "safety"}),
    ),
)
"""Object stores."""

KEY_VALUES: tuple[Bucket, ...] = (Bucket(FAULTS, readers=frozenset({*NODES, "edge"}), writers=frozenset({"ops"})),)
"""Key-value buckets."""
