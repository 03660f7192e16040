"""What a client of GraphQL asks."""

from typing import Any

import msgspec


class GraphRequest(msgspec.Struct, frozen=True, rename="camel"):
    """One request (GraphQL over HTTP, 5.1)."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
