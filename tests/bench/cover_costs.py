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
    """The dearest style of each family, the dearest first: found by one run of each, then measured."""
    dearest: dict[str, _Cover] = {}
    for style, words in covers:
        cover, known = _Cover(style, words), dearest.get(style["family"])
        dearest[style["family"]] = cover if known is None or cover.seconds > known.seconds else known
    return sorted((cover.cost(repeats) for cover in dearest.values()), key=lambda cost: -cost.whole)


class _Cover:
    """A cover that was made once, in so many seconds."""

    def __init__(self, style: gallery.Style, words: gallery.Words) -> None:
        self._style = style
        self._art, self._words = gallery.art_order(style, words), gallery.type_order(style, words)
        began = time.process_time()
        self._picture = paint(self._art).data
        self._page = compose(self._picture, self._words).picture.data
        self.seconds = time.process_time() - began

    def cost(self, repeats: int) -> CoverCost:
        """The least of so many runs of each part."""
        page = Image.open(io.BytesIO(self._page)).convert("RGB")
        return CoverCost(
            family=self._style["family"],
            style=self._style["name"],
            art=_least(lambda: paint(self._art), repeats),
            words=_least(lambda: compose(self._picture, self._words), repeats),
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
