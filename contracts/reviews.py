"""What administrators ask the safety node: what it could not decide, and what a person says to it.

An item holds what a user wrote, or a copy of a picture, so it is for administrators' eyes, never for a log. It goes
with its user's account, and 90 days after it came.
"""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from contracts.paging import Cursor, Limit
from contracts.safety import Finding, TextPart
from contracts.wire import Endpoint, Event, ObjectRef

ReviewStatus = Literal["waiting", "released", "confirmed"]
Ruling = Literal["release", "confirm"]


class ListReviews(msgspec.Struct, frozen=True, kw_only=True):
    """The items, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None
    status: ReviewStatus | None = None


class ReadReview(msgspec.Struct, frozen=True, kw_only=True):
    """One item with all of it."""

    review_id: uuid.UUID


class ReadReviewPicture(msgspec.Struct, frozen=True, kw_only=True):
    """The picture of an item."""

    review_id: uuid.UUID


class DecideReview(msgspec.Struct, frozen=True, kw_only=True):
    """Say what holds from now on for this text or picture, whoever sends it. Idempotent; the last word counts."""

    review_id: uuid.UUID
    decision: Ruling
    """`release`: it passes the next time. `confirm`: it is refused like what the rules block."""
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class ReviewRow(msgspec.Struct, frozen=True, kw_only=True):
    """An item as it stands in the list."""

    id: uuid.UUID
    kind: Literal["text", "picture"]
    status: ReviewStatus
    categories: tuple[str, ...]
    user_id: uuid.UUID | None
    task_id: uuid.UUID | None = None
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: uuid.UUID | None = None


class RulingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One decision: who, when, what, why."""

    at: datetime
    by: uuid.UUID | None
    decision: Ruling
    note: str = ""


class Review(ReviewRow, frozen=True, kw_only=True):
    """An item with the words or the picture, what was found where, and every decision."""

    texts: tuple[TextPart, ...] = ()
    """Of a text, everything that was sent with it."""
    findings: tuple[Finding, ...]
    rulings: tuple[RulingLine, ...] = ()


class ReviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of items."""

    items: tuple[ReviewRow, ...]
    next_cursor: str | None = None


class ReviewDecided(msgspec.Struct, frozen=True, kw_only=True):
    """A person said something else to an item than was said before. Nothing of the item itself is in it."""

    decision_id: uuid.UUID
    """Names this decision: the same item may be released, and confirmed later."""
    review_id: uuid.UUID
    kind: Literal["text", "picture"]
    user_id: uuid.UUID | None
    """Whose text or picture it is."""
    decision: Ruling
    at: datetime


EDGE = frozenset({"edge"})

LIST_REVIEWS = Endpoint("svc.safety.list_reviews", ListReviews, ReviewPage, EDGE, "List what waits for a person")
SHOW_REVIEW = Endpoint("svc.safety.show_review", ReadReview, Review, EDGE, "Read what waits for a person")
REVIEW_PICTURE = Endpoint("svc.safety.review_picture", ReadReviewPicture, ObjectRef, EDGE, "Find the picture of it")
DECIDE_REVIEW = Endpoint("svc.safety.decide_review", DecideReview, Review, EDGE, "Release or confirm it")

DECIDED = Event(
    "events.safety.review_decided", ReviewDecided, frozenset({"auth"}), "A person decided what the rules could not"
)

CONTRACTS: tuple[Endpoint[Any, Any] | Event[Any], ...] = (
    LIST_REVIEWS,
    SHOW_REVIEW,
    REVIEW_PICTURE,
    DECIDE_REVIEW,
    DECIDED,
)
