"""From where a request comes, for nodes that keep it: the client's network and what its program calls itself."""

from ipaddress import ip_network

from aiohttp import hdrs

from edge.address import Addresses
from edge.exchange import Exchange, Handler, Middleware, Result
from edge.routes import Route

NETWORK = 24
"""Bits that are kept of an IPv4 address; of IPv6 it is the site."""
LONGEST = 200
"""Characters that are kept of a User-Agent."""


def origin(addresses: Addresses) -> Middleware:
    """Note it on the exchange, on routes that ask for it."""

    def stage(route: Route, inner: Handler) -> Handler:
        if not route.origin:
            return inner

        async def handle(exchange: Exchange) -> Result:
            exchange.address = truncated(addresses.of(exchange.request))
            exchange.user_agent = printable(exchange.request.headers.get(hdrs.USER_AGENT, ""))
            return await inner(exchange)

        return handle

    return stage


def truncated(address: str) -> str | None:
    """The network of an address, without the part that is one client; None for what is none."""
    try:
        network = ip_network(address, strict=False)
    except ValueError:
        return None
    return str(network.supernet(new_prefix=NETWORK)) if network.prefixlen == 32 else str(network)


def printable(text: str) -> str | None:
    """Its printable ASCII, cut off where it is long, for a header; None when there is none."""
    return "".join(char for char in text[:LONGEST] if char.isascii() and char.isprintable()).strip() or None
