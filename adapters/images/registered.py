"""Which image models there are to be, where, and in which order they are asked, read from the settings.

Without drivers: whoever reads settings imports this.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from adapters.identity.registered import is_loopback
from adapters.images import Cost
from contracts.tasks import PLANS

MODELS = ("painter", "openai", "stability", "automatic1111", "replicate")
TIERS = frozenset(lane.name for lane in PLANS)
NEEDED = {
    "openai": "openai_key",
    "stability": "stability_key",
    "automatic1111": "a1111_url",
    "replicate": "replicate_token",
}
"""The setting without which a model cannot be asked."""
STABILITY_MODELS = ("core", "ultra", "sd3")
MOST_EXPENSIVE = 1000.0
"""USD for a picture, or for a thousand tokens: more is a slip."""
WORD = re.compile(r"[a-z0-9][a-z0-9_-]*")


class Prices(msgspec.Struct, frozen=True):
    """USD for a million tokens (which is millionths of a dollar for one): words in, pictures in, pictures out."""

    text: float
    image: float
    output: float


class Preferences:
    """Names of models by plan and region, the most special entry first: `cn/pro`, then `cn`, then `pro`, then all."""

    def __init__(self, table: Mapping[str, tuple[str, ...]]) -> None:
        """`table` has at least the key of all, which is empty."""
        self._table = table

    @property
    def names(self) -> tuple[str, ...]:
        """Every model that is named, once."""
        return tuple(dict.fromkeys(name for names in self._table.values() for name in names))

    def __call__(self, tier: str, region: str) -> Sequence[str]:
        """The models for an order, the preferred one first."""
        regions = [key for key in self._regions() if _within(region.lower(), key)]
        keys = [*(f"{key}/{tier}" for key in regions), *regions, tier, ""]
        return next(self._table[key] for key in keys if key in self._table)

    def _regions(self) -> list[str]:
        """The longest first, so that `cn-north` comes before `cn`."""
        found = {key.partition("/")[0] for key in self._table if key and key not in TIERS}
        return sorted(found, key=len, reverse=True)


def read_preferences(text: str) -> Preferences:
    """`openai,painter;free=painter;cn=stability,painter;cn/pro=stability`. Raises ValueError.

    An entry without a name is for all; where there is none, that is the painter.
    """
    table: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        key, equals, names = entry.rpartition("=")
        key = key.strip().lower()
        if equals and not _is_key(key):
            raise ValueError(f"must name a plan, a region or region/plan before the =, not {key!r}")
        if key in table:
            raise ValueError(f"must say once what is for {key or 'all'}")
        table[key] = _names(names)
    return Preferences({"": ("painter",), **table})


def base_url(text: str) -> str:
    """An address of an API, without its last slash. Raises ValueError, which does not repeat it."""
    try:
        parts = urlsplit(text)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("must be an address such as https://api.example.org") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or not port_is_good:
        raise ValueError("must be an address such as https://api.example.org")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https://, unless it is on this machine")
    return text.rstrip("/")


def read_prices(text: str) -> Prices | None:
    """`TEXT,IMAGE,OUTPUT` in USD for a million tokens; None when empty. Raises ValueError."""
    if not text:
        return None
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(0 <= number < 1000 * MOST_EXPENSIVE for number in numbers):
        raise ValueError("must be three prices for a million tokens, such as 5,10,40")
    return Prices(*numbers)


def read_price(text: str) -> Cost | None:
    """USD for a picture; None when empty. Raises ValueError."""
    if not text:
        return None
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price < MOST_EXPENSIVE:
        raise ValueError("must be the price of a picture in USD, such as 0.003")
    return Cost(round(price * 1_000_000))


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if strange := [name for name in names if name not in MODELS]:
        raise ValueError(f"must be of {', '.join(MODELS)}, not {strange[0]!r}")
    if len(set(names)) < len(names):
        raise ValueError("must name a model once in a list")
    return names


def _is_key(key: str) -> bool:
    region, slash, tier = key.partition("/")
    return WORD.fullmatch(region) is not None and (not slash or (tier in TIERS and region not in TIERS))


def _within(region: str, key: str) -> bool:
    return region == key or region.startswith(f"{key}-")
