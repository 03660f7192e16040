"""Parts of a picture painted by the built-in painter: its art in the colours of the picture, blended in along the mask.

The painter knows nothing of what is in a picture. Without words of their own parts are painted as the whole picture
would be, so that a horizon goes on where it was, and with the picture's own seed what was under its type comes back.
What is asked for the marked place alone is painted at its size, so that what the words name is in it. Art that does
not go on from what is beside it emerges from ground that does: the hole filled from its surroundings.
"""

from collections.abc import Callable

import msgspec
import numpy as np
from PIL import Image

from adapters.images import InpaintOrder, PaintOrder, Picture
from adapters.images.erasing import Unfillable, erased
from adapters.images.fitting import FORMATS, merged, opened
from adapters.images.membrane import Field, Flags, depths, enlarged, levelled, wider
from adapters.images.painter.families import FAMILIES
from adapters.images.repainting import Part, png

Paint = Callable[[PaintOrder], Picture]
LEAST_SIDE = 64
"""Pixels that the painter paints at least."""
PLAIN = "oil"
"""The family for a picture that is in none of ours."""
LIGHT = 90.0
"""Of 255: how much light or colour art is given or taken at most, to fit into a picture."""
TINT = 40.0
"""The same for art that emerges from its ground."""
KNOWN = 8.0
"""Of 255: art that differs less from the picture beside the hole is the picture's own, and goes on."""
EMERGING, FIRST = 0.5, 0.06
"""Of the way to the middle of a hole art comes forth, and so much is seen at the edge: what is marked changes."""
SMALL = 320
"""Cells of the longer side in which is measured how deep a hole is."""
COLOURS = 5
LONGEST = 256
"""Of the copy in which colours are counted."""


def inpaint(order: InpaintOrder, paint: Paint) -> Picture:
    """What the mask marks painted anew; everything else is the order's own picture. The same bytes for the same order.

    Raises ValueError as `paint` does, and for a mask or picture that is not of the ordered size.
    """
    painted = _art(order, paint)
    data, _ = merged(_lit(painted.data, order), order)
    return msgspec.structs.replace(painted, data=data, width=order.width, height=order.height)


def _art(order: InpaintOrder, paint: Paint) -> Picture:
    """A page of the ordered size with art on it wherever it is marked."""
    values = {name: getattr(order, name) for name in PaintOrder.__struct_fields__}
    if order.family not in FAMILIES:
        values["family"] = PLAIN
    if not order.palette:
        values["palette"] = tones(opened(order.picture, FORMATS).convert("RGB"))
    if not order.focus:
        return paint(PaintOrder(**values))
    left, top, right, bottom = _place(order)
    values |= {"width": right - left, "height": bottom - top}
    page = Image.new("RGB", (order.width, order.height))
    painted = paint(PaintOrder(**values))
    page.paste(opened(painted.data, FORMATS), (left, top))
    return msgspec.structs.replace(painted, data=png(page))


def _lit(art: bytes, order: InpaintOrder) -> bytes:
    """The art in the light of the picture that it is blended into; where it does not go on from what is beside it, it
    emerges from ground that does."""
    picture, page = (np.asarray(opened(each, FORMATS).convert("RGB"), np.float32) for each in (order.picture, art))
    soft = np.asarray(opened(order.mask, ("PNG",)).convert("L"))
    hole = soft > 0
    if page.shape != picture.shape or hole.shape != picture.shape[:2]:
        raise ValueError("picture and mask are not of the ordered size")
    if not order.focus and _strange(picture, page, hole) <= KNOWN:
        return _page(levelled(picture, page, hole, LIGHT))
    try:
        ground = erased(Part(picture=order.picture, mask=order.mask, width=order.width, height=order.height))
    except Unfillable:
        return _page(levelled(picture, page, hole, LIGHT))
    under = np.asarray(opened(ground, FORMATS).convert("RGB"), np.float32)
    share = _emerging(hole)[..., None]
    toned = levelled(under, page, hole, TINT)
    return _page(under * (1 - share) + toned * share)


def _strange(picture: Field, art: Field, hole: Flags) -> float:
    """How unlike the picture the art is just outside the hole, of 255."""
    times = max(max(hole.shape) // SMALL, 1)
    inner = hole[::times, ::times]
    rim = wider(inner, 2) & ~inner
    unlike = np.abs(picture[::times, ::times] - art[::times, ::times]).mean(axis=-1)[rim]
    return float(unlike.mean()) if rim.any() else 0.0


def _emerging(hole: Flags) -> Field:
    """How much of the art is seen: hardly anything at the edge of the hole, all of it in its midst."""
    times = max(max(hole.shape) // SMALL, 1)
    rows, columns = (length // times * times for length in hole.shape)
    inner = hole[: max(rows, 1) : times, : max(columns, 1) : times]
    depth = depths(inner, SMALL)
    away = np.clip((depth - 1) / max(EMERGING * float(depth.max()), 1.0), 0, 1)
    smoothed = (FIRST + (1 - FIRST) * away * away * (3 - 2 * away)).astype(np.float32)
    return enlarged(smoothed[..., None], hole.shape)[..., 0]


def _page(art: Field) -> bytes:
    return png(Image.fromarray(np.rint(np.clip(art, 0, 255)).astype(np.uint8)))


def palette_of(family: str, seed: int) -> tuple[str, ...]:
    """The colours that the painter takes for an order without any; empty for a family that is not there."""
    found = FAMILIES.get(family)
    return () if found is None else found.palettes[seed % len(found.palettes)]


def _place(order: InpaintOrder) -> tuple[int, int, int, int]:
    """The box round what is marked, not smaller than the painter paints: left, top, right, bottom."""
    box = opened(order.mask, ("PNG",)).getbbox() or (0, 0, order.width, order.height)
    across = _widened(box[0], box[2], order.width)
    down = _widened(box[1], box[3], order.height)
    return across[0], down[0], across[1], down[1]


def _widened(first: int, last: int, length: int) -> tuple[int, int]:
    first = max(min(first, last - LEAST_SIDE), 0)
    return first, min(max(last, first + LEAST_SIDE), length)


def tones(image: Image.Image) -> tuple[str, ...]:
    """The colours that a picture is mostly made of, the commonest first, as `#rrggbb`."""
    small = image.copy()
    small.thumbnail((LONGEST, LONGEST))
    counted = small.quantize(COLOURS, Image.Quantize.MEDIANCUT)
    palette = counted.getpalette() or []
    order = sorted(enumerate(counted.histogram()[:COLOURS]), key=lambda each: -each[1])
    found = [tuple(palette[3 * index : 3 * index + 3]) for index, count in order if count]
    return tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in found)
