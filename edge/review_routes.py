"""The rows of the table for what the safety rules leave to a person. The node looks at the role again."""

from contracts import reviews
from edge.route import Route

REVIEWS: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/admin/reviews",
        contract=reviews.LIST_REVIEWS,
        access="admin",
        query=("status", "limit", "cursor"),
        tag="admin",
        summary="List texts and pictures that a person has to decide, the newest first",
    ),
    Route(
        method="GET",
        path="/v1/admin/reviews/{review_id}",
        contract=reviews.SHOW_REVIEW,
        access="admin",
        tag="admin",
        summary="Read one of them with its words, what was found, and every decision",
    ),
    Route(
        method="GET",
        path="/v1/admin/reviews/{review_id}/picture",
        contract=reviews.REVIEW_PICTURE,
        access="admin",
        handler="image",
        media="image/png",
        tag="admin",
        summary="Look at the picture of one of them",
    ),
    # No idempotency key: the last word counts, and saying it again changes nothing but the log.
    Route(
        method="POST",
        path="/v1/admin/reviews/{review_id}",
        contract=reviews.DECIDE_REVIEW,
        access="admin",
        body="json",
        origin=True,
        tag="admin",
        summary="Release it, so that it passes the next time, or confirm that it is refused",
    ),
)
