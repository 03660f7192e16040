"""What the OpenAPI document says otherwise of pages for people: some of their refusals are pages, too."""

from typing import Any

from edge.openapi_problems import common_headers, header
from edge.route import Route

Json = dict[str, Any]
REFUSALS = {
    "404": "A page: nothing is behind this link",
    "410": "A page: the link has expired",
    "503": "A page: not just now",
    "504": "A page: not just now",
}


def with_pages(operation: Json, route: Route) -> Json:
    """The operation of `share-page` as it really is."""
    page = {"text/html": {"schema": {"type": "string"}}}
    for status, about in REFUSALS.items():
        later = {"Retry-After": header("RetryAfter")} if status >= "500" else {}
        operation["responses"][status] = {
            "description": about,
            "headers": {**common_headers(route), **later},
            "content": page,
        }
    return operation
