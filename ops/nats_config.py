"""NATS configuration derived from the contracts: streams, durable consumers, and (in `nats_accounts`) who may do what.

The forms are those that `nats stream add --config` and `nats consumer add --config` take.
"""

from collections.abc import Iterator
from typing import Any

from contracts.registry import BUCKETS, EVENTS, KEY_VALUES, QUEUES
from contracts.wire import ADVISORIES, DEAD, DEAD_LETTER_READER, DELAYED, JOBS, WorkQueue
from contracts.wire import EVENTS as EVENTS_STREAM
from nodes.handling import MAX_DELIVER

SECONDS = 1_000_000_000
MEBIBYTE = 1024 * 1024
DAY = 24 * 3600 * SECONDS
ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES"
MOST_WAITING = 50_000
"""Messages that one queue or lane keeps; then it refuses more, and the others go on."""


def streams(replicas: int = 1) -> list[dict[str, Any]]:
    """The streams, each bounded but DELAYED: a full queue refuses work instead of losing it."""
    return [
        _jobs(replicas),
        _delayed(replicas),
        _stream(EVENTS_STREAM, ["events.>"], replicas, max_age=7 * DAY, max_bytes=512 * MEBIBYTE),
        _stream(DEAD, ["dead.>"], replicas, max_age=30 * DAY, max_bytes=256 * MEBIBYTE),
        _stream(ADVISORIES, [f"{ADVISORY}.>"], replicas, max_age=7 * DAY, max_bytes=64 * MEBIBYTE),
        *(_bucket(bucket.name, replicas) for bucket in BUCKETS),
        *(_key_values(bucket.name, replicas) for bucket in KEY_VALUES),
    ]


def consumers() -> list[dict[str, Any]]:
    """The durable consumers: one per queue or lane, one per event and listener, and those of the dead letters."""
    found = [each for queue in QUEUES for each in queue_consumers(queue)]
    for event in EVENTS:
        found += [
            consumer(event.stream, event.durable(listener), event.subject, event.ack_wait, event.max_ack_pending)
            for listener in sorted(event.listeners)
        ]
    found.append(consumer(DEAD, f"{DEAD_LETTER_READER}-dead", "dead.jobs.>", 30, 64, max_deliver=-1))
    found.append(consumer(ADVISORIES, "undertaker", f"{ADVISORY}.>", 30, 64, max_deliver=-1))
    return found


def retired() -> list[tuple[str, str]]:
    """Stream and name of consumers of former times that would be in the way: those of queues that have lanes now."""
    return [(queue.stream, queue.durable) for queue in QUEUES if queue.lanes]


def queue_consumers(queue: WorkQueue[Any]) -> Iterator[dict[str, Any]]:
    """The consumers of a queue. The last lane also takes what came without a lane, from before there were lanes."""
    names = list(zip(queue.durables, queue.subjects, strict=True))
    for durable, subject in names:
        request = consumer(queue.stream, durable, subject, queue.ack_wait, queue.max_ack_pending)
        if queue.lanes and durable == names[-1][0]:
            del request["config"]["filter_subject"]
            request["config"]["filter_subjects"] = [queue.subject, subject]
        yield request


def _subjects(stream: str) -> list[str]:
    """The subjects of the queues of a stream, with and without their lanes."""
    return sorted({each for q in QUEUES if q.stream == stream for each in (q.subject, *q.subjects)})


def _jobs(replicas: int) -> dict[str, Any]:
    """Work. The bounds are such that the others have room even when all but one are full."""
    subjects = _subjects(JOBS)
    return _stream(
        JOBS,
        subjects,
        replicas,
        retention="workqueue",
        discard="new",
        discard_new_per_subject=True,
        max_msgs_per_subject=MOST_WAITING,
        max_msgs=MOST_WAITING * len(subjects),
    )


def _delayed(replicas: int) -> dict[str, Any]:
    """Work that may wait for a time. A stream of its own, because one with `discard: new` can have no schedules.

    With `discard: old` a bound would drop what was promised, so there is none: who schedules must count.
    """
    schedules = sorted(q.schedule_of("*") for q in QUEUES if q.scheduled)
    switches = {"allow_msg_schedules": True, "allow_rollup_hdrs": True}
    return _stream(DELAYED, [*_subjects(DELAYED), *schedules], replicas, retention="workqueue", **switches)


def _stream(name: str, subjects: list[str], replicas: int, **limits: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "name": name,
        "subjects": subjects,
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": replicas,
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msg_size": MEBIBYTE,
        "max_msgs_per_subject": -1,
        "duplicate_window": 120 * SECONDS,
        "allow_direct": False,
        "deny_delete": False,
        "sealed": False,
    }
    return base | limits


def _bucket(name: str, replicas: int) -> dict[str, Any]:
    """An object store, as ADR-20 lays it out."""
    stream = _stream(f"OBJ_{name}", [f"$O.{name}.C.>", f"$O.{name}.M.>"], replicas, discard="new")
    return stream | {"allow_rollup_hdrs": True, "allow_direct": True}


def _key_values(name: str, replicas: int) -> dict[str, Any]:
    """A key-value bucket of small values without history, as ADR-8 lays it out."""
    limits = {"discard": "new", "max_msgs_per_subject": 1, "max_msg_size": 16 * 1024, "max_bytes": MEBIBYTE}
    stream = _stream(f"KV_{name}", [f"$KV.{name}.>"], replicas, **limits)
    return stream | {"allow_rollup_hdrs": True, "allow_direct": True, "deny_delete": True}


def consumer(
    stream: str, durable: str, subject: str, ack_wait: float, max_ack_pending: int, *, max_deliver: int = MAX_DELIVER
) -> dict[str, Any]:
    """The request that makes a pull consumer. No `backoff` in it: that would not apply to a `nak`."""
    config = {
        "durable_name": durable,
        "name": durable,
        "filter_subject": subject,
        "ack_policy": "explicit",
        "ack_wait": int(ack_wait * SECONDS),
        "max_deliver": max_deliver,
        "max_ack_pending": max_ack_pending,
        "deliver_policy": "all",
        "replay_policy": "instant",
    }
    return {"stream_name": stream, "config": config}
