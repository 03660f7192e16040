"""Faults that an operator may switch on in a running system, as data: what each does, and what holds under it.

A fault is active while the key of its name is in the key-value bucket `faults`, until its time is over.
"""

import msgspec

BUCKET = "faults"


class Span(msgspec.Struct, frozen=True):
    """The values of a number: the one that is meant when none is given, the least and the most."""

    default: float
    least: float
    most: float


ALWAYS, HALF, SOME = Span(1, 0, 1), Span(0.5, 0, 1), Span(0.3, 0, 1)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One row. A number that is None is nothing that this fault knows."""

    name: str
    about: str
    promise: str
    """What holds while it is active."""
    rate: Span | None = ALWAYS
    """The chance that a call is hit."""
    seconds: Span | None = None
    node: bool = False
    """May it be kept to one node?"""
    target: str = ""
    """What it may be kept to, in a word; empty: nothing."""


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """An active fault, as it is stored under its name. An empty `node` or `target` means all."""

    name: str
    rate: float = 1.0
    seconds: float = 0.0
    node: str = ""
    target: str = ""
    since: float = 0.0
    """Unix time."""
    until: float | None = None
    """Unix time at which it is over by itself; None: when it is cleared."""


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="provider-slow",
        about="the image model takes that much longer",
        promise="tasks take longer and succeed; cancelling them works meanwhile",
        seconds=Span(5, 0, 600),
    ),
    Fault(
        name="provider-refusing",
        about="the image model refuses the order, for good",
        promise="the task fails at once and says why; the quota is given back",
    ),
    Fault(
        name="provider-failing",
        about="the image model fails, as when it is overloaded",
        promise="every accepted task ends, and the quota counts what succeeded",
        rate=HALF,
    ),
    Fault(
        name="breaker-open",
        about="the circuit breaker of the image model is open, and is tried that long after the last order",
        promise="the model is not called; jobs come again when the breaker says; afterwards covers are made again",
        rate=None,
        seconds=Span(2, 1, 300),
        target="breaker",
    ),
    Fault(
        name="storage-full",
        about="the object store takes nothing more",
        promise="tried again after 1, 2 and 4 s, then the task fails, the quota is given back, nothing is half stored",
    ),
    Fault(
        name="storage-slow",
        about="the object store takes that much longer",
        promise="tasks take longer and succeed",
        seconds=Span(2, 0, 60),
    ),
    Fault(
        name="storage-unreadable",
        about="the object store gives nothing back",
        promise="pictures are 503 with Retry-After and there again afterwards; tasks try again",
    ),
    Fault(
        name="postgres-down",
        about="PostgreSQL gives no connection",
        promise="orders are 503 with Retry-After; accepted tasks end when it is back",
        node=True,
    ),
    Fault(
        name="mongo-down",
        about="MongoDB does not answer",
        promise="orders are 503 with Retry-After; accepted tasks end when it is back",
        node=True,
    ),
    Fault(
        name="redis-down",
        about="Redis does not answer",
        promise="the edge serves on, but signs nobody in by password; the same key still gives the same task",
    ),
    Fault(
        name="consumer-lag",
        about="jobs and events are begun that much later",
        promise="nothing is lost or given twice, since work that waits is kept by heartbeats",
        seconds=Span(3, 0, 60),
        node=True,
        target="subject",
    ),
    Fault(
        name="poison-message",
        about="that share of jobs and events fails unexpectedly at every delivery",
        promise="each becomes one dead letter, its task fails and gives back its quota, the others pass",
        rate=SOME,
        node=True,
        target="subject",
    ),
    Fault(
        name="duplicate-delivery",
        about="handlers of jobs and events run twice",
        promise="effects happen once: one version, one cover counted, one notice",
        node=True,
        target="subject",
    ),
    Fault(
        name="lost-ack",
        about="the server is not told how a job or event ended, and gives it again",
        promise="effects happen once",
        node=True,
    ),
    Fault(
        name="publish-refused",
        about="JetStream takes no jobs and events",
        promise="what was accepted waits in the outbox and is sent afterwards",
        node=True,
    ),
    Fault(
        name="slow-node",
        about="requests are answered that much later",
        promise="callers have an answer by their deadline, 504 if need be; other nodes stay quick",
        seconds=Span(2, 0, 60),
        node=True,
        target="subject",
    ),
    Fault(
        name="text-check-down",
        about="texts cannot be checked",
        promise="no cover is accepted unchecked: 503, and nothing is reserved",
    ),
    Fault(
        name="edge-partition",
        about="the edge has no answers from NATS",
        promise="504 by the deadline, /readyz says no, /healthz yes; all is well afterwards",
    ),
    Fault(
        name="worker-crash",
        about="the process that paints, checks or sets type is killed at its work",
        promise="no other work is lost; the job comes again",
        rate=SOME,
    ),
    Fault(
        name="mail-refused",
        about="the mail server takes no mail",
        promise="who asked for the mail is answered as ever; tried again after 1, 2 and 4 s, then a dead letter",
    ),
    Fault(
        name="clock-skew",
        about="the clock of the tasks node is wrong by that much",
        promise="a step that seems late has its effect once; a task that seems overdue fails and gives back its quota",
        rate=None,
        seconds=Span(200, -86400, 86400),
    ),
)

BY_NAME = {fault.name: fault for fault in FAULTS}
