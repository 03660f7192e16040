"""What a cover costs one core: art and type of every built-in style, at the size of an e-book's cover.

Processor time of this process, the least of a few (noise only ever adds), beside what Pillow takes to write the same
page as a PNG file by itself.
"""

import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PIL import Image

from adapters.images.painter.model import paint
from adapters.typesetter import compose
from ops.commands import gallery


@dataclass(frozen=True, slots=True)
class CoverCost:
    """The dearest style of a family, in seconds of processor time."""

    family: str
    style: str
    art: float
    words: float
    """Type, the files of page and thumbnail included."""
    writing: float
    """Pillow's, of the same page."""

    @property
    def whole(self) -> float:
        """Art and type."""
        return self.art + self.words


def measure_covers(repeats: int, covers: Iterable[tuple[gallery.Style, gallery.Words]]) -> list[CoverCost]:
    """The dearest style of each family, the dearest first."""
    dearest: dict[str, CoverCost] = {}
    for cost in (_cost(style, words, repeats) for style, words in covers):
        known = dearest.get(cost.family)
        dearest[cost.family] = cost if known is None or cost.whole > known.whole else known
    return sorted(dearest.values(), key=lambda cost: -cost.whole)


def _cost(style: gallery.Style, words: gallery.Words, repeats: int) -> CoverCost:
    art, order = gallery.art_order(style, words), gallery.type_order(style, words)
    picture = paint(art).data
    page = Image.open(io.BytesIO(compose(picture, order).picture.data)).convert("RGB")
    return CoverCost(
        family=style["family"],
        style=style["name"],
        art=_least(lambda: paint(art), repeats),
        words=_least(lambda: compose(picture, order), repeats),
        writing=_least(lambda: page.save(io.BytesIO(), "PNG"), repeats),
    )


def _least(work: Callable[[], object], repeats: int) -> float:
    """Seconds of processor time."""
    found = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)
