"""A recipe is everything that a picture needs: replayed in a fresh process it gives the same bytes."""

import subprocess
import sys
import uuid

import msgspec
import pytest

from adapters.images.painter import FAMILIES
from adapters.typesetter import PAIRINGS
from contracts.brands import AuthorStyle, Brand
from contracts.recipes import Recipe
from contracts.templates import StyleParams
from tests.support.logos import LOGOS
from tests.support.recipes import logo_ref, replayed

SIZES = ((160, 256), (240, 240), (256, 144), (180, 270))


def recipes(count: int) -> tuple[Recipe, ...]:
    """Small covers of all families in turn, each with words, fonts, size and seed of its own."""
    names, pairs = sorted(FAMILIES), sorted(PAIRINGS)
    return tuple(
        Recipe(
            prompt=f"calm sea, evening {number}",
            template_id=uuid.UUID(int=number),
            template_name="Any",
            style_params=StyleParams(family=names[number % len(names)], typography=pairs[number % len(pairs)]),
            model="painter",
            model_version="1",
            seed=number * 7919,
            width=SIZES[number % 4][0],
            height=SIZES[number % 4][1],
            title=f"The Salt Road {number}",
            author="A. Writer" if number % 2 else None,
        )
        for number in range(count)
    )


@pytest.mark.timeout(300)
def test_fifty_recipes_are_replayed_in_a_fresh_process_to_the_byte() -> None:
    """As the API gives them: through JSON, in another process, in reverse order."""
    made = [replayed(recipe) for recipe in recipes(50)]
    sent = b"".join(msgspec.json.encode(recipe) + b"\n" for recipe, _ in reversed(made))
    command = [sys.executable, "-m", "tests.support.recipes"]
    answer = subprocess.run(command, input=sent, capture_output=True, check=True, timeout=120)
    assert answer.stdout.decode().split() == [sha256 for _, sha256 in reversed(made)]
    assert len({sha256 for _, sha256 in made}) == 50
    assert all(recipe.fonts and recipe.typesetter for recipe, _ in made)


@pytest.mark.timeout(300)
def test_recipes_with_a_brand_are_replayed_in_a_fresh_process_to_the_byte() -> None:
    """Each logo with each case of the author: the recipe and the logo's bytes are all that is needed."""
    cases = [AuthorStyle(case="small_caps"), AuthorStyle(case="upper", tracking=0.2), AuthorStyle(weight="bold")]
    dressed = [
        msgspec.structs.replace(
            recipe,
            author="Ada Lovelace",
            brand=Brand(
                typography=recipe.style_params.typography,
                palette=("#162654", "#e96922"),
                author_style=cases[number % 3],
                logo=logo_ref(name),
            ),
        )
        for number, (recipe, name) in enumerate(zip(recipes(len(LOGOS)), sorted(LOGOS), strict=True))
    ]
    made = [replayed(recipe) for recipe in dressed]
    sent = b"".join(msgspec.json.encode(recipe) + b"\n" for recipe, _ in reversed(made))
    command = [sys.executable, "-m", "tests.support.recipes"]
    answer = subprocess.run(command, input=sent, capture_output=True, check=True, timeout=120)
    assert answer.stdout.decode().split() == [sha256 for _, sha256 in reversed(made)]
    assert len({sha256 for _, sha256 in made}) == len(LOGOS)
