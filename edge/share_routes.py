"""The routes of links to covers: their owner's, and what everybody sees who has one."""

from contracts import shares
from edge.route import Route

SHARES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/covers/{cover_id}/shares",
        contract=shares.CREATE,
        scope="covers:write",
        status=201,
        body="optional",
        idempotent=True,
        location="/v1/covers/{cover_id}/shares",
        cost=2,
        tag="shares",
        summary="Make a link that shows the cover to everybody who has it",
    ),
    Route(
        method="GET",
        path="/v1/covers/{cover_id}/shares",
        contract=shares.LIST,
        scope="covers:read",
        query=("limit", "cursor"),
        tag="shares",
        summary="List the links of a cover that are good",
    ),
    Route(
        method="DELETE",
        path="/v1/covers/{cover_id}/shares/{share_id}",
        contract=shares.REVOKE,
        scope="covers:write",
        status=204,
        tag="shares",
        summary="Take a link back; from then on it shows nothing",
    ),
    Route(
        method="GET",
        path="/s/{token}",
        contract=shares.SHARED,
        handler="share-page",
        access="public",
        media="text/html",
        tag="shares",
        summary="The page behind a link",
    ),
    Route(
        method="GET",
        path="/s/{token}/image",
        contract=shares.SHARED_IMAGE,
        handler="share-image",
        access="public",
        query=("size", "download"),
        cost=2,
        media="image/png",
        tag="shares",
        summary="The picture behind a link; `?size=thumb` for the small one, `?download=1` to save it, if offered",
    ),
)
