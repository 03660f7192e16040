"""Who may do what on NATS, derived from the contracts: one user per node, and edge, tools, ops, sys.

A user may publish and subscribe exactly what its contracts need, and hears replies in an inbox of its own, which says
of whom: a node answers its callers only where they wait for it, and others only what it was asked (`allow_responses`).
The keys themselves are not in the file: it names variables of `keys.conf`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from contracts.registry import BUCKETS, ENDPOINTS, EVENTS, KEY_VALUES, NODES, QUEUES
from contracts.traffic import called, heard, places
from contracts.wire import ADVISORIES, DEAD, DEAD_LETTER_READER, DELAYED, JOBS, Bucket, WorkQueue
from contracts.wire import EVENTS as EVENTS_STREAM

USERS: tuple[str, ...] = (*NODES, "edge", "tools", "ops")
SYSTEM_USER = "sys"
READ_ONLY_API = ("INFO", "STREAM.LIST", "STREAM.NAMES", "STREAM.INFO.*", "CONSUMER.LIST.*", "CONSUMER.NAMES.*")


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a user may publish and subscribe. An entry `subject group` allows only that queue group."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def permissions(user: str) -> Permissions:
    """The allow-lists of a user of the COVERGEN account."""
    if user == "ops":
        return Permissions((">",), (">",))
    if user == "tools":
        return _tools()
    publish = {*_calls(user), *_consumes(user), *_objects(user), *_key_values(user)}
    subscribe = {f"_INBOX_{user}.>", *(e.subject for e in EVENTS if user in e.watchers)}
    subscribe |= {f"$KV.{bucket.name}.>" for bucket in KEY_VALUES if user in bucket.readers}
    if user == "edge":
        publish |= {"$SRV.PING", "$SRV.STATS"}
        publish |= {f"$SRV.PING.{node}" for node in NODES}
    else:
        publish.add(f"$SRV.PING.{user}")
        own = [e for e in ENDPOINTS if e.node == user]
        publish |= {f"_INBOX_{caller}.{user}.*.*" for e in own for caller in e.callers}
        subscribe |= {f"{subject} {user}" for e in own for place in places(user) for subject in heard(e, place)}
        subscribe |= {
            f"$SRV.{verb}{who}" for verb in ("PING", "INFO", "STATS") for who in ("", f".{user}", f".{user}.*")
        }
    if user == DEAD_LETTER_READER:
        publish |= _buries() | _operates()
    return Permissions(tuple(sorted(publish)), tuple(sorted(subscribe)))


def _tools() -> Permissions:
    """Internal tools call every endpoint, look at streams, and read events; the `nats` command uses inbox `_INBOX`."""
    look = (f"$JS.API.{call}" for call in (*READ_ONLY_API, "CONSUMER.INFO.*.*"))
    return Permissions(tuple(sorted(("svc.>", "$SRV.>", *look))), ("_INBOX.>", "_INBOX_tools.>", "events.>"))


def _calls(user: str) -> Iterator[str]:
    """Requests, jobs and events that the user sends."""
    yield from (subject for e in ENDPOINTS if user in e.callers for subject in called(e))
    for queue in QUEUES:
        if user in queue.producers:
            yield from queue.subjects
            yield from _schedules(queue)
    yield from (e.subject for e in EVENTS if e.node == user)


def _schedules(queue: WorkQueue[Any]) -> Iterator[str]:
    """Sending work for a time to come, and taking it back."""
    if queue.scheduled:
        yield queue.schedule_of("*")
        yield f"$JS.API.STREAM.PURGE.{queue.stream}"


def _consumes(user: str) -> Iterator[str]:
    """Asking for work, acknowledging it, and burying what is dead."""
    for queue in QUEUES:
        if queue.node == user:
            for durable in queue.durables:
                yield from _consumer(queue.stream, durable)
            yield from (f"dead.{subject}" for subject in (queue.subject, *queue.subjects))
    for event in EVENTS:
        if user in event.listeners:
            yield from _consumer(event.stream, event.durable(user))
            yield f"dead.{event.subject}"


def _consumer(stream: str, durable: str) -> tuple[str, str]:
    return f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", f"$JS.ACK.{stream}.{durable}.>"


def _buries() -> set[str]:
    """The reader of dead letters also buries what crashed workers left behind."""
    looks = {f"$JS.API.STREAM.MSG.GET.{stream}" for stream in (JOBS, DELAYED, EVENTS_STREAM)}
    buries = {"dead.>", *(f"$JS.API.STREAM.MSG.DELETE.{stream}" for stream in (JOBS, DELAYED)), *looks}
    return buries.union(_consumer(DEAD, f"{DEAD_LETTER_READER}-dead"), _consumer(ADVISORIES, "undertaker"))


def _operates() -> set[str]:
    """The reader of dead letters also serves them to operators, sends their originals again, and counts what waits."""
    streams = {*(q.stream for q in QUEUES), EVENTS_STREAM, DEAD, ADVISORIES}
    looks = {f"$JS.API.STREAM.{call}.{DEAD}" for call in ("INFO", "MSG.GET", "MSG.DELETE")}
    originals = {s for q in QUEUES for s in (q.subject, *q.subjects)} | {e.subject for e in EVENTS}
    return looks | originals | {f"$JS.API.CONSUMER.LIST.{stream}" for stream in streams}


def _objects(user: str) -> Iterator[str]:
    """The object stores that the user reads or writes (ADR-20)."""
    for bucket in BUCKETS:
        stream = f"OBJ_{bucket.name}"
        if user in bucket.readers | bucket.writers:
            yield from ("$JS.API.STREAM.NAMES", f"$JS.API.STREAM.INFO.{stream}", f"$JS.API.STREAM.MSG.GET.{stream}")
            yield from (f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.DIRECT.GET.{stream}.>")
            yield from (f"$JS.API.CONSUMER.CREATE.{stream}", f"$JS.API.CONSUMER.CREATE.{stream}.>")
            yield f"$JS.API.CONSUMER.DELETE.{stream}.*"
            yield f"$JS.FC.{stream}.>"
        yield from _writes(user, bucket)


def _writes(user: str, bucket: Bucket) -> Iterator[str]:
    if user in bucket.writers:
        yield f"$O.{bucket.name}.>"
        yield f"$JS.API.STREAM.PURGE.OBJ_{bucket.name}"


def _key_values(user: str) -> Iterator[str]:
    """The key-value buckets that the user reads (by direct gets) or writes (ADR-8)."""
    for bucket in KEY_VALUES:
        if user in bucket.readers:
            yield f"$JS.API.DIRECT.GET.KV_{bucket.name}"
        if user in bucket.writers:
            yield f"$KV.{bucket.name}.>"


def variable(user: str) -> str:
    """The variable of `keys.conf` that holds a user's public key."""
    return f"NKEY_{user.upper()}"


def render_accounts() -> str:
    """The text of `nats/accounts.conf`."""
    users = "\n".join(_user(user, permissions(user)) for user in USERS)
    return f"""# Generated by `covergen nats render` from contracts/. Do not edit.
# The public keys are in keys.conf, which the first start makes; mappings.conf has the traffic between versions.
include "keys.conf"

accounts {{
  COVERGEN {{
    jetstream: enabled
    include "mappings.conf"
    users: [
{users}
    ]
  }}
  SYS {{
    users: [ {{ nkey: ${variable(SYSTEM_USER)} }} ]
  }}
}}
system_account: SYS
"""


def _user(name: str, allowed: Permissions) -> str:
    return f"""      {{
        # {name}
        nkey: ${variable(name)}
        permissions: {{
          publish: {{ allow: [
{_quoted(allowed.publish)}
          ] }}
          subscribe: {{ allow: [
{_quoted(allowed.subscribe)}
          ] }}
          allow_responses: {{ max: 1, expires: "1m" }}
        }}
      }}"""


def _quoted(subjects: Iterable[str]) -> str:
    return "\n".join(f'            "{subject}"' for subject in subjects)
