"""The routes of the caller's brand kit."""

from contracts import brands
from edge.route import Route

BRANDS: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/me/brand-kit",
        contract=brands.GET,
        scope="account:read",
        tag="me",
        summary="Read the own brand kit: fonts, colours, logo and how the author is set",
    ),
    Route(
        method="PUT",
        path="/v1/me/brand-kit",
        contract=brands.SET,
        scope="account:write",
        body="json",
        cost=5,
        tag="me",
        summary="Replace the own brand kit, which orders with `brand: true` are made with",
    ),
)
