"""The built-in styles against what the painter and the typesetter really have."""

from pathlib import Path

import pytest

from adapters.images import PaintOrder
from adapters.images.painter import FAMILIES, paint
from adapters.moderation.pictures import PictureLimits, inspect_picture
from adapters.moderation.policy import read_policy
from adapters.moderation.rulebook import Rulebook
from adapters.typesetter import PAIRINGS
from contracts.safety import TextPart
from nodes.templates import service
from nodes.templates.model import Seed, read_seeds

SEEDS = read_seeds(Path(service.SEEDS_FILE).read_bytes())


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_every_style_can_be_painted(seed: Seed) -> None:
    """Its family exists and knows its options, and what is painted is no blank picture."""
    family = FAMILIES[seed.family]
    assert set(seed.options) <= set(family.options)
    order = PaintOrder(
        prompt=seed.prompt_template.format(title="The Tide", prompt=""),
        family=seed.family,
        palette=seed.palette,
        options=seed.options,
        seed=7,
        width=120,
        height=192,
    )
    picture = paint(order)
    assert inspect_picture(picture.data, picture.media_type, PictureLimits()) is None


def test_no_style_is_refused_by_the_rules() -> None:
    """The prompts of built-in styles give the rules nothing to find."""
    rulebook = Rulebook(read_policy())
    texts = [f"{seed.name}. {seed.prompt_template} {' '.join(seed.keywords)}" for seed in SEEDS]
    assert [text for text in texts if rulebook.check([TextPart(field="prompt", text=text)])] == []


def test_every_style_has_a_pairing_of_fonts() -> None:
    """The typography of every built-in style is one that the typesetter has."""
    assert {seed.typography for seed in SEEDS} <= set(PAIRINGS)
