"""Which field is which operation: names of fields, and names of rows of the table of routes.

Nothing else is said here. Arguments, types, scopes and points come from the route and its contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts import covers, edits, exports, tasks
from edge.routes import ROUTES, Route

QUERIES: Mapping[str, str] = {
    "me": "GET /v1/me",
    "preferences": "GET /v1/me/preferences",
    "brand_kit": "GET /v1/me/brand-kit",
    "quota": "GET /v1/me/quota",
    "own_styles": "GET /v1/me/templates",
    "templates": "GET /v1/templates",
    "template": "GET /v1/templates/{template_id}",
    "categories": "GET /v1/templates/categories",
    "covers": "GET /v1/covers",
    "cover": "GET /v1/covers/{cover_id}",
    "edits": "GET /v1/edits",
    "edit": "GET /v1/edits/{edit_id}",
    "export_presets": "GET /v1/exports/presets",
    "exports": "GET /v1/exports",
    "export": "GET /v1/exports/{export_id}",
    "tasks": "GET /v1/tasks",
    "task": "GET /v1/tasks/{task_id}",
    "notifications": "GET /v1/notifications",
}
MUTATIONS: Mapping[str, str] = {
    "update_me": "PATCH /v1/me",
    "set_preferences": "PUT /v1/me/preferences",
    "set_brand_kit": "PUT /v1/me/brand-kit",
    "save_style": "POST /v1/me/templates",
    "update_style": "PATCH /v1/me/templates/{template_id}",
    "delete_style": "DELETE /v1/me/templates/{template_id}",
    "create_cover": "POST /v1/covers",
    "retype_cover": "POST /v1/covers/{cover_id}/retype",
    "vary_cover": "POST /v1/covers/{cover_id}/variations",
    "regenerate_cover": "POST /v1/covers/{cover_id}/regenerate",
    "format_cover": "POST /v1/covers/{cover_id}/formats",
    "choose_version": "POST /v1/covers/{cover_id}/choose",
    "delete_cover": "DELETE /v1/covers/{cover_id}",
    "create_edit": "POST /v1/edits",
    "apply_operation": "POST /v1/edits/{edit_id}/operations",
    "undo_edit": "POST /v1/edits/{edit_id}/undo",
    "redo_edit": "POST /v1/edits/{edit_id}/redo",
    "checkout_edit": "POST /v1/edits/{edit_id}/checkout",
    "save_edit": "POST /v1/edits/{edit_id}/save",
    "delete_edit": "DELETE /v1/edits/{edit_id}",
    "create_export": "POST /v1/exports",
    "delete_export": "DELETE /v1/exports/{export_id}",
    "cancel_task": "DELETE /v1/tasks/{task_id}",
    "mark_notification_read": "POST /v1/notifications/{notification_id}/read",
}
EVENTS = "GET /v1/tasks/{task_id}/events"
"""The route behind the subscription."""


@dataclass(frozen=True, slots=True)
class Link:
    """A field of a type that leads to another thing: null when there is none (any more)."""

    owner: type[Any]
    name: str
    route: str
    takes: str
    """Where the owner has the value for the route's placeholder."""


LINKS: tuple[Link, ...] = (
    Link(covers.Cover, "template", "GET /v1/templates/{template_id}", "recipe.template_id"),
    Link(covers.Cover, "task", "GET /v1/tasks/{task_id}", "task_id"),
    Link(tasks.Task, "cover", "GET /v1/covers/{cover_id}", "cover_id"),
    Link(exports.Export, "cover", "GET /v1/covers/{cover_id}", "cover_id"),
    Link(exports.Export, "task", "GET /v1/tasks/{task_id}", "task_id"),
    Link(edits.EditSession, "cover", "GET /v1/covers/{cover_id}", "cover_id"),
)

_BY_NAME = {route.name: route for route in ROUTES}


def route_of(name: str) -> Route:
    """The row of the table. Raises ValueError for a row that is not there, or has what a field cannot keep."""
    route = _BY_NAME.get(name)
    if route is None or route.contract is None:
        raise ValueError(f"there is no route {name} with a contract")
    special = route.guard or route.origin or route.session or route.without_limits != "open"
    if special or route.access not in ("public", "user") or route.handler not in ("call", "events"):
        raise ValueError(f"{name} has rules or limits of its own that a field of GraphQL would go around")
    return route


def bound_routes() -> tuple[Route, ...]:
    """Every route that a field is bound to, once."""
    names = [*QUERIES.values(), *MUTATIONS.values(), *(link.route for link in LINKS), EVENTS]
    return tuple(route_of(name) for name in dict.fromkeys(names))
