"""Journeys of tasks through a saga, by its pure rules: recorded once per version, replayed by a test for ever.

`python -m tests.support.journeys` records the versions that have no file yet. A recorded file is never written again:
tasks of that version may be on their way anywhere.
"""

import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from contracts.errors import Refused, Unavailable
from contracts.tasks import PROGRESSED, StepReport
from contracts.wire import DeadLetter, ObjectRef
from nodes.tasks import model
from nodes.tasks.sagas import SAGAS, UNDO, Saga
from nodes.tasks.state import Change, TaskState

FOLDER = Path(__file__).parents[1] / "data" / "sagas"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TICK = timedelta(seconds=1)
ART = ObjectRef(key="art/1", sha256="1" * 64, size=10, media_type="image/png")

LOGGED = ("event", "step", "attempt", "error", "status", "next_step", "progress")

Act = Callable[["Journey"], None]


class Journey:
    """One task, one second between what happens to it."""

    def __init__(self, saga: Saga) -> None:
        self.saga = saga
        self.time = START
        self.story: list[dict[str, Any]] = []
        self.task = TaskState(
            task_id=uuid.UUID(int=1),
            user_id=uuid.UUID(int=2),
            cover_id=uuid.UUID(int=3),
            work_id=uuid.UUID(int=4),
            type=saga.type,
            version=saga.version,
            input_params={"title": "The Sea"},
            headers={"tier": "pro"},
            created_at=START,
            updated_at=START,
        )

    def take(self, change: Change | None) -> None:
        """Note what a transition did; progress is left out, as it says what the log says."""
        assert change is not None, f"nothing happened at {self.task.step}"
        self.task = change.task
        sent = [m for m in change.messages if m.subject != PROGRESSED.subject]
        self.story.append(
            {
                "log": [getattr(change.entry, name) for name in LOGGED],
                "sent": [[m.subject, m.message_id, msgspec.to_builtins(m.body)] for m in sent],
            }
        )
        self.time += TICK

    def report(self, **fields: Any) -> None:
        """A worker tells of the awaited step."""
        report = StepReport(task_id=self.task.task_id, step=self.task.step or "", **fields)
        self.take(model.settle(self.task, report, self.time))

    def done_until(self, step: str | None) -> None:
        """Every step is done, until the task awaits `step`, or has ended."""
        while not self.task.ended and self.task.step != step:
            self.report(images=(ART,))

    def die(self) -> None:
        """The awaited message goes to the dead letters."""
        letter = DeadLetter(subject="jobs.x", reason=Unavailable.code, detail="no", deliveries=4, payload=b"{}")
        self.take(model.bury(self.task, self.task.step or "", letter, self.time))

    def wait(self) -> None:
        """Until the step is due again, its message being gone."""
        self.time = self.task.due_at or self.time
        self.take(model.resend(self.task, self.time))


def journeys(saga: Saga) -> Iterator[tuple[str, Journey]]:
    """Everything that can happen to a task at every step, each followed to the end."""
    steps = [step.name for step in saga.steps if step.order is not None]
    yield _travel(saga, "all goes well", steps[0], lambda j: j.report(begun=True))
    yield _travel(saga, "cancelled while queued", steps[0], lambda j: j.take(model.cancel(j.task, j.time)))
    for step in steps:
        yield _travel(saga, f"{step} is refused", step, lambda j: j.report(problem=Refused("No.").problem()))
        yield _travel(saga, f"{step} dies", step, Journey.die)
        yield _travel(saga, f"{step} is lost", step, Journey.wait)
        if step != steps[0] and not saga.committing(step):
            yield _travel(saga, f"cancelled at {step}", step, lambda j: j.take(model.cancel(j.task, j.time)))
            yield _travel(saga, f"late at {step}", step, _late)


def _travel(saga: Saga, name: str, step: str, act: Act) -> tuple[str, Journey]:
    journey = Journey(saga)
    journey.take(model.begin(journey.task, journey.time))
    journey.done_until(step)
    act(journey)
    if journey.task.postponed:
        journey.wait()
    if (journey.task.step or "").endswith(UNDO):
        journey.die()
        journey.wait()
    journey.done_until(None)
    return name, journey


def _late(journey: Journey) -> None:
    journey.time = journey.task.expires_at or journey.time
    journey.take(model.resend(journey.task, journey.time))


def file_of(saga: Saga) -> Path:
    """Where the journeys of that version are."""
    return FOLDER / f"{saga.type}-{saga.version}.json"


def told(saga: Saga) -> dict[str, list[dict[str, Any]]]:
    """The journeys by name, as JSON has them."""
    stories = {name: journey.story for name, journey in journeys(saga)}
    plain: dict[str, list[dict[str, Any]]] = msgspec.json.decode(msgspec.json.encode(stories))
    return plain


def _lines(stories: dict[str, list[dict[str, Any]]]) -> str:
    """JSON with one step of a story a line, for diffs."""
    named = []
    for name, story in stories.items():
        rows = ",\n  ".join(msgspec.json.encode(row).decode() for row in story)
        named.append(f"{msgspec.json.encode(name).decode()}: [\n  {rows}\n]")
    return "{\n" + ",\n".join(named) + "\n}\n"


if __name__ == "__main__":
    for each in SAGAS.values():
        if not file_of(each).exists():
            file_of(each).write_text(_lines(told(each)))
            sys.stdout.write(f"recorded {file_of(each).name}\n")
