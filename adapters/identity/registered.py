"""The providers that the operator has registered us with, read from the settings."""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from contracts.text import SLUG

GOOGLE, GITHUB = "https://accounts.google.com", "https://github.com"
BUILT_IN = ("google", "github")


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at a provider."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """We, at an OpenID Connect issuer."""

    name: str
    title: str
    issuer: str
    client: Client


def read_client(text: str) -> Client:
    """`ID:SECRET`. Raises ValueError, without repeating what may be a secret."""
    name, _, secret = text.partition(":")
    if not name or not secret or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be ID:SECRET, as the provider gave them")
    return Client(name, secret)


def read_issuers(text: str) -> tuple[Registered, ...]:
    """`NAME=ID:SECRET@ISSUER`, several with commas between. Raises ValueError, without repeating secrets."""
    found = tuple(_issuer(part.strip()) for part in text.split(",") if part.strip())
    if len({each.name for each in found}) < len(found):
        raise ValueError("names a provider twice")
    return found


def is_loopback(host: str | None) -> bool:
    """Is it this machine, by a name that needs no look-up?"""
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def checked_url(url: object, issuer: str) -> str:
    """An address that `issuer` names. Raises ValueError unless we may call it.

    It is https, and none of an internal network by its number; only what is on this machine itself may use http and
    loopback. So an issuer cannot make us ask our own neighbours.
    """
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or len(url) > 2048:
        raise ValueError("is no address")
    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("is no plain address")
    own = urlsplit(issuer)
    if is_loopback(own.hostname):
        good = (is_loopback(parts.hostname) and parts.scheme in ("http", "https")) or parts.scheme == "https"
    else:
        good = parts.scheme == "https" and (parts.hostname == own.hostname or not _internal(parts.hostname))
    if not good:
        raise ValueError("must be https, and of no internal network")
    return url


def _issuer(text: str) -> Registered:
    name, equals, rest = text.partition("=")
    client, at, issuer = rest.rpartition("@")
    if not equals or not at:
        raise ValueError("must be NAME=ID:SECRET@ISSUER")
    if not re.match(SLUG, name) or len(name) > 40 or name in BUILT_IN:
        raise ValueError(f"must name a provider by lower-case letters, digits and dashes, not {name!r}")
    _check_issuer(issuer, name)
    return Registered(name, name.replace("-", " ").title(), issuer, read_client(client))


def _check_issuer(issuer: str, name: str) -> None:
    try:
        checked_url(issuer, issuer)
        good = not urlsplit(issuer).query and urlsplit(issuer).port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"must name the issuer of {name} by https:// (http:// only on this machine)")


def _internal(host: str) -> bool:
    address = _address(host)
    return is_loopback(host) or (address is not None and not address.is_global)


def _address(host: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host or "")
    except ValueError:
        return None
