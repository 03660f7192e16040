"""Which address a request comes from.

Without trusted proxies it is the socket's peer, and X-Forwarded-For is not looked at: anybody may send it. Behind
trusted ones it is the right-most address in X-Forwarded-For that is not one of theirs: what stands left of it was
written by somebody we do not know.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the settings read networks too, in processes that need no HTTP
    from aiohttp import web

HEADER = "X-Forwarded-For"
UNKNOWN = "unknown"
"""When the socket has been closed already."""
SITE = 64
"""Bits of an IPv6 address that name a site: its owner has all the others."""
Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Networks from `10.0.0.0/8, ::1`. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


class Addresses:
    """Reads addresses of clients behind these proxies."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def of(self, request: "web.Request") -> str:
        """The client's address; for IPv6 its site, because one client has all addresses of that."""
        transport = request.transport
        peer = None if transport is None else transport.get_extra_info("peername")
        if not peer:
            return UNKNOWN
        if not self._trusted and ":" not in peer[0]:
            return str(peer[0])  # as it is: nearly every request
        return _site(self._client(peer[0], request))

    def client(self, request: "web.Request") -> IPv4Address | IPv6Address | None:
        """The client's whole address; None when it cannot be read."""
        transport = request.transport
        peer = None if transport is None else transport.get_extra_info("peername")
        client = self._client(peer[0], request) if peer else UNKNOWN
        return None if isinstance(client, str) else client

    def trusts(self, address: str) -> bool:
        """Is it one of the proxies?"""
        parsed = _parsed(address)
        return parsed is not None and self._is_proxy(parsed)

    def _client(self, peer: str, request: "web.Request") -> IPv4Address | IPv6Address | str:
        address = _parsed(peer)
        if address is None:
            return peer
        if self._trusted:
            hops = ",".join(request.headers.getall(HEADER, [])).split(",")
            while hops and self._is_proxy(address):
                before = _parsed(hops.pop())
                if before is None:
                    break  # not an address: the proxy that wrote it is the last that we know
                address = before
        return address

    def _is_proxy(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text says; None: it says none."""
    return _parsed(text)


def is_own(address: str) -> bool:
    """Is it this machine's loopback?"""
    parsed = _parsed(address)
    return parsed is not None and parsed.is_loopback


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without a port, brackets or a zone; one of IPv4 in IPv6's clothes is IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _site(address: IPv4Address | IPv6Address | str) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), SITE), strict=False))
    return str(address)
