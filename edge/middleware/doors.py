"""Turns away whom the lists of addresses do not let in, before anything else is done for the request.

Without a trusted proxy a denied client is turned away when it connects (`connections.py`), and this stage sees only
those of proxies, whose X-Forwarded-For is believed, and administrators' routes.
"""

from contracts.errors import AddressDenied
from edge.address import Addresses
from edge.address_lists import AddressLists
from edge.exchange import Exchange, Handler, Middleware, Result
from edge.routes import Route


def doors(lists: AddressLists, addresses: Addresses) -> Middleware:
    """403 `address_denied` for who may not come; nothing at all where there is no list."""

    def stage(route: Route, inner: Handler) -> Handler:
        admin = route.access == "admin"
        if not (lists.any or (admin and lists.any_admin)):
            return inner

        async def handle(exchange: Exchange) -> Result:
            rule = lists.refuses(addresses.client(exchange.request), admin=admin)
            if rule is not None:
                lists.counts[rule] += 1
                raise AddressDenied()
            return await inner(exchange)

        return handle

    return stage
