"""Keeps tests on this machine: connections and name look-ups that leave it fail at once."""

import ipaddress
import sys

LOCAL_NAMES = {"localhost", "", None}


class OutsideForbidden(Exception):
    """A test tried to reach another machine."""


def forbid_outside() -> None:
    """From now on, in this process, raise OutsideForbidden for everything but loopback and local sockets.

    An audit hook cannot be taken back, which is what is wanted: once per test run.
    """
    sys.addaudithook(_check)


def is_local(host: object) -> bool:
    """Whether a host, as given to the socket functions, is this machine."""
    if isinstance(host, bytes):
        host = host.decode()
    if host in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False
    # The unspecified address is what servers listen on; it goes nowhere.
    return address.is_loopback or address.is_unspecified


def _check(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
        if not is_local(host):
            raise OutsideForbidden(f"look-up of {host}")
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
        if not is_local(host):
            raise OutsideForbidden(f"connection to {host}")
