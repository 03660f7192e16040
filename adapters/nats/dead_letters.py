"""Dead letters for operators: look at them, send them again, throw them away, and know how many there are.

A replay publishes the original body under the original subject with message id `replay-<sequence>`, and only then
deletes the letter: a crash in between leaves a letter whose next replay the stream takes for a duplicate (for two
minutes; after that the handlers' own idempotency holds). An event goes to all its listeners again.
"""

import base64
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import msgspec

from adapters.nats.bus import Bus
from adapters.nats.graveyard import DELIVERIES, DETAIL, REASON, context_headers
from adapters.nats.jetstream import NOT_DELETED, ask, stored_headers
from contracts.errors import NotFound, ServiceError, Unavailable
from contracts.wire import DEAD

PREFIX = "dead."
EVERYTHING = ">"


class NoSuchLetter(NotFound):
    """Its number is not in stream DEAD: it was replayed, dropped, or is older than 30 days."""

    def __init__(self, *sequences: int):
        super().__init__(f"no dead letter {', '.join(map(str, sequences))}")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter. The payload may be a user's text: never log it."""

    sequence: int
    subject: str
    """The original subject."""
    reason: str
    detail: str
    deliveries: int
    buried_at: datetime
    task_id: str | None
    """When the body has one."""
    context: dict[str, str]
    """The headers of the original: whose request it was part of."""
    payload: bytes

    @property
    def age(self) -> float:
        """Seconds since it was buried."""
        return (datetime.now(UTC) - self.buried_at).total_seconds()


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """How many letters there are and since when; for the operator and for metrics."""

    letters: int
    size: int
    """Bytes of all of stream DEAD."""
    oldest: float | None
    """Age of the oldest letter of stream DEAD in seconds; None when there is none."""
    subjects: dict[str, int]
    """Letters by original subject."""
    last: int
    """The sequence of the newest letter there ever was."""


async def depth(bus: Bus, subject: str = EVERYTHING) -> Depth:
    """Count the letters of original subjects that match the pattern. Raises Unavailable."""
    answer = await ask(bus, f"STREAM.INFO.{DEAD}", {"subjects_filter": PREFIX + subject})
    state = answer["state"]
    subjects = {name.removeprefix(PREFIX): count for name, count in (state.get("subjects") or {}).items()}
    first = _time(state["first_ts"])
    return Depth(
        letters=sum(subjects.values()),
        size=state["bytes"],
        oldest=(datetime.now(UTC) - first).total_seconds() if state["messages"] else None,
        subjects=subjects,
        last=state["last_seq"],
    )


async def letters(
    bus: Bus, subject: str = EVERYTHING, *, first: int = 1, last: int | None = None
) -> AsyncGenerator[Letter, None]:
    """The letters whose original subject matches the pattern, the oldest first, from sequence `first` to `last`."""
    wanted: dict[str, Any] = {"seq": first, "next_by_subj": PREFIX + subject}
    while True:
        answer = await ask(bus, f"STREAM.MSG.GET.{DEAD}", wanted)
        if "message" not in answer:
            return
        found = _letter(answer["message"])
        if last is not None and found.sequence > last:
            return
        yield found
        wanted["seq"] = found.sequence + 1


async def letter(bus: Bus, sequence: int) -> Letter:
    """One letter. Raises NoSuchLetter."""
    answer = await ask(bus, f"STREAM.MSG.GET.{DEAD}", {"seq": sequence}) if sequence > 0 else {}
    if "message" not in answer:
        raise NoSuchLetter(sequence)
    return _letter(answer["message"])


async def oldest(bus: Bus, subject: str) -> datetime | None:
    """When the oldest letter of an original subject was buried; None when there is none."""
    answer = await ask(bus, f"STREAM.MSG.GET.{DEAD}", {"seq": 1, "next_by_subj": PREFIX + subject})
    return _time(answer["message"]["time"]) if "message" in answer else None


async def replay(bus: Bus, found: Letter) -> None:
    """Send the original again, then delete the letter. Doing both again changes nothing. Raises Unavailable."""
    message_id = f"replay-{found.sequence}"
    try:
        await bus.send(found.subject, found.payload, message_id=message_id, headers=found.context)
    except ServiceError as error:
        raise Unavailable(f"letter {found.sequence} was not replayed and is still there: {error.detail}") from error
    await drop(bus, found.sequence)


async def drop(bus: Bus, sequence: int) -> bool:
    """Delete a letter and overwrite its bytes; False when there is none of that number. Raises Unavailable."""
    if sequence <= 0:
        return False
    answer = await ask(bus, f"STREAM.MSG.DELETE.{DEAD}", {"seq": sequence}, allowed=NOT_DELETED)
    if "error" not in answer:
        return True
    left = await ask(bus, f"STREAM.MSG.GET.{DEAD}", {"seq": sequence})  # the one code has many reasons
    if "message" in left:
        raise Unavailable(f"letter {sequence} was not deleted: {answer['error'].get('description', 'refused')}")
    return False


def _letter(message: dict[str, Any]) -> Letter:
    headers = stored_headers(message)
    payload = base64.b64decode(message.get("data", ""))
    return Letter(
        sequence=message["seq"],
        subject=message["subject"].removeprefix(PREFIX),
        reason=headers.get(REASON, "unknown"),
        detail=headers.get(DETAIL, ""),
        deliveries=int(headers.get(DELIVERIES, "0")),
        buried_at=_time(message["time"]),
        task_id=_task_id(payload),
        context=context_headers(headers),
        payload=payload,
    )


class _Body(msgspec.Struct):
    task_id: str | None = None


def _task_id(payload: bytes) -> str | None:
    try:
        return msgspec.json.decode(payload, type=_Body).task_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
