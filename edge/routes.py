"""The HTTP surface as one table: from it come the handlers, the OpenAPI document and the metrics' labels.

A path's placeholders, the names in `query` and the names in `session` are fields of the contract's request. A
placeholder that is not of its field's type is answered 404: no such thing can exist. Query parameters that no route
knows are ignored; bad values of known ones are 422.
"""

from contracts import auth, notifications, tasks, templates, users
from edge.admin_routes import ADMIN
from edge.auth_routes import AUTH
from edge.brand_routes import BRANDS
from edge.cover_routes import COVERS
from edge.edit_routes import EDITS
from edge.export_routes import EXPORTS
from edge.graphql_routes import GRAPHQL
from edge.login_routes import LOGINS
from edge.oauth_routes import OAUTH
from edge.provenance_routes import PROVENANCE
from edge.review_routes import REVIEWS
from edge.route import Access, Cache, Route
from edge.security_routes import SECURITY
from edge.session_routes import SESSION
from edge.share_routes import SHARES
from edge.upload_routes import UPLOADS
from edge.webhook_routes import WEBHOOKS

__all__ = ("ROUTES", "Access", "Cache", "Route")

HOUR = 3600
STYLES = Cache(group="templates", max_age=HOUR, stale=HOUR // 6, stale_if_error=24 * HOUR)
PAGE = ("limit", "cursor")

ME: tuple[Route, ...] = (
    Route(
        method="GET", path="/v1/me", contract=users.GET, scope="account:read", tag="me", summary="Read the own profile"
    ),
    Route(
        method="PATCH",
        path="/v1/me",
        contract=users.UPDATE,
        scope="account:write",
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
        session={"session_id": "sid"},
        cost=10,
        guard="proof",
        without_limits="closed",
        tag="me",
        summary="Delete the account and everything of it, proven by the password or by a sign-in of just now",
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
        scope="account:read",
        tag="me",
        summary="Read the own preferences",
    ),
    Route(
        method="PUT",
        path="/v1/me/preferences",
        contract=users.SET_PREFERENCES,
        scope="account:write",
        body="json",
        tag="me",
        summary="Replace the own preferences",
    ),
    Route(
        method="GET",
        path="/v1/me/quota",
        contract=users.QUOTA,
        scope="account:read",
        tag="me",
        summary="Read the own quota",
    ),
    Route(
        method="GET",
        path="/v1/me/templates",
        contract=templates.LIST_MINE,
        scope="styles:read",
        query=PAGE,
        tag="me",
        summary="List own styles",
    ),
    Route(
        method="POST",
        path="/v1/me/templates",
        contract=templates.SAVE_MINE,
        scope="styles:write",
        status=201,
        body="json",
        idempotent=True,
        location="/v1/me/templates",
        tag="me",
        summary="Keep an own style",
    ),
    Route(
        method="PATCH",
        path="/v1/me/templates/{template_id}",
        contract=templates.UPDATE_MINE,
        scope="styles:write",
        body="json",
        tag="me",
        summary="Change an own style; covers made in it stay as they are",
    ),
    Route(
        method="DELETE",
        path="/v1/me/templates/{template_id}",
        contract=templates.DELETE_MINE,
        scope="styles:write",
        status=204,
        tag="me",
        summary="Remove an own style; covers made in it keep their recipe",
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

TASKS: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/tasks",
        contract=tasks.LIST,
        scope="covers:read",
        query=("status", *PAGE),
        tag="tasks",
        summary="List the own tasks",
    ),
    Route(
        method="GET",
        path="/v1/tasks/{task_id}",
        contract=tasks.GET,
        scope="covers:read",
        tag="tasks",
        summary="Read a task",
    ),
    Route(
        method="DELETE",
        path="/v1/tasks/{task_id}",
        contract=tasks.CANCEL,
        scope="covers:write",
        tag="tasks",
        summary="Cancel a task",
    ),
    Route(
        method="GET",
        path="/v1/tasks/{task_id}/events",
        contract=tasks.HISTORY,
        scope="covers:read",
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
        scope="notifications:read",
        query=("unread", *PAGE),
        tag="notifications",
        summary="Read the inbox",
    ),
    Route(
        method="POST",
        path="/v1/notifications/{notification_id}/read",
        contract=notifications.MARK_READ,
        scope="notifications:write",
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
    _page("/openapi.json", "openapi", "This document"),
    _page("/asyncapi.json", "asyncapi", "The messages behind the API"),
    _page("/docs", "docs", "This document for people", "text/html"),
)

ROUTES: tuple[Route, ...] = (
    *AUTH,
    *SECURITY,
    *SESSION,
    *OAUTH,
    *LOGINS,
    *ME,
    *BRANDS,
    *TEMPLATES,
    *COVERS,
    *SHARES,
    *UPLOADS,
    *EDITS,
    *EXPORTS,
    *PROVENANCE,
    *TASKS,
    *NOTIFICATIONS,
    *WEBHOOKS,
    *GRAPHQL,
    *ADMIN,
    *REVIEWS,
    *OTHER,
)
