"""The HTTP surface as one table: from it come the handlers, the OpenAPI document and the metrics' labels.

A path's placeholders, the names in `query` and the names in `session` are fields of the contract's request. A
placeholder that is not of its field's type is answered 404: no such thing can exist. Query parameters that no route
knows are ignored; bad values of known ones are 422.
"""

from contracts import auth, covers, notifications, tasks, templates, users
from edge.admin_routes import ADMIN
from edge.edit_routes import EDITS
from edge.export_routes import EXPORTS
from edge.route import Access, Cache, Route

__all__ = ("ROUTES", "Access", "Cache", "Route")

HOUR = 3600
STYLES = Cache(group="templates", max_age=HOUR)
KEYS = Cache(group="keys", max_age=60)
PAGE = ("limit", "cursor")

AUTH: tuple[Route, ...] = (
    # No idempotency here: it would keep passwords' traces and tokens for a day.
    Route(
        method="POST",
        path="/v1/auth/register",
        contract=auth.REGISTER,
        access="public",
        status=201,
        body="json",
        location="/v1/me",
        cost=10,
        guard="register",
        tag="auth",
        summary="Create an account and sign in",
    ),
    Route(
        method="POST",
        path="/v1/auth/login",
        contract=auth.LOGIN,
        access="public",
        body="json",
        cost=10,
        guard="login",
        without_limits="closed",
        tag="auth",
        summary="Sign in by password",
    ),
    Route(
        method="POST",
        path="/v1/auth/refresh",
        contract=auth.REFRESH,
        access="public",
        body="json",
        cost=2,
        guard="refresh",
        tag="auth",
        summary="Change a refresh token for new tokens",
    ),
    Route(
        method="POST",
        path="/v1/auth/logout",
        contract=auth.LOGOUT,
        access="optional",
        status=204,
        body="optional",
        session={"session_id": "sid"},
        tag="auth",
        summary="End the session of the refresh token, or of the access token",
    ),
    Route(
        method="GET",
        path="/.well-known/jwks.json",
        contract=auth.JWKS,
        access="public",
        cache=KEYS,
        tag="auth",
        summary="Public keys of access tokens",
    ),
)

ME: tuple[Route, ...] = (
    Route(method="GET", path="/v1/me", contract=users.GET, tag="me", summary="Read the own profile"),
    Route(
        method="PATCH",
        path="/v1/me",
        contract=users.UPDATE,
        body="json",
        tag="me",
        summary="Change the own profile",
    ),
    # No idempotency key: a repetition is answered 401, because the account is gone.
    Route(
        method="DELETE",
        path="/v1/me",
        contract=auth.DELETE_ACCOUNT,
        status=204,
        body="json",
        cost=10,
        guard="proof",
        without_limits="closed",
        tag="me",
        summary="Delete the account and everything of it, proven by the password",
    ),
    Route(
        method="GET",
        path="/v1/me/data",
        contract=auth.ACCOUNT,
        handler="export",
        cost=20,
        tag="me",
        summary="Everything that is held about the caller, as one document",
    ),
    Route(
        method="GET",
        path="/v1/me/preferences",
        contract=users.PREFERENCES,
        tag="me",
        summary="Read the own preferences",
    ),
    Route(
        method="PUT",
        path="/v1/me/preferences",
        contract=users.SET_PREFERENCES,
        body="json",
        tag="me",
        summary="Replace the own preferences",
    ),
    Route(method="GET", path="/v1/me/quota", contract=users.QUOTA, tag="me", summary="Read the own quota"),
    Route(
        method="GET",
        path="/v1/me/templates",
        contract=templates.LIST_MINE,
        query=PAGE,
        tag="me",
        summary="List own styles",
    ),
    Route(
        method="POST",
        path="/v1/me/templates",
        contract=templates.SAVE_MINE,
        status=201,
        body="json",
        idempotent=True,
        location="/v1/me/templates",
        tag="me",
        summary="Keep an own style",
    ),
)

TEMPLATES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/templates",
        contract=templates.LIST,
        access="public",
        query=("category", "q", "premium", *PAGE),
        cache=STYLES,
        tag="templates",
        summary="Search styles",
    ),
    Route(
        method="GET",
        path="/v1/templates/categories",
        contract=templates.CATEGORIES,
        access="public",
        cache=STYLES,
        tag="templates",
        summary="List categories",
    ),
    Route(
        method="GET",
        path="/v1/templates/{template_id}",
        contract=templates.GET,
        access="public",
        cache=STYLES,
        tag="templates",
        summary="Read a style",
    ),
    Route(
        method="POST",
        path="/v1/templates",
        contract=templates.CREATE,
        access="admin",
        status=201,
        body="json",
        idempotent=True,
        location="/v1/templates/{id}",
        changes="templates",
        tag="templates",
        summary="Add a style",
    ),
    Route(
        method="PATCH",
        path="/v1/templates/{template_id}",
        contract=templates.UPDATE,
        access="admin",
        body="json",
        changes="templates",
        tag="templates",
        summary="Change a style",
    ),
    Route(
        method="DELETE",
        path="/v1/templates/{template_id}",
        contract=templates.DELETE,
        access="admin",
        status=204,
        changes="templates",
        tag="templates",
        summary="Remove a style",
    ),
)

COVERS: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/covers",
        contract=covers.GENERATE,
        status=202,
        body="json",
        idempotent=True,
        location="/v1/tasks/{task_id}",
        admits="generate",
        cost=10,
        tag="covers",
        summary="Begin a cover",
    ),
    Route(
        method="GET",
        path="/v1/covers",
        contract=covers.LIST,
        query=("status", *PAGE),
        tag="covers",
        summary="List the own covers",
    ),
    Route(method="GET", path="/v1/covers/{cover_id}", contract=covers.GET, tag="covers", summary="Read a cover"),
    Route(
        method="DELETE",
        path="/v1/covers/{cover_id}",
        contract=covers.DELETE,
        status=204,
        tag="covers",
        summary="Remove a cover and its pictures",
    ),
    Route(
        method="GET",
        path="/v1/covers/{cover_id}/image",
        contract=covers.IMAGE,
        query=("size",),
        handler="image",
        media="image/png",
        tag="covers",
        summary="The picture of a cover; `?size=thumb` for the small one, `?download=1` to save it",
    ),
)

TASKS: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/tasks",
        contract=tasks.LIST,
        query=("status", *PAGE),
        tag="tasks",
        summary="List the own tasks",
    ),
    Route(method="GET", path="/v1/tasks/{task_id}", contract=tasks.GET, tag="tasks", summary="Read a task"),
    Route(method="DELETE", path="/v1/tasks/{task_id}", contract=tasks.CANCEL, tag="tasks", summary="Cancel a task"),
    Route(
        method="GET",
        path="/v1/tasks/{task_id}/events",
        contract=tasks.HISTORY,
        handler="events",
        media="text/event-stream",
        tag="tasks",
        summary="Watch a task: server-sent events, resumed by Last-Event-ID",
    ),
)

NOTIFICATIONS: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/notifications",
        contract=notifications.LIST,
        query=("unread", *PAGE),
        tag="notifications",
        summary="Read the inbox",
    ),
    Route(
        method="POST",
        path="/v1/notifications/{notification_id}/read",
        contract=notifications.MARK_READ,
        idempotent=True,
        tag="notifications",
        summary="Mark an entry as read",
    ),
)


def _page(path: str, handler: str, summary: str, media: str = "application/json") -> Route:
    return Route(
        method="GET", path=path, access="public", handler=handler, tag="other", summary=summary, media=media, cost=0
    )


OTHER: tuple[Route, ...] = (
    _page("/healthz", "alive", "Is this process alive?"),
    _page("/readyz", "ready", "Can requests be served: the bus, every node and Redis?"),
    _page("/metrics", "metrics", "Metrics of this process and of all nodes, for Prometheus", "text/plain"),
    _page("/openapi.json", "openapi", "This document", "application/vnd.oai.openapi+json"),
    _page("/asyncapi.json", "asyncapi", "The messages behind the API"),
    _page("/docs", "docs", "This document for people", "text/html"),
)

ROUTES: tuple[Route, ...] = (*AUTH, *ME, *TEMPLATES, *COVERS, *EDITS, *EXPORTS, *TASKS, *NOTIFICATIONS, *ADMIN, *OTHER)
