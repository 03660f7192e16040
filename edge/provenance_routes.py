"""The routes of provenance: what a file, or a cover's picture, says of its origin."""

from contracts import covers
from edge.route import Route

PROVENANCE: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/verify",
        access="public",
        body="file",
        handler="verify",
        cost=20,
        guard="verify",
        tag="provenance",
        summary="Read and check the Content Credentials and AI labels of a file, which is not kept",
    ),
    Route(
        method="GET",
        path="/v1/covers/{cover_id}/provenance",
        contract=covers.IMAGE,
        scope="covers:read",
        query=("version",),
        handler="provenance",
        cost=5,
        tag="provenance",
        summary="The same of a cover's picture: the one that is shown, or `?version=`",
    ),
)
