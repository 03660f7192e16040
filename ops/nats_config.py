"""NATS configuration derived from the contracts: streams, durable consumers, and (in `nats_accounts`) who may do what.

The forms are those that `nats stream add --config` and `nats consumer add --config` take.
"""

from typing import Any

from contracts.registry import BUCKETS, EVENTS, QUEUES
from contracts.wire import ADVISORIES, DEAD, DEAD_LETTER_READER, JOBS
from contracts.wire import EVENTS as EVENTS_STREAM
from nodes.handling import MAX_DELIVER

SECONDS = 1_000_000_000
MEBIBYTE = 1024 * 1024
DAY = 24 * 3600 * SECONDS
ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES"


def streams(replicas: int = 1) -> list[dict[str, Any]]:
    """The streams, each bounded: a full queue refuses work instead of losing it."""
    return [
        _stream(JOBS, ["jobs.>"], replicas, retention="workqueue", discard="new", max_msgs=200_000),
        _stream(EVENTS_STREAM, ["events.>"], replicas, max_age=7 * DAY, max_bytes=512 * MEBIBYTE),
        _stream(DEAD, ["dead.>"], replicas, max_age=30 * DAY, max_bytes=256 * MEBIBYTE),
        _stream(ADVISORIES, [f"{ADVISORY}.>"], replicas, max_age=7 * DAY, max_bytes=64 * MEBIBYTE),
        *(_bucket(bucket.name, replicas) for bucket in BUCKETS),
    ]


def consumers() -> list[dict[str, Any]]:
    """The durable consumers: one per queue, one per event and listener, and those of the dead letters."""
    found = [consumer(q.stream, q.durable, q.subject, q.ack_wait, q.max_ack_pending) for q in QUEUES]
    for event in EVENTS:
        found += [
            consumer(event.stream, event.durable(listener), event.subject, event.ack_wait, event.max_ack_pending)
            for listener in sorted(event.listeners)
        ]
    found.append(consumer(DEAD, f"{DEAD_LETTER_READER}-dead", "dead.jobs.>", 30, 64, max_deliver=-1))
    found.append(consumer(ADVISORIES, "undertaker", f"{ADVISORY}.>", 30, 64, max_deliver=-1))
    return found


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
