"""Setting words: fitting a block of lines into a space, and drawing it as a mask."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw

from adapters.typesetter import fonts, lines, runs
from adapters.typesetter.grids import AXIS
from adapters.typesetter.runs import Style
from adapters.typesetter.scripts import ARABIC, CJK, HANGUL, HEBREW, scripts_in

PROBES = {HEBREW: "ה", ARABIC: "ا", CJK: "国", HANGUL: "한"}
"""A letter of each script without case that is as tall as most."""
TAILS = {ARABIC: "جعي", CJK: "国", HANGUL: "한"}
"""Letters that show how far a script reaches below its line, where that is much."""
AIR = 0.05
"""Ems left between the lowest ink of a line and the highest of the next."""


@dataclass(frozen=True)
class Block:
    """Set lines of one style at a size, measured from the cap line of the first to the foot of the last."""

    style: Style
    lines: tuple[str, ...]
    size: int

    @property
    def width(self) -> float:
        """Width of the widest line in pixels."""
        return max(line_width(line, self.style, self.size) for line in self.lines)

    @property
    def cap(self) -> float:
        """Height of a capital, or of a square character, in pixels."""
        return rise(self.style) * self.size

    @property
    def height(self) -> float:
        """From the top of the first line's capitals to the last baseline, or the foot of square characters."""
        down = (len(self.lines) - 1) * step(self.lines, self.style) + fall(self.style)
        return self.cap + down * self.size

    def scaled(self, size: int) -> "Block":
        """The same lines at another size."""
        return replace(self, size=size)


def probe(style: Style) -> str:
    """A letter that shows how tall the style's main face is."""
    return PROBES.get(_main(style), "H")


def _main(style: Style) -> str:
    return next((script for script, face in style.faces if face == style.face and script), "")


@lru_cache(maxsize=128)
def _metrics(face: str, letter: str) -> tuple[float, float]:
    box = fonts.at_size(face, runs.REFERENCE).getbbox(letter, anchor="ls")
    return -box[1] / runs.REFERENCE, max(box[3], 0.0) / runs.REFERENCE


def rise(style: Style) -> float:
    """Height of a capital (or what stands for it) as a share of the size."""
    return _metrics(style.face, probe(style))[0]


def fall(style: Style) -> float:
    """How far square and Arabic characters reach below the baseline, as a share of the size; 0 for other letters."""
    tail = TAILS.get(_main(style))
    return _metrics(style.face, tail)[1] if tail else 0.0


@lru_cache(maxsize=1024)
def step(broken: tuple[str, ...], style: Style) -> float:
    """Line step in ems: the style's leading, or more where the ink of neighbouring lines would meet."""
    if len(broken) < 2:
        return style.leading
    extents = [runs.extent(line, style) for line in broken]
    needed = max(above[1] + below[0] for above, below in pairwise(extents))
    return max(style.leading, needed + AIR)


def line_width(text: str, style: Style, size: float) -> float:
    """Width of one line in pixels, tracking between letters included."""
    return runs.line(text, style).width * size


@lru_cache(maxsize=256)
def _broken(text: str, style: Style, most: int) -> tuple[tuple[str, ...], ...]:
    return tuple(lines.breakings(text, lambda part: line_width(part, style, 1.0), most))


@lru_cache(maxsize=2048)
def fit(text: str, style: Style, width: float, height: float, largest: float, most_lines: int) -> Block:
    """The lines and the size that fill width x height best: as large as they can be, but not by ugly breaks."""
    tries = [
        Block(style, broken, _fitted(broken, style, width, height, largest))
        for broken in _broken(text, style, most_lines)
    ]
    return max(tries, key=lambda block: (block.size * _grace(block), -len(block.lines)))


def _fitted(broken: tuple[str, ...], style: Style, width: float, height: float, largest: float) -> int:
    across = max(line_width(line, style, 1.0) for line in broken)
    down = rise(style) + fall(style) + (len(broken) - 1) * step(broken, style) + 0.08
    return max(int(min(width / max(across, 1e-6), height / down, largest)), 1)


def _grace(block: Block) -> float:
    """Below 1 for lines of very different length, for weak words at line ends, and for towers of many short lines."""
    widths = [line_width(line, block.style, 1.0) for line in block.lines]
    ragged = 1 - min(widths) / max(widths)
    widow = len(block.lines) > 1 and widths[-1] < 0.34 * max(widths)
    tower = 0.03 * (len(block.lines) - 1)
    return (
        (1 - 0.22 * ragged)
        * (1 - 0.25 * min(lines.ill_broken(block.lines), 3))
        * (0.95 if widow else 1.0)
        * max(1 - tower, 0.6)
    )


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
    """Draw the block with its cap line at `top`; x is the middle of centred lines, else the left or right edge."""
    share = AXIS[align]
    pad = _pad(block.size)
    return Stamp(_mask(block, share), round(x - block.width * share) - pad, round(top) - pad)


def _pad(size: int) -> int:
    return int(size * 0.6) + 4


@lru_cache(maxsize=16)
def _mask(block: Block, share: float) -> Image.Image:
    """The drawn lines, which nobody changes; of their width, `share` lies before the axis that they stand on."""
    size, style, pad = block.size, block.style, _pad(block.size)
    mask = Image.new("L", (int(block.width) + 2 * pad, int(block.height + size * 0.35) + 2 * pad))
    draw = ImageDraw.Draw(mask)
    lead = step(block.lines, style) * size
    for index, text in enumerate(block.lines):
        before, after = runs.overhang(text, style)
        seen = line_width(text, style, size) - (before + after) * size
        start = pad + (block.width - seen) * share - before * size
        _draw_line(draw, text, style, size, start, pad + block.cap + index * lead)
    return mask


def _draw_line(draw: ImageDraw.ImageDraw, text: str, style: Style, size: int, x: float, baseline: float) -> None:
    features = runs.features_of(style)
    for piece in runs.line(text, style).pieces:
        draw.text(
            (x + piece.offset * size, baseline),
            piece.text,
            font=fonts.at_size(piece.face, round(size * piece.scale)),
            fill=255,
            stroke_width=(piece.stroke + style.grade) * size,
            anchor="ls",
            direction="rtl" if piece.rtl else "ltr",
            features=features,
            language=style.language,
        )


def letter_height(block: Block) -> float:
    """Height in pixels of the letters that a reader goes by: x-height, or that of capitals in a line of capitals."""
    text = "".join(block.lines)
    small = scripts_in(text) and any(c.islower() for c in text) and "smcp" not in block.style.features
    letter = "x" if small and probe(block.style) == "H" else probe(block.style)
    up, down = _metrics(block.style.face, letter)
    return (up + (down if letter in (PROBES[CJK], PROBES[HANGUL]) else 0.0)) * block.size
