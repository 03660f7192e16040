"""Setting words: measuring with tracking, fitting a block of lines into a space, and drawing it as a mask."""

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

from PIL import Image, ImageDraw

from adapters.typesetter import fonts, lines

REFERENCE = 500
"""Size at which widths are measured; they grow in proportion."""


@dataclass(frozen=True)
class Style:
    """A face with its tracking (ems) and leading (line step over size)."""

    face: str
    tracking: float
    leading: float


@dataclass(frozen=True)
class Block:
    """Set lines of one style at a size, measured from the cap line of the first to the baseline of the last."""

    style: Style
    lines: tuple[str, ...]
    size: int

    @property
    def width(self) -> float:
        """Width of the widest line in pixels."""
        return max(line_width(line, self.style, self.size) for line in self.lines)

    @property
    def cap(self) -> float:
        """Height of a capital in pixels."""
        return cap_height(self.style.face) * self.size

    @property
    def height(self) -> float:
        """From the top of the first line's capitals to the last baseline."""
        return self.cap + (len(self.lines) - 1) * self.style.leading * self.size

    def scaled(self, size: int) -> "Block":
        """The same lines at another size."""
        return replace(self, size=size)


@lru_cache(maxsize=64)
def cap_height(face: str) -> float:
    """Height of a capital H as a share of the size."""
    box = fonts.at_size(face, REFERENCE).getbbox("H", anchor="ls")
    return -box[1] / REFERENCE


@lru_cache(maxsize=4096)
def _plain_width(text: str, face: str) -> float:
    return fonts.at_size(face, REFERENCE).getlength(text) / REFERENCE


def line_width(text: str, style: Style, size: float) -> float:
    """Width of one line in pixels, tracking between letters included."""
    return (_plain_width(text, style.face) + style.tracking * max(len(clusters(text)) - 1, 0)) * size


def clusters(text: str) -> list[str]:
    """Letters with their combining marks, so that tracking never parts them."""
    found: list[str] = []
    for character in text:
        if found and unicodedata.combining(character):
            found[-1] += character
        else:
            found.append(character)
    return found


def fit(text: str, style: Style, width: float, height: float, largest: float, most_lines: int) -> Block:
    """The lines and the size that fill width x height best: as large as they can be, but not by ugly breaks."""
    tries = [
        Block(style, broken, _fitted(broken, style, width, height, largest))
        for broken in lines.breakings(text, lambda line: line_width(line, style, 1.0), most_lines)
    ]
    return max(tries, key=lambda block: (block.size * _grace(block, width), -len(block.lines)))


def _fitted(broken: tuple[str, ...], style: Style, width: float, height: float, largest: float) -> int:
    across = max(line_width(line, style, 1.0) for line in broken)
    down = cap_height(style.face) + (len(broken) - 1) * style.leading + 0.08
    return max(int(min(width / max(across, 1e-6), height / down, largest)), 1)


def _grace(block: Block, width: float) -> float:
    """Below 1 for lines of very different length, for weak words at line ends, and for towers of many short lines."""
    widths = [line_width(line, block.style, 1.0) for line in block.lines]
    ragged = 1 - min(widths) / max(widths)
    weak = sum(line.split()[-1].lower() in lines.WEAK for line in block.lines[:-1])
    return (1 - 0.22 * ragged) * (1 - 0.10 * min(weak, 3)) * (1 - 0.03 * (len(block.lines) - 1))


@dataclass(frozen=True)
class Stamp:
    """A drawn block: its mask (8-bit coverage) and where its upper left corner lies on the page."""

    mask: Image.Image
    left: int
    top: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The ink: left, top, width and height on the page."""
        left, top, right, bottom = self.mask.getbbox() or (0, 0, 1, 1)
        return self.left + left, self.top + top, right - left, bottom - top


def stamp(block: Block, x: float, top: float, align: str) -> Stamp:
    """Draw the block with its cap line at `top`; x is the middle of centred lines or the left of left-aligned ones."""
    size, style = block.size, block.style
    pad = int(size * 0.6) + 4
    width, height = int(block.width) + 2 * pad, int(block.height + size * 0.35) + 2 * pad
    left = round(x - block.width / 2 if align == "centre" else x) - pad
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for index, line in enumerate(block.lines):
        across = line_width(line, style, size)
        start = pad + ((block.width - across) / 2 if align == "centre" else 0.0)
        _draw_line(draw, line, style, size, start, pad + block.cap + index * style.leading * size)
    return Stamp(mask, left, round(top) - pad)


def _draw_line(draw: ImageDraw.ImageDraw, text: str, style: Style, size: int, x: float, baseline: float) -> None:
    font = fonts.at_size(style.face, size)
    if not style.tracking:
        draw.text((x, baseline), text, font=font, fill=255, anchor="ls")
        return
    sofar = ""
    for index, cluster in enumerate(clusters(text)):
        sofar += cluster
        offset = (_plain_width(sofar, style.face) - _plain_width(cluster, style.face) + style.tracking * index) * size
        draw.text((x + offset, baseline), cluster, font=font, fill=255, anchor="ls", features=["-liga", "-clig"])
