"""What a score of the picture classifier means, by region and plan: `rules/pictures.toml`."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from adapters.moderation.policy import RULES
from contracts.safety import Decision


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Allowed below `review`, for a person from there, refused from `block` on."""

    review: float
    block: float
    region: str | None = None
    tier: str | None = None

    def decide(self, score: float) -> Decision:
        """What follows from a score."""
        if score >= self.block:
            return "block"
        return "review" if score >= self.review else "allow"


class Bands:
    """All rows. Raises ValueError for a row that is out of order, or when no row is for everybody."""

    def __init__(self, rows: Sequence[Band]) -> None:
        if not any(row.region is None and row.tier is None for row in rows):
            raise ValueError("no row of thresholds is for everybody")
        if not all(0 < row.review <= row.block <= 1 for row in rows):
            raise ValueError("thresholds must be 0 < review <= block <= 1")
        self._rows = sorted(rows, key=lambda row: (row.region is None) + (row.tier is None))

    def of(self, region: str | None, tier: str) -> Band:
        """The most special row that fits."""
        return next(row for row in self._rows if row.region in (None, region) and row.tier in (None, tier))


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    band: tuple[Band, ...]


def read_bands(path: Path = RULES / "pictures.toml") -> Bands:
    """The shipped thresholds, or those of another file. Raises ValueError."""
    return Bands(msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).band)
