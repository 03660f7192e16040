"""What one line of the table of routes says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from contracts.oauth import ClientScope
from contracts.wire import Endpoint

Access = Literal["public", "optional", "user", "partner", "admin"]
"""`optional`: works without credentials, but those that are given must be good; `partner`: administrators too."""
Body = Literal["none", "optional", "json", "form", "file", "upload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """How an answer may be kept by clients and by the edge."""

    group: str
    """Routes with `changes` of the same name empty it."""
    max_age: int
    """Seconds, for clients and for the edge."""
    stale: int = 0
    """Seconds after that in which it is still given while somebody asks the node behind it."""
    stale_if_error: int = 0
    """The same while the node cannot be asked."""

    @property
    def control(self) -> str:
        """The rule as Cache-Control tells it."""
        more = f", stale-while-revalidate={self.stale}" if self.stale else ""
        return f"public, max-age={self.max_age}{more}" + (
            f", stale-if-error={self.stale_if_error}" if self.stale_if_error else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the table."""

    method: str
    path: str
    summary: str
    tag: str
    contract: Endpoint[Any, Any] | None = None
    access: Access = "user"
    scope: ClientScope | None = None
    """What an API key or a token with scopes must have; None: only a user's own session may do this."""
    origin: bool = False
    """Is the node told from which network and program the request comes?"""
    status: int = 200
    """The status of success."""
    body: Body = "none"
    query: tuple[str, ...] = ()
    session: Mapping[str, str] = field(default_factory=dict)
    """Fields of the request that only the token's claims may fill."""
    location: str | None = None
    """The Location header, with fields of the reply in braces."""
    cache: Cache | None = None
    changes: str | None = None
    """The group of cached answers that success makes stale."""
    idempotent: bool = False
    """Does it honour Idempotency-Key?"""
    admits: str | None = None
    """The kind of task that it begins: refused while new ones would wait too long."""
    cost: int = 1
    """Points against the caller's rate (`rates.py`); 0: neither counted nor limited."""
    guard: str | None = None
    """Stricter limits on top, a word of `rates.GUARDS`."""
    without_limits: Literal["open", "closed"] = "open"
    """When the limits cannot be looked up: serve without, or answer 503 (where passwords could be guessed)."""
    handler: str = "call"
    """`call` asks the contract; other words are handlers that `app.py` knows."""
    media: str = "application/json"
    """Media type of success."""

    @property
    def name(self) -> str:
        """Method and path, e.g. for logs."""
        return f"{self.method} {self.path}"

    @property
    def fields(self) -> tuple[str, ...]:
        """The placeholders of the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))
