"""Who may come at all: networks that are denied, and networks beside which nobody is allowed.

Denied wins over allowed. Without lists everybody may come; with `allow` only those networks, the machine's own loopback
included only when it is listed. Routes of administrators may have a list of their own on top. An address that cannot be
read is in no network.
"""

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from edge.address import Network


class AddressLists:
    """The lists in force, and how often they turned somebody away."""

    def __init__(
        self, deny: Iterable[Network] = (), allow: Iterable[Network] = (), admin_allow: Iterable[Network] = ()
    ) -> None:
        self._deny, self._allow, self._admin_allow = tuple(deny), tuple(allow), tuple(admin_allow)
        self.counts: Counter[str] = Counter()
        """Turned away, by where: connection, request, admin."""

    @property
    def any(self) -> bool:
        """Is there a list that holds for every route?"""
        return bool(self._deny or self._allow)

    @property
    def any_admin(self) -> bool:
        """Is there one for administrators' routes?"""
        return bool(self._admin_allow)

    def refuses(self, address: IPv4Address | IPv6Address | None, *, admin: bool = False) -> str | None:
        """Which rule turns it away: `request` or `admin`; None: it may come."""
        if _among(address, self._deny) or (self._allow and not _among(address, self._allow)):
            return "request"
        return "admin" if admin and self._admin_allow and not _among(address, self._admin_allow) else None


def _among(address: IPv4Address | IPv6Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(address in network for network in networks)
