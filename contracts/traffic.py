"""Two versions of a node side by side, and how a request finds one of them.

| subject | who sends there | who hears it |
|---|---|---|
| `svc.covers.generate` | tools, and nodes on nobody's behalf | stable; a weight of NATS may map it to the canary |
| `svc.covers.generate.<tens>.<units>` | the edge and nodes, for the bucket of a user | the same |
| `svc.covers.v2.generate` | the edge for beta users, and what NATS maps | the canary |
| `svc.covers.v1.generate` | who found nobody at another one | stable |

A user's bucket is one of a hundred and never changes, and the canary has the first so many (`ops/nats_mappings.py`): so
a user gets the same version while the weight is the same, and when it moves only those move who must. The bucket is in
the subject because NATS cannot map by a header; as two digits, because each row of a mapping costs every message, and
so ten buckets need only one. Without a mapping, as at a weight of 0, the stable version hears all.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.registry import ENDPOINTS
from contracts.wire import Endpoint

BUCKETS = 100


@dataclass(frozen=True, slots=True)
class Versions:
    """What the two versions of a node are called: places, not releases. A release goes from one to the other."""

    stable: str = "v1"
    canary: str = "v2"
    weight: int = 0
    """Percent of the traffic that the canary gets unless an operator says otherwise (`covergen canary set`)."""


VERSIONED: Mapping[str, Versions] = {"covers": Versions()}
"""The nodes that may have a canary. Each makes a hundred subjects of an endpoint, so name only those that need one."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Where requests to one endpoint of a versioned node go."""

    stable: str
    canary: str
    buckets: tuple[str, ...]

    def of(self, user_id: uuid.UUID) -> str:
        """The subject of that user's requests."""
        return self.buckets[user_id.int % BUCKETS]


def explicit(endpoint: Endpoint[Any, Any], version: str) -> str:
    """The subject that only this version hears."""
    return f"svc.{endpoint.node}.{version}.{endpoint.word}"


def places(node: str) -> tuple[str, ...]:
    """The versions of a node, the stable one first; one without a name for a node that has none."""
    versions = VERSIONED.get(node)
    return ("",) if versions is None else (versions.stable, versions.canary)


def heard(endpoint: Endpoint[Any, Any], version: str) -> tuple[str, ...]:
    """The subjects that a node of this version listens on."""
    versions = VERSIONED.get(endpoint.node)
    if versions is None:
        return (endpoint.subject,)
    own = explicit(endpoint, version)
    return (own,) if version == versions.canary else (endpoint.subject, f"{endpoint.subject}.*.*", own)


def called(endpoint: Endpoint[Any, Any]) -> tuple[str, ...]:
    """The subjects that a caller may send to; those that NATS maps to among them, as it checks after mapping."""
    versions = VERSIONED.get(endpoint.node)
    if versions is None:
        return (endpoint.subject,)
    return (*heard(endpoint, versions.stable), explicit(endpoint, versions.canary))


def _ways(endpoint: Endpoint[Any, Any], versions: Versions) -> Ways:
    return Ways(
        stable=explicit(endpoint, versions.stable),
        canary=explicit(endpoint, versions.canary),
        buckets=tuple(f"{endpoint.subject}.{bucket // 10}.{bucket % 10}" for bucket in range(BUCKETS)),
    )


WAYS: Mapping[str, Ways] = {e.subject: _ways(e, VERSIONED[e.node]) for e in ENDPOINTS if e.node in VERSIONED}
"""By the plain subject of the endpoint."""
