"""The sagas as a table of data: which steps, on whose queue, undone by what, and what people are told meanwhile.

To change a saga add it again with a higher version; tasks that have begun go on under the old one.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from contracts import covers, edits, exports, safety, users
from contracts.errors import Unavailable
from contracts.tasks import TaskType
from contracts.wire import WorkQueue
from nodes.tasks.state import TaskState

UNDO = "/undo"


@dataclass(frozen=True, slots=True)
class Order:
    """Work to be done: the queue, and its message for a task and a step name."""

    queue: WorkQueue[Any]
    build: Callable[[TaskState, str], msgspec.Struct]


@dataclass(frozen=True, slots=True)
class Retry:
    """What follows when a step is not done after its worker's own tries (after 0, 1, 3 and 7 s)."""

    gives_up: bool
    """Walk back; else the step is sent again and again, as there is no way back from it."""
    first: float = 5.0
    """Seconds until the step is sent again; doubles each time."""
    most: float = 600.0


WALK_BACK = Retry(gives_up=True)
KEEP_TRYING = Retry(gives_up=False)


@dataclass(frozen=True, slots=True)
class StepDef:
    """One step. `order` None: it was done before the task existed; `undo` None: it leaves nothing behind."""

    name: str
    order: Order | None
    undo: Order | None
    sentence: str
    """For people, while the step runs."""
    timeout: float = 60.0
    """Seconds without a report after which the step (or its undo) is sent again, doubling each time."""
    retry: Retry = WALK_BACK
    """Of the step itself; an undo is always tried until it is done."""
    weight: int = 0
    """Its share of the progress bar."""
    commits: bool = False
    """Once this step is sent there is no way back, unless its worker says that it refused."""


@dataclass(frozen=True, slots=True)
class Words:
    """What people are told of a task of this type."""

    noun: str
    """Names the notices: `<noun>_ready`, `<noun>_failed`, `<noun>_cancelled`."""
    waiting: str
    """While the first step waits for a worker."""
    titles: Mapping[str, str]
    """The last sentence, by status."""
    too_late: str
    """Why it cannot be cancelled behind its commit point."""


@dataclass(frozen=True, slots=True)
class Saga:
    """The steps of one type of task, in order."""

    type: TaskType
    version: int
    timeout: float
    """Seconds from its first step until a task that is not past its commit point is given up."""
    words: Words
    results: Callable[[TaskState], tuple[str, ...]]
    """Where the result is, as paths of the API."""
    link: Callable[[TaskState], str]
    """Where the notice of success leads."""
    steps: tuple[StepDef, ...]

    def index(self, name: str) -> int:
        """The position of a step, or of the step that `<name>/undo` undoes."""
        bare = name.removesuffix(UNDO)
        return next(i for i, step in enumerate(self.steps) if step.name == bare)

    def at(self, name: str) -> StepDef:
        """The definition of a step or of its undo."""
        return self.steps[self.index(name)]

    def order(self, name: str) -> Order:
        """The work that step or undo `name` is."""
        step = self.at(name)
        order = step.undo if name.endswith(UNDO) else step.order
        if order is None:
            raise LookupError(f"step {name} is no work")
        return order

    def retry(self, name: str) -> Retry:
        """What follows when step or undo `name` fails for good."""
        return KEEP_TRYING if name.endswith(UNDO) else self.at(name).retry

    def committing(self, name: str) -> bool:
        """Is the saga at its commit point or behind it when it awaits this step?"""
        return not name.endswith(UNDO) and any(step.commits for step in self.steps[: self.index(name) + 1])

    def share(self, names: frozenset[str]) -> float:
        """The part of the work that these steps are, 0 to 1."""
        total = sum(step.weight for step in self.steps)
        return round(sum(step.weight for step in self.steps if step.name in names) / total, 4)


def _cover_of(task: TaskState) -> uuid.UUID:
    if task.cover_id is None:
        raise LookupError("the task is for no cover")
    return task.cover_id


def _on_cover(task: TaskState, step: str) -> msgspec.Struct:
    return covers.CoverStep(task_id=task.task_id, cover_id=_cover_of(task), user_id=task.user_id, step=step)


def _on_quota(task: TaskState, step: str) -> msgspec.Struct:
    return users.SettleQuota(task_id=task.task_id, user_id=task.user_id, step=step)


def _on_picture(task: TaskState, step: str) -> msgspec.Struct:
    return safety.CheckImageStep(task_id=task.task_id, step=step, images=task.images("paint"))


def _on_export(task: TaskState, step: str) -> msgspec.Struct:
    if task.work_id is None:
        raise LookupError("the task is for no export")
    return exports.ExportStep(task_id=task.task_id, export_id=task.work_id, user_id=task.user_id, step=step)


def _on_edit(task: TaskState, step: str) -> msgspec.Struct:
    if task.work_id is None:
        raise LookupError("the task is for no edit")
    return edits.EditStep(task_id=task.task_id, edit_id=task.work_id, user_id=task.user_id, step=step)


def _on_edited(task: TaskState, step: str) -> msgspec.Struct:
    return safety.CheckImageStep(task_id=task.task_id, step=step, images=task.images("apply"))


def _on_checked(task: TaskState, step: str) -> msgspec.Struct:
    """Only what passed the check goes on."""
    return covers.CoverStep(
        task_id=task.task_id,
        cover_id=_cover_of(task),
        user_id=task.user_id,
        step=step,
        passed=task.images("check_image"),
    )


def _on_made(source: str) -> Callable[[TaskState, str], msgspec.Struct]:
    """Count as many covers as step `source` told pictures."""

    def build(task: TaskState, step: str) -> msgspec.Struct:
        made = len(task.images(source))
        return users.SettleQuota(task_id=task.task_id, user_id=task.user_id, step=step, amount=made)

    return build


DISCARD = Order(covers.DISCARD, _on_cover)
RESERVED = StepDef("reserve", None, Order(users.RELEASE_QUOTA, _on_quota), "Reserving your quota")
PAINT = StepDef("paint", Order(covers.PAINT, _on_cover), DISCARD, "Painting the art", timeout=180, weight=50)
PAINT_ALL = replace(PAINT, timeout=360)
"""Up to four pictures, one after the other."""
CHECK = StepDef("check_image", Order(safety.CHECK_IMAGE_STEP, _on_picture), None, "Checking the picture", weight=8)
COMPOSE = StepDef("compose", Order(covers.COMPOSE, _on_cover), DISCARD, "Setting the type", timeout=90, weight=28)
COMPOSE_ALL = replace(COMPOSE, order=Order(covers.COMPOSE, _on_checked), timeout=240)
STORE = StepDef("store", Order(covers.STORE, _on_cover), DISCARD, "Keeping the picture", weight=8)
COMMIT = StepDef("commit", Order(users.COMMIT_QUOTA, _on_quota), None, "Counting the cover", weight=3, commits=True)
COMPLETE = StepDef(
    "complete", Order(covers.COMPLETE, _on_cover), None, "Putting it on your shelf", retry=KEEP_TRYING, weight=3
)
COVER_WORDS = Words(
    noun="cover",
    waiting="Waiting to be painted",
    titles={
        "succeeded": "Your cover is ready",
        "failed": "Your cover could not be made",
        "cancelled": "Your cover was cancelled",
    },
    too_late="The cover is finished and counted; it can be deleted, not cancelled.",
)


def _picture(task: TaskState) -> tuple[str, ...]:
    return (f"/v1/covers/{task.cover_id}/image",)


def _versions(task: TaskState) -> tuple[str, ...]:
    return (_cover(task),)


def _cover(task: TaskState) -> str:
    return f"/v1/covers/{task.cover_id}"


GENERATE_1 = Saga(
    "generate",
    1,
    timeout=1800,
    words=COVER_WORDS,
    results=_picture,
    link=_cover,
    steps=(RESERVED, PAINT, CHECK, COMPOSE, STORE, COMMIT, COMPLETE),
)
GENERATE = replace(
    GENERATE_1,
    version=2,
    steps=(
        RESERVED,
        PAINT_ALL,
        CHECK,
        COMPOSE_ALL,
        STORE,
        replace(COMMIT, order=Order(users.COMMIT_QUOTA, _on_made("store"))),
        COMPLETE,
    ),
)
"""Version 2 makes several pictures, of which some may fail, and counts those that were made."""

VARY = replace(
    GENERATE,
    type="vary",
    version=1,
    words=Words(
        noun="variations",
        waiting="Waiting to be painted",
        titles={
            "succeeded": "Your variations are ready",
            "failed": "Your variations could not be made",
            "cancelled": "Your variations were cancelled",
        },
        too_late="The variations are finished and counted; they can be left alone, not cancelled.",
    ),
    results=_versions,
    steps=(
        RESERVED,
        PAINT_ALL,
        CHECK,
        COMPOSE_ALL,
        replace(COMMIT, order=Order(users.COMMIT_QUOTA, _on_made("compose"))),
        COMPLETE,
    ),
)

VERSION_WORDS = Words(
    noun="version",
    waiting="Waiting to be made",
    titles={
        "succeeded": "The new version of your cover is ready",
        "failed": "The new version could not be made",
        "cancelled": "The new version was cancelled",
    },
    too_late="The version is finished; another one can be chosen, it cannot be cancelled.",
)
LAST = replace(COMPLETE, retry=WALK_BACK, commits=True)

RETYPE = Saga(
    "retype",
    1,
    timeout=900,
    words=VERSION_WORDS,
    results=_versions,
    link=_cover,
    steps=(COMPOSE, LAST),
)
REMAKE = replace(RETYPE, type="remake", timeout=1800, steps=(PAINT_ALL, CHECK, COMPOSE_ALL, LAST))
"""Painted again by a recipe: in other formats, or to see that it comes out the same."""

EXPORT = Saga(
    "export",
    1,
    timeout=900,
    words=Words(
        noun="export",
        waiting="Waiting to be rendered",
        titles={
            "succeeded": "Your files are ready",
            "failed": "Your files could not be made",
            "cancelled": "Your export was cancelled",
        },
        too_late="The files are finished; they can be deleted, not cancelled.",
    ),
    results=lambda task: (f"/v1/exports/{task.work_id}",),
    link=lambda task: f"/v1/exports/{task.work_id}",
    steps=(
        StepDef(
            "render",
            Order(exports.RENDER, _on_export),
            Order(exports.DISCARD, _on_export),
            "Making the files",
            timeout=180,
            weight=90,
        ),
        StepDef(
            "complete", Order(exports.COMPLETE, _on_export), None, "Putting them on your shelf", weight=10, commits=True
        ),
    ),
)

EDIT_1 = Saga(
    "edit",
    1,
    timeout=900,
    words=Words(
        noun="edit",
        waiting="Waiting to be edited",
        titles={
            "succeeded": "Your edit is ready",
            "failed": "Your edit could not be made",
            "cancelled": "Your edit was cancelled",
        },
        too_late="The edit is finished; it can be undone, not cancelled.",
    ),
    results=lambda task: (f"/v1/edits/{task.work_id}/image",),
    link=lambda task: f"/v1/edits/{task.work_id}",
    steps=(
        StepDef(
            "apply",
            Order(edits.APPLY, _on_edit),
            Order(edits.DISCARD, _on_edit),
            "Changing the picture",
            timeout=90,
            weight=70,
        ),
        StepDef("check_image", Order(safety.CHECK_IMAGE_STEP, _on_edited), None, "Checking the picture", weight=20),
        StepDef("complete", Order(edits.COMPLETE, _on_edit), None, "Keeping the new version", weight=10, commits=True),
    ),
)

EDIT = replace(
    EDIT_1,
    version=2,
    timeout=1800,
    steps=(replace(EDIT_1.steps[0], sentence="Working on the picture", timeout=240), *EDIT_1.steps[1:]),
)
"""Version 2 may have an image model paint, with others to fall back on."""

KNOWN = (GENERATE_1, GENERATE, RETYPE, REMAKE, VARY, EDIT_1, EDIT, EXPORT)
SAGAS: Mapping[tuple[TaskType, int], Saga] = {(saga.type, saga.version): saga for saga in KNOWN}
CURRENT: Mapping[TaskType, Saga] = {saga.type: saga for saga in sorted(KNOWN, key=lambda saga: saga.version)}


def saga_of(task: TaskState) -> Saga:
    """The definition that this task began with. Raises Unavailable when only a newer instance knows it."""
    saga = SAGAS.get((task.type, task.version))
    if saga is None:
        raise Unavailable("This task belongs to a newer version of the service.")
    return saga
