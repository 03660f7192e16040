"""What the safety node answers in the edge's tests."""

import uuid
from datetime import UTC, datetime
from typing import Any

from adapters.objects import Objects
from contracts import reviews
from contracts.safety import Finding
from contracts.wire import Endpoint, ObjectRef

FOUND = Finding(category="sexual", field="prompt", start=2, end=6, decision="review")


def review_answers(objects: Objects) -> dict[Endpoint[Any, Any], Any]:
    """One text in review, whatever is asked for; and a picture of a few bytes."""
    return {
        reviews.LIST_REVIEWS: lambda _m, _c: reviews.ReviewPage(items=()),
        reviews.SHOW_REVIEW: lambda m, _c: _review(m.review_id),
        reviews.DECIDE_REVIEW: lambda m, _c: _review(m.review_id),
        reviews.REVIEW_PICTURE: lambda _m, _c: _picture(objects),
    }


def _review(review_id: uuid.UUID) -> reviews.Review:
    return reviews.Review(
        id=review_id,
        kind="text",
        status="waiting",
        categories=("sexual",),
        user_id=None,
        created_at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        findings=(FOUND,),
    )


async def _picture(objects: Objects) -> ObjectRef:
    return await objects.put("reviews", b"\x89PNG of a review", "image/png")
