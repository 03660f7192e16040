"""Where a logo stands: at the head or the foot of the page on the axis of the words, with room kept free for it.

Every layout grid is tried with its words moved out of the logo's way, so that the words are fitted to what is left and
nothing is ever laid over them.
"""

from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image

from adapters.typesetter import logo, pixels
from adapters.typesetter.grids import SAFE, Grid
from adapters.typesetter.inking import Inks
from adapters.typesetter.logo import Logo
from adapters.typesetter.plan import Plan
from adapters.typesetter.setting import Stamp
from contracts.brands import PlacedLogo

End = Literal["bottom", "top"]

SIZE = 0.105
"""Side of a square logo as a share of the short side; others have the same area."""
WIDTHS = (0.06, 0.14)
"""Share of the page's width that a logo has."""
TALLEST = 0.13
"""Share of the page's height that a tall logo does not pass, though it be narrower than others."""
GAP = 0.06
"""Room between logo and words, as a share of the short side: for the sheets that both may need."""
INSETS = {0.0: 0.0, 0.055: -0.03}
"""How far inside the safe margin a logo may stand, and what that is worth."""
AIR = 0.03
"""Room round a logo, as a share of the short side, that should be as calm as the place itself."""
AUTHOR = 0.035
"""Height of a line with the author's name, as a share of the short side."""
FOOT_PRIOR = 0.05
"""What the foot is worth, where readers look for a publisher's mark."""


@dataclass(frozen=True)
class Seat:
    """A logo of a page: its mark at the page's size, where it is wanted, and its hash."""

    mark: Image.Image
    wanted: str
    sha256: str

    @property
    def ends(self) -> tuple[End, ...]:
        """Ends of the page that it may stand at."""
        return {"bottom": ("bottom",), "top": ("top",)}.get(self.wanted, ("bottom", "top"))  # type: ignore[return-value]  # literals

    def scaled(self, page: tuple[int, int], small: tuple[int, int]) -> "Seat":
        """The same on a small copy of the page."""
        share = small[0] / page[0]
        size = max(round(self.mark.width * share), 1), max(round(self.mark.height * share), 1)
        return replace(self, mark=self.mark.resize(size, Image.Resampling.LANCZOS))


def seat(order: Logo | None, width: int, height: int) -> Seat | None:
    """The logo at the size it has on this page; None without one. Raises UnusableLogo."""
    if order is None:
        return None
    mark = logo.opened(order.data)
    size = size_of(mark.width / mark.height, width, height)
    return Seat(mark.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0), order.position, order.sha256)


def size_of(aspect: float, width: int, height: int) -> tuple[int, int]:
    """Width and height of a logo on a page: the area of a square one, within the limits."""
    wide = (SIZE * min(width, height)) * aspect**0.5
    wide = min(max(wide, WIDTHS[0] * width), WIDTHS[1] * width, TALLEST * height * aspect)
    return max(round(wide), 1), max(round(wide / aspect), 1)


def grids(found: tuple[Grid, ...], at: Seat | None, width: int, height: int) -> tuple[Grid, ...]:
    """The grids with room for the logo at each end that it may stand at; as they are without one."""
    if at is None:
        return found
    placed = (replace(grid, inset=inset, prior=grid.prior + worth) for grid in found for inset, worth in INSETS.items())
    return tuple(_with_room(grid, end, at, width, height) for grid in placed for end in at.ends)


def _with_room(grid: Grid, end: End, at: Seat, width: int, height: int) -> Grid:
    """A grid whose words keep clear of the logo; it stays as high as it was where there is room on the other side."""
    short = min(width, height)
    taken = ((SAFE + grid.inset + GAP) * short + at.mark.height) / height
    author, line = grid.author, AUTHOR * short / height
    room = 0.12 * short / height  # between title and author, as the plain grids have it
    prior = grid.prior + FOOT_PRIOR * (end == "bottom")
    if end == "bottom":
        if author is not None and author > 0.5:
            author = min(author, 1 - taken - line / 2)
        foot = min(grid.foot, (author - room) if author is not None and author > 0.5 else 1 - taken)
        return replace(grid, foot=foot, top=min(grid.top, foot - 0.2), author=author, prior=prior, logo=end)
    if author is not None and author < 0.5:
        author = max(author, taken + line / 2)
    top = max(grid.top, (author + room) if author is not None and author < 0.5 else taken)
    return replace(grid, top=top, foot=max(grid.foot, min(top + 0.25, 0.9)), author=author, prior=prior, logo=end)


def corner(chosen: Plan, at: Seat, width: int, height: int) -> tuple[int, int]:
    """Left and top of the logo: centred on words that are centred, else flush with their edge."""
    grid, margin = chosen.grid, SAFE * min(width, height)
    if grid.align == "centre":
        left = (grid.left + grid.right) / 2 * width - at.mark.width / 2
    elif grid.align == "right":
        left = min(grid.right * width, width - margin) - at.mark.width
    else:
        left = max(grid.left * width, margin)
    edge = margin + grid.inset * min(width, height)
    top = edge if grid.logo == "top" else height - edge - at.mark.height
    return round(left), round(top)


def cleared(chosen: Plan, at: Seat | None, width: int, height: int) -> Plan:
    """The plan with words that reach too near to the logo moved away from it, and others away from those."""
    if at is None or chosen.grid.logo is None:
        return chosen
    top, gap = corner(chosen, at, width, height)[1], GAP * 0.85 * min(width, height)
    down = chosen.grid.logo == "top"
    edge = top + at.mark.height + gap if down else top - gap
    stamps = dict(chosen.stamps)
    for role in sorted(stamps, key=lambda name: stamps[name].box[1], reverse=not down):
        item = stamps[role]
        _, y, _, tall = item.box
        over = edge - y if down else edge - (y + tall)
        if (over > 0) is not down or not over:
            break
        stamps[role] = Stamp(item.mask, item.left, item.top + round(over))
        edge = edge + tall + gap / 2 if down else edge - tall - gap / 2
    return replace(chosen, stamps=stamps)


def clear(chosen: Plan, at: Seat | None, width: int, height: int) -> bool:
    """Does the logo stand free, the words do not touch each other and all is on the page?"""
    if at is None:
        return True
    boxes = [item.box for item in chosen.stamps.values()]
    left, top = corner(chosen, at, width, height)
    every = [*boxes, (left, top, at.mark.width, at.mark.height)]
    apart = all(not _meet(one, other) for number, one in enumerate(every) for other in every[:number])
    margin = SAFE * 0.7 * min(width, height)
    return apart and all(y >= margin and y + tall <= height - margin for _, y, _, tall in boxes)


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    (x, y, w, h), (u, v, p, q) = one, other
    return x < u + p and u < x + w and y < v + q and v < y + h


def cost(image: Image.Image, chosen: Plan, at: Seat | None, calm: pixels.Calm) -> float:
    """What the place of the logo takes from the worth of a plan: busy art, and having to be put on a plate."""
    if at is None:
        return 0.0
    left, top = corner(chosen, at, *image.size)
    pad = round(AIR * min(image.size))
    around = (left - pad, top - pad, at.mark.width + 2 * pad, at.mark.height + 2 * pad)
    busy = 0.4 * min(calm.disturbance(around) * 16, 1.2)
    hidden = 0.5 * (logo.contrast(image, at.mark, left, top) < logo.NEEDED)
    return busy + hidden + 9.0 * (not clear(chosen, at, *image.size))


def printed(page: Image.Image, chosen: Plan, at: Seat | None, inks: Inks) -> PlacedLogo | None:
    """Print the logo on the page."""
    if at is None or chosen.grid.logo is None:
        return None
    left, top = corner(chosen, at, *page.size)
    ratio, plate = logo.printed(page, at.mark, left, top, inks)
    return PlacedLogo(
        box=(left, top, *at.mark.size),
        position=chosen.grid.logo,
        sha256=at.sha256,
        contrast=round(ratio, 2),
        plate=None if plate is None else "#{:02x}{:02x}{:02x}".format(*plate),
    )


def accents(inks: Inks, colours: tuple[str, ...]) -> Inks:
    """The inks with a brand's colours as accents, where there are any."""
    if not colours:
        return inks
    found = tuple((int(one[1:3], 16), int(one[3:5], 16), int(one[5:7], 16)) for one in colours)
    return replace(inks, accents=found)
