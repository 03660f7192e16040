"""The routes of exports: files of finished covers."""

from contracts import exports
from edge.route import Cache, Route

PRESETS = Cache(group="presets", max_age=3600)

EXPORTS: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/exports/presets",
        contract=exports.PRESETS,
        access="public",
        cache=PRESETS,
        tag="exports",
        summary="List what covers can be exported as",
    ),
    Route(
        method="POST",
        path="/v1/exports",
        contract=exports.CREATE,
        scope="covers:write",
        status=202,
        admits="export",
        body="json",
        idempotent=True,
        location="/v1/tasks/{task_id}",
        cost=10,
        tag="exports",
        summary="Begin an export: files of a finished cover, one for each preset",
    ),
    Route(
        method="GET",
        path="/v1/exports",
        contract=exports.LIST,
        scope="covers:read",
        query=("cover_id", "limit", "cursor"),
        tag="exports",
        summary="List the own exports",
    ),
    Route(
        method="GET",
        path="/v1/exports/{export_id}",
        contract=exports.GET,
        scope="covers:read",
        tag="exports",
        summary="Read an export",
    ),
    Route(
        method="GET",
        path="/v1/exports/{export_id}/files/{name}",
        contract=exports.FILE,
        scope="covers:read",
        handler="file",
        media="image/*",
        tag="exports",
        summary="A file of an export, to be saved",
    ),
    Route(
        method="DELETE",
        path="/v1/exports/{export_id}",
        contract=exports.DELETE,
        scope="covers:write",
        status=204,
        tag="exports",
        summary="Remove an export and its files",
    ),
)
