"""Every contract in one tuple, so that configuration and documents can be derived from it."""

from typing import Any

from contracts import auth, covers, notifications, safety, tasks, templates, users
from contracts.wire import Bucket, Endpoint, Event, WorkQueue

Contract = Endpoint[Any, Any] | WorkQueue[Any] | Event[Any]

CONTRACTS: tuple[Contract, ...] = (
    *auth.CONTRACTS,
    *users.CONTRACTS,
    *templates.CONTRACTS,
    *safety.CONTRACTS,
    *covers.CONTRACTS,
    *tasks.CONTRACTS,
    *notifications.CONTRACTS,
)

ENDPOINTS = tuple(c for c in CONTRACTS if isinstance(c, Endpoint))
QUEUES = tuple(c for c in CONTRACTS if isinstance(c, WorkQueue))
EVENTS = tuple(c for c in CONTRACTS if isinstance(c, Event))

NODES: tuple[str, ...] = ("auth", "users", "templates", "safety", "covers", "tasks", "notifications")
"""The nodes that exist. `edge`, `tools`, `ops` and `sys` are users of the bus but no nodes."""

BUCKETS: tuple[Bucket, ...] = (
    Bucket("art", readers=frozenset({"edge", "covers", "safety"}), writers=frozenset({"covers"})),
)
