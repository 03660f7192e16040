"""How the text of a setting becomes its value. Each function raises ValueError with what it `must` be."""

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from adapters.mail import mail_server
from edge.address import networks

LEAST_DIFFERENT = 8
"""Different bytes in a secret: 32 random ones have about 30, one typed by hand may have a few."""
RETRIES, LEAST_WAIT, MOST_WAIT = 3, 0.1, 600
"""A job has four deliveries; the seconds between them."""


def required(text: str) -> str:
    """Text that must not be empty."""
    if not text:
        raise ValueError("must not be empty")
    return text


def optional(text: str) -> str | None:
    """Text, or None."""
    return text or None


def secret_key(text: str) -> str | None:
    """A root secret, kept as it was written, or None."""
    if text:
        root_secret(text)
    return text or None


def root_secret(text: str) -> bytes:
    """The 32 bytes that `text` says in base64url, with or without padding. Raises ValueError without repeating it."""
    bare = text.strip().rstrip("=")
    if re.fullmatch(r"[A-Za-z0-9_-]{43}", bare) is None:
        raise ValueError("must be 32 bytes in base64url, 43 characters: openssl rand -base64 32 | tr '+/' '-_'")
    root = base64.urlsafe_b64decode(bare + "=")
    if len(set(root)) < LEAST_DIFFERENT:
        raise ValueError("must be random")
    return root


def folder(text: str) -> Path:
    """A folder, in full."""
    return Path(text).expanduser().resolve()


def file(text: str) -> Path | None:
    """A file, in full, or None."""
    return folder(text) if text else None


def email(text: str) -> str:
    """An e-mail address."""
    if text.count("@") != 1 or text.startswith("@") or text.endswith("@"):
        raise ValueError(f"must be an e-mail address, not {text!r}")
    return text


def number(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def ratio(text: str) -> float:
    """A number from 0 to 1. Raises ValueError."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ValueError(f"must be a number from 0 to 1, not {text!r}")
    return found


def choice(*words: str) -> Callable[[str], str]:
    """One of these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {text!r}")
        return text

    return parse


def url(*schemes: str) -> Callable[[str], str | None]:
    """An address of one of these schemes, or None."""

    def parse(text: str) -> str | None:
        if text and (urlsplit(text).scheme not in schemes or "://" not in text):
            # The value is not repeated: a URL may hold a password.
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text or None

    return parse


def mail_url(text: str) -> str | None:
    """The address of a mail server, or None."""
    if text:
        mail_server(text)
    return text or None


def public_url(text: str) -> str | None:
    """Where users reach us, without the last slash, or None."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ValueError("must be an address such as https://covers.example.org")
    return text.rstrip("/") or None


def checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """Text that `check` can read, or none."""

    def parse(text: str) -> str:
        if text:
            check(text)
        return text

    return parse


def given(read: Callable[[str], str]) -> Callable[[str], str]:
    """What `read` makes of text that must be there."""
    return lambda text: read(required(text))


def address(read: Callable[[str], str]) -> Callable[[str], str | None]:
    """The same of text that may be missing."""
    return lambda text: read(text) if text else None


def network_list(text: str) -> str:
    """Networks, kept as they were written."""
    try:
        networks(text)
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8: {error}") from None
    return text


def origins(text: str) -> str:
    """Origins of web pages, kept as they were written."""
    for origin in words(text):
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc.lower()}":
            raise ValueError(f"must be origins such as https://app.example.org, not {origin!r}")
    return text


def words(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def waits(text: str) -> tuple[float, ...]:
    """Three waits in seconds, from 0.1 to 600 each. Raises ValueError."""
    try:
        found = tuple(float(word) for word in words(text))
    except ValueError:
        found = ()
    if len(found) != RETRIES or not all(LEAST_WAIT <= wait <= MOST_WAIT for wait in found):
        raise ValueError(f"must be three numbers of seconds from {LEAST_WAIT} to {MOST_WAIT}, not {text!r}")
    return found


def paint_processes(text: str) -> int:
    """A number of processes; one fewer than the processors when none is given."""
    return number(1, 256)(text) if text else max(1, (os.cpu_count() or 1) - 1)
