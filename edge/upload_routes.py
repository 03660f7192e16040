"""The routes of uploads."""

from contracts import uploads
from edge.route import Route

UPLOADS: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/uploads",
        contract=uploads.FINISH,
        scope="covers:write",
        status=201,
        body="upload",
        handler="upload",
        location="/v1/uploads/{upload_id}",
        cost=20,
        tag="uploads",
        summary="Bring a picture; the same file for the same purpose is the same upload",
    ),
    Route(
        method="GET",
        path="/v1/uploads",
        contract=uploads.LIST,
        scope="covers:read",
        query=("limit", "cursor"),
        tag="uploads",
        summary="List the own uploads",
    ),
    Route(
        method="GET",
        path="/v1/uploads/{upload_id}",
        contract=uploads.GET,
        scope="covers:read",
        tag="uploads",
        summary="Read an upload",
    ),
    Route(
        method="GET",
        path="/v1/uploads/{upload_id}/image",
        contract=uploads.IMAGE,
        scope="covers:read",
        handler="image",
        media="image/png",
        tag="uploads",
        summary="The picture of an upload, PNG or JPEG; `?download=1` to save it",
    ),
    Route(
        method="DELETE",
        path="/v1/uploads/{upload_id}",
        contract=uploads.DELETE,
        scope="covers:write",
        status=204,
        tag="uploads",
        summary="Remove an upload; what was made from it stays",
    ),
)
