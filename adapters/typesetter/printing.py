"""Printing a plan: the art treated for all words that stand together, then every block drawn, then measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from adapters.typesetter import inking, legibility, pixels
from adapters.typesetter.ground import behind
from adapters.typesetter.inking import Inked, Inks, Part
from adapters.typesetter.pairings import Pairing
from adapters.typesetter.plan import Plan
from contracts.recipes import Thumbnail

BUSY = 0.05
"""Energy from which a pattern behind small words is quietened."""
REST = 0.03
"""Energy that may be left of it."""
FORCES = (pixels.NEEDED, 10.0)
"""Ratios asked of the title in turn, until its strokes read in the thumbnail too."""
CLEAR = legibility.STROKES * 1.15
"""What is asked of the strokes in the thumbnail, a little over what is needed."""


@dataclass(frozen=True)
class Printed:
    """A printed page, how each block was inked, how the title reads small, and the ratio that was asked of it."""

    page: Image.Image
    inked: Mapping[str, Inked]
    thumbnail: Thumbnail
    force: float

    @property
    def effort(self) -> float:
        """What the treatments took of the art, the title's counted in full and others' by half."""
        return sum(each.effort * (1.0 if role == "title" else 0.5) for role, each in self.inked.items())


def around(chosen: Plan, role: str) -> tuple[float, float, float, float]:
    """The box of a block with the air that it needs: left, top, width, height."""
    x, y, w, h = chosen.stamps[role].box
    pad = chosen.blocks[role].size * 0.2
    return x - pad, y - pad, w + 2 * pad, h + 2 * pad


def printed(
    image: Image.Image, chosen: Plan, inks: Inks, pairing: Pairing, calm: pixels.Calm, least: float = FORCES[0]
) -> Printed:
    """Print with as little help as reads, more while the title's strokes do not read in the thumbnail.

    `least` is the force to begin with, where a sketch has told that less is not enough.
    """
    found: list[Printed] = []
    for force in (force for force in FORCES if force >= least):
        found.append(_once(image, chosen, inks, _groups(chosen, pairing, calm, force), force))
        if found[-1].thumbnail.contrast >= CLEAR:
            break
    return max(found, key=lambda each: min(each.thumbnail.contrast, CLEAR))


def _once(image: Image.Image, chosen: Plan, inks: Inks, groups: Sequence[Sequence[Part]], force: float) -> Printed:
    page = image.copy()
    inked: dict[str, Inked] = {}
    for group in groups:
        inked |= inking.prepare(page, group, inks)
    if any(each.treatment != "none" for each in inked.values()):
        inked = _settled(page, groups, inks, inked)
    for role, (_, item) in chosen.parts():
        inking.draw(page, item, inked[role].colour)
    return Printed(page, inked, legibility.judged(page, chosen.blocks["title"], chosen.stamps["title"]), force)


def _settled(
    page: Image.Image, groups: Sequence[Sequence[Part]], inks: Inks, inked: Mapping[str, Inked]
) -> dict[str, Inked]:
    """Measured after all treatments, as one may reach behind other words; a plate where that took too much."""
    settled: dict[str, Inked] = {}
    for group in groups:
        now = {
            part.role: replace(
                inked[part.role], contrast=behind(page, part.block, part.item).ratio(inked[part.role].colour)
            )
            for part in group
        }
        settled |= (
            now if min(each.contrast for each in now.values()) >= pixels.NEEDED else inking.plated(page, group, inks)
        )
    return settled


def _groups(chosen: Plan, pairing: Pairing, calm: pixels.Calm, force: float) -> list[list[Part]]:
    """Words that stand together are treated together: those with the title, and those at another end of the page."""
    parts = [_part(role, chosen, pairing, calm, force) for role, _ in chosen.parts()]
    apart = [part for part in parts if chosen.grid.stands_apart(part.role)]
    groups = ([part for part in parts if part not in apart], apart)
    return [group for group in groups if group]


def _part(role: str, chosen: Plan, pairing: Pairing, calm: pixels.Calm, force: float) -> Part:
    title, energy = role == "title", calm.disturbance(around(chosen, role))
    return Part(
        role=role,
        block=chosen.blocks[role],
        item=chosen.stamps[role],
        accent=pairing.accent if title else not pairing.accent and role == "author",
        outline=title and pairing.outline and force == pixels.NEEDED,
        needed=force if title else pixels.NEEDED,
        least=1 - REST / energy if energy > BUSY and not title else 0.0,
    )
