"""Plans: the words fitted into a layout grid, the hierarchy kept and nothing outside the safe margins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.typesetter import legibility, lines
from adapters.typesetter.grids import AXIS, SAFE, Grid
from adapters.typesetter.pairings import Pairing
from adapters.typesetter.runs import Style
from adapters.typesetter.setting import Block, Stamp, fit, stamp
from adapters.typesetter.words import Words

SUBTITLE_SHARE = 0.45
"""Subtitle size over title size: a title 2.2 times its subtitle."""
SUBTITLE_RANGE = (1.6, 2.5)
AUTHOR_LEAST = {False: 0.034, True: 0.030}
"""Least size of the author's line as a share of the short side; smaller where it stands with the title."""
COMPOUND = 15
"""Letters from which a word may be set in pieces."""
PIECES = (2, 3, 4, 5, 6, 8, 12)


@dataclass(frozen=True)
class Plan:
    """One way to set the page: a stamp and a block for each role."""

    grid: Grid
    blocks: Mapping[str, Block]
    stamps: Mapping[str, Stamp]

    def parts(self) -> list[tuple[str, tuple[Block, Stamp]]]:
        """Title, subtitle and author, those that there are, each with its block and stamp."""
        roles = (role for role in ("title", "subtitle", "author") if role in self.stamps)
        return [(role, (self.blocks[role], self.stamps[role])) for role in roles]


@dataclass(frozen=True)
class Boxes:
    """A plan before anything is drawn: blocks, and for each role its box and whether it stands apart from the title."""

    blocks: Mapping[str, Block]
    boxes: Mapping[str, tuple[tuple[float, float, float, float], bool]]


def plan(grid: Grid, words: Mapping[str, Words], pairing: Pairing, width: int, height: int) -> Plan:
    """Fit the words into the grid, turned about for a title that runs from right to left."""
    grid = grid.mirrored() if words["title"].style.rtl else grid
    blocks = _blocks(grid, words, pairing, width, height)
    x, tops = _axis(grid, width, height), _tops(blocks, grid, height)
    stamps = {role: stamp(blocks[role], x, top, grid.align) for role, top in tops.items()}
    margin = SAFE * min(width, height) * 0.75
    return Plan(grid, blocks, {role: _inside(item, width, height, margin) for role, item in stamps.items()})


def boxes(grid: Grid, words: Mapping[str, Words], pairing: Pairing, width: int, height: int) -> Boxes:
    """Where `plan` would set the words, but for what their letters reach beyond their lines."""
    grid = grid.mirrored() if words["title"].style.rtl else grid
    blocks = _blocks(grid, words, pairing, width, height)
    x, share = _axis(grid, width, height), AXIS[grid.align]
    found = {
        role: ((x - blocks[role].width * share, top, blocks[role].width, blocks[role].height), grid.stands_apart(role))
        for role, top in _tops(blocks, grid, height).items()
    }
    return Boxes(blocks, found)


def largest_room(grids: Sequence[Grid], words: Words, pairing: Pairing, width: int, height: int) -> float:
    """How tall the title's letters can be in the thumbnail at most, over what they need."""

    def room(grid: Grid) -> float:
        left, right = _margins(grid, width, height)
        return legibility.room(_title(words, grid, pairing, (width, height), right - left), width, height)

    return max(map(room, grids))


def _margins(grid: Grid, width: int, height: int) -> tuple[float, float]:
    """The left and the right edge of the words."""
    margin = SAFE * min(width, height)
    return max(grid.left * width, margin), min(grid.right * width, width - margin)


def _axis(grid: Grid, width: int, height: int) -> float:
    left, right = _margins(grid, width, height)
    return left + (right - left) * AXIS[grid.align]


def _blocks(grid: Grid, words: Mapping[str, Words], pairing: Pairing, width: int, height: int) -> dict[str, Block]:
    left, right = _margins(grid, width, height)
    short, room = min(width, height), right - left
    whole = _title(words["title"], grid, pairing, (width, height), room)
    blocks = {"title": whole.scaled(max(int(whole.size * grid.scale), 8)) if grid.scale < 1 else whole}
    if "author" in words:
        blocks["author"] = _author(words["author"], grid, blocks["title"].size, room, short)
    if "subtitle" in words:
        blocks["subtitle"] = _subtitle(words["subtitle"], blocks["title"].size, room, short)
    return _shrunk(blocks, grid, height, short)


def _title(words: Words, grid: Grid, pairing: Pairing, size: tuple[int, int], room: float) -> Block:
    """As large as fits; with a word too long to be read at that size in pieces."""
    space, largest = (grid.foot - grid.top) * size[1] * grid.share, pairing.largest * min(size)
    block = fit(words.text, words.style, room, space, largest, 8)
    longest = max(len(word) for word in words.text.split())
    if longest < COMPOUND or legibility.room(block, *size) >= 1:
        return block
    texts = dict.fromkeys(lines.chopped(words.text, max(-(-longest // parts) + 1, 8)) for parts in PIECES)
    blocks = [block, *(fit(text, words.style, room, space, largest, 12) for text in texts)]
    readable = (each for each in blocks if legibility.room(each, *size) >= 1.1)
    return next(readable, max(blocks, key=lambda each: each.size))


def _subtitle(words: Words, title_size: int, room: float, short: int) -> Block:
    """2.2 times smaller than the title when that fits on two lines, down to 2.5; smaller only for very large titles."""
    for share in (SUBTITLE_SHARE, 1 / SUBTITLE_RANGE[1]):
        size = min(title_size * share, short * 0.062)
        block = _sized(words.text, words.style, room * 0.94, max(size, short * 0.016), 3)
        if len(block.lines) <= 2:
            return block
    return block


def _author(words: Words, grid: Grid, title_size: int, room: float, short: int) -> Block:
    least = AUTHOR_LEAST[grid.author is None]
    size = min(
        max(title_size * 0.36, short * least) * (1.15 if "smcp" in words.style.features else 1.0),
        short * 0.058,
        title_size * 0.9,
    )
    return _sized(words.text, words.style, room, size, 2)


def _sized(text: str, style: Style, room: float, size: float, most_lines: int) -> Block:
    """At most this size, on as few lines as hold it; smaller only when the most lines allowed do not."""
    blocks = [fit(text, style, room, 1e9, size, count) for count in range(1, most_lines + 1)]
    whole = [block for block in blocks if block.size >= int(size)]
    return min(whole, key=lambda block: len(block.lines)) if whole else max(blocks, key=lambda block: block.size)


def _gap(blocks: Mapping[str, Block]) -> float:
    """Space between the title's last baseline and the subtitle's capitals."""
    return blocks["title"].size * 0.20 + blocks["subtitle"].size * 0.75 if "subtitle" in blocks else 0.0


def _author_gap(blocks: Mapping[str, Block]) -> float:
    return blocks["author"].size * 1.9 if "author" in blocks else 0.0


def _total(blocks: Mapping[str, Block], grid: Grid) -> float:
    """Height of everything that stands together in the title's place."""
    total = blocks["title"].height
    if "subtitle" in blocks and not grid.apart:
        total += _gap(blocks) + blocks["subtitle"].height
    if "author" in blocks and grid.author is None:
        total += _author_gap(blocks) + blocks["author"].height
    return total


def _shrunk(blocks: dict[str, Block], grid: Grid, height: int, short: int) -> dict[str, Block]:
    """All words made smaller together until they fit their place."""
    room = (grid.foot - grid.top) * height
    while _total(blocks, grid) + blocks["title"].size * 0.3 > room and blocks["title"].size > 12:
        blocks = {role: block.scaled(max(int(block.size * 0.95), 8)) for role, block in blocks.items()}
    return blocks


def _tops(blocks: Mapping[str, Block], grid: Grid, height: int) -> dict[str, float]:
    """The cap line of each block."""
    top, foot, total = grid.top * height, grid.foot * height, _total(blocks, grid)
    y = {"hang": top, "stand": foot - total, "float": (top + foot - total) / 2}[grid.stand]
    tops = {"title": y}
    y += blocks["title"].height
    if "subtitle" in blocks and not grid.apart:
        tops["subtitle"] = y + _gap(blocks)
        y = tops["subtitle"] + blocks["subtitle"].height
    if "author" in blocks:
        author = blocks["author"]
        tops["author"] = y + _author_gap(blocks) if grid.author is None else grid.author * height - author.height / 2
        if grid.apart and "subtitle" in blocks:
            tops["subtitle"] = _beside(blocks, grid, tops["author"])
    return tops


def _beside(blocks: Mapping[str, Block], grid: Grid, author: float) -> float:
    """The subtitle's place next to the author's line at the head or the foot of the page: towards the middle."""
    subtitle, gap = blocks["subtitle"], 0.9 * blocks["author"].size
    if grid.author is not None and grid.author < 0.5:
        return author + blocks["author"].height + gap
    return author - gap - subtitle.height


def _inside(item: Stamp, width: int, height: int, margin: float) -> Stamp:
    """Nudge the ink (an accent on a capital, a long tail) back inside the margin."""
    x, y, w, h = item.box
    dx = max(margin - x, 0) - max(x + w - (width - margin), 0)
    dy = max(margin - y, 0) - max(y + h - (height - margin), 0)
    return Stamp(item.mask, item.left + round(dx), item.top + round(dy))
