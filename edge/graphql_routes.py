"""The routes of GraphQL. What a field needs (scope, plan, points) stands in the row of the operation behind it."""

from edge.route import Route

REQUEST = Route(
    method="POST",
    path="/graphql",
    access="optional",
    body="json",
    handler="graphql",
    media="application/graphql-response+json",
    tag="graphql",
    summary="Queries and mutations of the GraphQL schema (edge/graphql/schema.graphql)",
)
SOCKET = Route(
    method="GET",
    path="/graphql",
    access="optional",
    status=101,
    handler="graphql-socket",
    tag="graphql",
    summary="Subscriptions of GraphQL: a WebSocket that speaks graphql-transport-ws",
)
GRAPHQL: tuple[Route, ...] = (REQUEST, SOCKET)
