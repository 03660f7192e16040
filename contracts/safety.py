"""The safety node: is this text, is this picture, fit to be made and shown?"""

import uuid
from typing import Annotated, Literal

import msgspec

from contracts.tasks import Step
from contracts.wire import Endpoint, ObjectRef, WorkQueue

Decision = Literal["allow", "review", "block"]


class TextPart(msgspec.Struct, frozen=True, kw_only=True):
    """A text and the field it came from, so that a finding can name it."""

    field: Annotated[str, msgspec.Meta(max_length=40)]
    text: Annotated[str, msgspec.Meta(max_length=4000)]


class CheckText(msgspec.Struct, frozen=True, kw_only=True):
    """Texts of one request."""

    parts: Annotated[tuple[TextPart, ...], msgspec.Meta(min_length=1, max_length=10)]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that matched."""

    category: str
    field: str
    start: int
    """First character of the span in the text of `field`."""
    end: int
    decision: Decision
    score: float | None = None
    """How sure a classifier was, from 0 to 1; None for rules."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The strictest decision of all findings."""

    decision: Decision
    findings: tuple[Finding, ...] = ()


class CheckImage(msgspec.Struct, frozen=True, kw_only=True):
    """A picture in the object store."""

    image: ObjectRef


class CheckImageStep(msgspec.Struct, frozen=True, kw_only=True):
    """The same check as a step of a saga; pure, so doing it twice changes nothing."""

    task_id: uuid.UUID
    step: Step
    images: tuple[ObjectRef, ...]


CHECK_TEXT = Endpoint(
    "svc.safety.check_text", CheckText, Verdict, frozenset({"edge", "covers", "edits"}), "Check texts"
)
CHECK_IMAGE = Endpoint(
    "svc.safety.check_image", CheckImage, Verdict, frozenset({"edge", "edits"}), "Check a picture", timeout=10
)
CHECK_IMAGE_STEP = WorkQueue(
    "jobs.safety.check_image",
    CheckImageStep,
    frozenset({"tasks"}),
    "Check the picture of a task",
    concurrency=4,
    heavy=True,
)

CONTRACTS = (CHECK_TEXT, CHECK_IMAGE, CHECK_IMAGE_STEP)
