"""The three kinds of contract, and the context that travels with every message.

The kind comes first in a subject, then the owning node, then the word:

- `Endpoint`  `svc.<node>.<verb>`     request-reply, imperative; queue group = node
- `WorkQueue` `jobs.<node>.<verb>`    durable work, imperative; stream JOBS (DELAYED for work that may be scheduled),
  one durable consumer per queue, or per lane of a queue with lanes (`jobs.<node>.<verb>.<lane>`)
- `Event`     `events.<node>.<fact>`  past tense; stream EVENTS, one durable consumer per listener

From these descriptors come the nodes' bindings, the edge's routes, the NATS allow-lists, the streams and consumers, and
the AsyncAPI document.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

Q = TypeVar("Q")
R = TypeVar("R")
M = TypeVar("M")

JOBS, DELAYED, EVENTS, DEAD, ADVISORIES = "JOBS", "DELAYED", "EVENTS", "DEAD", "ADVISORIES"

BETA = "beta"
"""The type of user, in `user-type` of a message and `X-User-Type` of a request, who gets the canary."""


class Done(msgspec.Struct, frozen=True):
    """The reply of an endpoint that has nothing to say but that it is done."""


class ObjectRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where bytes are. No contract carries the bytes themselves."""

    key: str
    sha256: str
    size: int
    """Bytes."""
    media_type: str


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, until when, and as part of which trace. Travels in headers with lower-case names."""

    request_id: str
    user_id: uuid.UUID | None = None
    tier: str = "free"
    roles: tuple[str, ...] = ()
    deadline: float | None = None
    """Unix time in seconds after which nobody waits for the answer."""
    traceparent: str | None = None
    tracestate: str | None = None
    """What other systems of the trace want to be passed on with it."""
    region: str | None = None
    idempotency_key: str | None = None
    address: str | None = None
    """The network of the client, where the node keeps that (not its whole address)."""
    user_agent: str | None = None
    """What the client calls itself, in printable ASCII, where the node keeps that."""
    beta: bool = False
    """A signed-in user who asks for what is tried out: nodes with a canary answer by it (`contracts/traffic.py`)."""
    delivery: int = 0
    """For a job or an event: 1 at the first delivery; 0 for a request. Not a header: the receiver counts."""
    message_id: str | None = None
    """Of a job or an event, as its sender named it. Not a header of the context: it belongs to one message."""
    sender: str | None = None
    """The instance that sent the message, as it names itself; for logs, never to decide what is allowed."""

    @classmethod
    def new(cls, *, timeout: float | None = None, user_id: uuid.UUID | None = None, tier: str = "free") -> "Context":
        """A context of its own, for work that no request began."""
        deadline = None if timeout is None else time.time() + timeout
        return cls(request_id=uuid.uuid4().hex, user_id=user_id, tier=tier, deadline=deadline)

    def within(self, timeout: float) -> "Context":
        """The same context with a deadline at most `timeout` seconds from now."""
        limit = time.time() + timeout
        if self.deadline is not None and self.deadline <= limit:
            return self
        return msgspec.structs.replace(self, deadline=limit)

    def remaining(self) -> float | None:
        """Seconds until the deadline; None when there is none."""
        return None if self.deadline is None else self.deadline - time.time()

    def headers(self) -> dict[str, str]:  # noqa: C901 -- one branch per header; a call for each would cost every message
        """The headers that carry this context."""
        headers = {"request-id": self.request_id}
        if self.user_id is not None:
            headers["user-id"] = msgspec.to_builtins(self.user_id)  # five times as fast as `str`
            headers["tier"] = self.tier
        if self.roles:
            headers["roles"] = ",".join(self.roles)
        if self.deadline is not None:
            headers["deadline"] = f"{self.deadline:.3f}"
        if self.traceparent is not None:
            headers["traceparent"] = self.traceparent
        if self.tracestate is not None:
            headers["tracestate"] = self.tracestate
        if self.region is not None:
            headers["region"] = self.region
        if self.idempotency_key is not None:
            headers["idempotency-key"] = self.idempotency_key
        if self.address is not None:
            headers["client-address"] = self.address
        if self.user_agent is not None:
            headers["client-agent"] = self.user_agent
        if self.beta:
            headers["user-type"] = BETA
        return headers

    @classmethod
    def from_headers(cls, headers: Mapping[str, str] | None) -> "Context":
        """The context of a message; an internal tool may send none of the headers.

        Raises ValueError for a header that is not what its name says.
        """
        if not headers:
            return cls(request_id=uuid.uuid4().hex)
        user, deadline, roles = headers.get("user-id"), headers.get("deadline"), headers.get("roles")
        return cls(
            request_id=headers.get("request-id") or uuid.uuid4().hex,
            user_id=_uuid(user) if user else None,
            tier=headers.get("tier", "free"),
            roles=tuple(roles.split(",")) if roles else (),
            deadline=float(deadline) if deadline else None,
            traceparent=headers.get("traceparent"),
            tracestate=headers.get("tracestate"),
            region=headers.get("region"),
            idempotency_key=headers.get("idempotency-key"),
            address=headers.get("client-address"),
            user_agent=headers.get("client-agent"),
            beta=headers.get("user-type") == BETA,
            sender=headers.get("sender"),
        )


def _uuid(text: str) -> uuid.UUID:
    """The id that `text` says, read five times as fast as by `uuid.UUID`. Raises ValueError."""
    try:
        return msgspec.convert(text, uuid.UUID)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Q, R]):
    """A synchronous call: one request type, one reply type, and who may call it."""

    subject: str
    request: type[Q]
    reply: type[R]
    callers: frozenset[str]
    about: str
    timeout: float = 5.0
    """Seconds the caller waits unless its own deadline is nearer."""

    @property
    def node(self) -> str:
        """The node that answers."""
        return self.subject.split(".")[1]

    @property
    def word(self) -> str:
        """The last token of the subject."""
        return self.subject.split(".", 2)[2]


@dataclass(frozen=True, slots=True)
class Lane:
    """A part of a queue with a subject and a consumer of its own; free slots go to the lanes by weight."""

    name: str
    """A plan, as `Context.tier` says it."""
    weight: int


@dataclass(frozen=True, slots=True)
class WorkQueue(Generic[M]):
    """Durable work, done once by whichever instance of the owning node takes it."""

    subject: str
    message: type[M]
    producers: frozenset[str]
    about: str
    ack_wait: float = 10.0
    """Seconds without a heartbeat (there are three in that time) after which another instance gets the work."""
    max_ack_pending: int = 256
    concurrency: int = 16
    """Messages one instance works on at a time."""
    heavy: bool = False
    """Its work is done in worker processes: an instance takes no more messages than it has of those."""
    stream: str = JOBS
    """DELAYED: its messages may be scheduled for a time (`Bus.schedule`), but a full queue cannot refuse them."""
    lanes: tuple[Lane, ...] = ()
    """Empty: one consumer, first come first served."""

    @property
    def node(self) -> str:
        """The node that does the work."""
        return self.subject.split(".")[1]

    @property
    def durable(self) -> str:
        """The name of the one durable consumer; with lanes, what theirs begin with."""
        return self.subject.removeprefix("jobs.").replace(".", "-")

    @property
    def subjects(self) -> tuple[str, ...]:
        """Where its messages are: its subject, or one for each lane."""
        return tuple(f"{self.subject}.{lane.name}" for lane in self.lanes) or (self.subject,)

    @property
    def durables(self) -> tuple[str, ...]:
        """The names of its consumers, in the order of `subjects`."""
        return tuple(f"{self.durable}-{lane.name}" for lane in self.lanes) or (self.durable,)

    @property
    def scheduled(self) -> bool:
        """True when its messages may be sent for a time to come."""
        return self.stream == DELAYED

    def schedule_of(self, schedule_id: str) -> str:
        """Where a message of that id waits for its time; `*`: where all of them do."""
        return f"sched.{self.subject.removeprefix('jobs.')}.{schedule_id}"

    def subject_of(self, tier: str) -> str:
        """Where a message of that plan goes; one that no lane is for goes to the last."""
        if not self.lanes:
            return self.subject
        names = [lane.name for lane in self.lanes]
        return f"{self.subject}.{tier if tier in names else names[-1]}"


@dataclass(frozen=True, slots=True)
class Event(Generic[M]):
    """A fact. Each listener has its own durable consumer; watchers only see what passes while they look."""

    subject: str
    message: type[M]
    listeners: frozenset[str]
    about: str
    watchers: frozenset[str] = frozenset()
    ack_wait: float = 10.0
    max_ack_pending: int = 256
    concurrency: int = 16
    stream: str = EVENTS

    @property
    def node(self) -> str:
        """The node that publishes."""
        return self.subject.split(".")[1]

    def durable(self, listener: str) -> str:
        """The name of that listener's consumer."""
        return f"{listener}-on-{self.subject.removeprefix('events.').replace('.', '-')}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A NATS object store or key-value bucket, and who may use it."""

    name: str
    readers: frozenset[str]
    writers: frozenset[str]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be worked on: the original, why, and after how many deliveries."""

    subject: str
    """The original subject."""
    reason: str
    """The code of the error, or `max_deliveries`."""
    detail: str
    deliveries: int
    payload: bytes
    sequence: int = 0
    """Position in stream DEAD."""


DEAD_LETTER_READER = "tasks"
"""The node that is told of dead jobs (a dead step ends its task) and that buries messages whose workers crashed."""
