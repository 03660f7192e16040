"""The rules of styles: seeds, search words, choosing, and who may do what."""

import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.images.painter.showing import unseen
from contracts.errors import Forbidden, Invalid, Unauthenticated
from contracts.templates import StyleParams, UpdateTemplate
from contracts.wire import Context
from nodes.templates import service
from nodes.templates.model import (
    Known,
    Seed,
    Sketch,
    caller,
    categories,
    changed,
    check_admin,
    check_prompt,
    check_use,
    choose,
    made,
    read_seeds,
    search_text,
    search_words,
)
from tests.support.styles import a_style, an_order

SEEDS = read_seeds(Path(service.SEEDS_FILE).read_bytes())


def sketch(
    name: str, *, premium: bool = False, popularity: int = 0, keywords: tuple[str, ...] = (), family: str = "ink"
) -> Sketch:
    """A style in brief, with an id that follows from its name."""
    return Sketch(
        id=uuid.uuid5(uuid.NAMESPACE_DNS, name),
        name=name,
        category="any",
        prompt_template="{prompt}",
        keywords=keywords,
        family=family,
        is_premium=premium,
        popularity_score=popularity,
    )


def test_there_are_enough_built_in_styles() -> None:
    """At least 24, each name once, standard and premium ones, several categories and families."""
    assert len(SEEDS) >= 24
    assert len({seed.id for seed in SEEDS}) == len(SEEDS)
    assert sum(not seed.is_premium for seed in SEEDS) >= 16
    assert any(seed.is_premium for seed in SEEDS)
    assert len({seed.category for seed in SEEDS}) >= 8
    assert len({seed.family for seed in SEEDS}) >= 6


def test_every_seed_prompt_is_valid_and_takes_what_the_user_asks_for() -> None:
    """No strange braces, and a place for the user's own prompt."""
    for seed in SEEDS:
        check_prompt(seed.prompt_template)
        assert "{prompt}" in seed.prompt_template


def test_the_id_of_a_seed_follows_from_its_name_alone() -> None:
    """A changed palette keeps the id, another name has another one, case does not matter."""
    one = Seed(name="Night", category="a", family="city", prompt_template="x")
    assert one.id == Seed(name="NIGHT", category="b", family="ink", palette=("#000000",), prompt_template="y").id
    assert one.id != Seed(name="Day", category="a", family="city", prompt_template="x").id


def test_two_seeds_of_one_name_are_an_error() -> None:
    """A mistake in the file is found when it is read."""
    one = b'{"name": "A", "category": "c", "family": "ink", "prompt_template": "x"}'
    with pytest.raises(ValueError, match="one name"):
        read_seeds(b"[" + one + b"," + one.replace(b'"A"', b'"a"') + b"]")


def test_search_words_are_folded_and_bounded() -> None:
    """Case and punctuation do not matter, a word counts once, and there are at most 20."""
    assert search_words("Dark, DARK  sea!") == ["dark", "sea"]
    assert search_words(None) == []
    assert search_words(".*(") == []
    assert len(search_words(" ".join(map(str, range(50))))) == 20
    assert search_text("Night Rain", "science-fiction", "A {title}") == "night rain science fiction a title"


def test_the_best_match_wins_over_popularity() -> None:
    """Words of the title find the style that fits, plural or not."""
    styles = [sketch("Popular", popularity=99), sketch("Space", keywords=("planet",)), sketch("Ocean Waves")]
    assert choose(styles, "The lost planets of Zed", "free") == styles[1].id
    assert choose(styles, "wave after wave", "free") == styles[2].id


def test_what_is_shown_counts_more_than_when_and_in_which_colour() -> None:
    """A lighthouse at dusk is no skyline; alone, such a word is still better than none."""
    styles = [sketch("Skyline at Dusk", popularity=90), sketch("Shore", keywords=("lighthouse",)), sketch("Red Giant")]
    assert choose(styles, "A lighthouse at dusk", "free") == styles[1].id
    assert choose(styles, "Red sails, a lighthouse", "free") == styles[1].id
    assert choose(styles, "Dusk", "free") == styles[0].id


def test_without_a_match_the_most_popular_standard_style_is_chosen() -> None:
    """Not the premium one, even for those who may use it; ties go by id."""
    styles = [sketch("Gold", premium=True, popularity=99), sketch("B", popularity=5), sketch("A", popularity=5)]
    expected = min(style.id for style in styles[1:])
    assert choose(styles, "zzz", "free") == expected
    assert choose(styles, "", "pro") == expected
    assert choose(list(reversed(styles)), "", "free") == expected


def test_a_premium_style_is_matched_only_for_paid_tiers() -> None:
    """The free tier gets the best standard style."""
    styles = [sketch("Dragon Gold", premium=True), sketch("Plain")]
    assert choose(styles, "dragon", "pro") == styles[0].id
    assert choose(styles, "dragon", "free") == styles[1].id


def test_a_style_that_cannot_show_what_is_named_comes_last() -> None:
    """Its words and its popularity do not help it, plural or not; where there is no other it is taken all the same."""
    abstract = sketch("Music", family="mesh", popularity=99, keywords=("music", "violin"))
    styles = [abstract, sketch("Waves", family="papercut")]
    unseen = {"mesh": frozenset({"violin", "wolf"})}
    assert choose(styles, "Violins: music for strings", "free") == abstract.id
    assert choose(styles, "Violins: music for strings", "free", unseen) == styles[1].id
    assert choose(styles, "Music for strings", "free", unseen) == abstract.id
    assert choose([abstract], "A violin", "free", unseen) == abstract.id


def test_there_may_be_nothing_to_choose() -> None:
    """No style, or only premium ones for the free tier."""
    assert choose([], "x", "pro") is None
    assert choose([sketch("Gold", premium=True)], "gold", "free") is None
    assert choose([only := sketch("Gold", premium=True)], "zzz", "pro") == only.id


@given(st.text(max_size=200), st.sampled_from(["free", "pro"]))
def test_any_hint_gives_a_style_that_the_tier_may_use(hint: str, tier: str) -> None:
    """Whatever the user writes, the choice is one of the styles, and allowed."""
    styles = [sketch("Gold", premium=True, popularity=9), sketch("Iron", popularity=3), sketch("Tin")]
    chosen = next(style for style in styles if style.id == choose(styles, hint, tier))
    assert tier == "pro" or not chosen.is_premium


@pytest.mark.parametrize(
    ("hint", "family"),
    [
        ("A murder in the rainy city, noir", "city"),
        ("The last planet: a space opera", "cosmos"),
        ("Zen for beginners", "ink"),
        ("The haunted house: a ghost story", "papercut"),
        ("Mountains of my childhood", "landscape"),
        ("A violin on an album of music", "papercut"),
    ],
)
def test_the_built_in_styles_fit_common_titles(hint: str, family: str) -> None:
    """A title picks art of the right kind among the shipped styles."""
    sketches = [
        Sketch(
            id=seed.id,
            name=seed.name,
            category=seed.category,
            prompt_template=seed.prompt_template,
            keywords=seed.keywords,
            family=seed.family,
            is_premium=seed.is_premium,
            popularity_score=seed.popularity_score,
        )
        for seed in SEEDS
    ]
    chosen = choose(sketches, hint, "free", unseen())
    assert next(seed.family for seed in SEEDS if seed.id == chosen) == family


def test_who_may_use_and_change_styles() -> None:
    """Premium is for paid tiers, changes are for administrators, own styles are for users."""
    check_use(a_style(is_premium=True), "pro")
    check_use(a_style(), "free")
    with pytest.raises(Forbidden, match="paid plans"):
        check_use(a_style(is_premium=True), "free")
    check_admin(Context(request_id="r", roles=("user", "admin")))
    with pytest.raises(Forbidden):
        check_admin(Context(request_id="r", roles=("user",)))
    with pytest.raises(Unauthenticated):
        caller(Context(request_id="r"))


@pytest.mark.parametrize("prompt", ["{name}", "{title", "title}", "{}", "{title.__class__}"])
def test_a_prompt_with_strange_braces_is_invalid(prompt: str) -> None:
    """Only the two places that are filled may stand in braces."""
    with pytest.raises(Invalid) as caught:
        check_prompt(f"art, {prompt}")
    assert caught.value.errors[0].field == "prompt_template"


def test_a_style_that_nobody_can_make_is_invalid() -> None:
    """An unknown family or pairing is named; an empty set of known ones checks nothing."""
    known = Known(families=frozenset({"ink"}), pairings=frozenset({"literary"}))
    known.check(StyleParams(family="ink"))
    Known().check(StyleParams(family="anything", typography="anything"))
    with pytest.raises(Invalid) as caught:
        known.check(StyleParams(family="oil", typography="comic"), "customizations")
    assert [error.field for error in caught.value.errors] == ["customizations.family", "customizations.typography"]


def test_an_update_changes_what_it_brings_and_nothing_else() -> None:
    """Fields that are left out stay."""
    style = a_style()
    new = changed(style, UpdateTemplate(template_id=style.id, name="New", style_params=StyleParams(family="ink")))
    assert (new.name, new.style_params.family) == ("New", "ink")
    assert (new.id, new.category, new.popularity_score) == (style.id, style.category, style.popularity_score)


def test_a_new_style_is_what_was_ordered() -> None:
    """Everything of the order, and who made it when."""
    style, creator = a_style(), uuid.uuid4()
    new = made(an_order("Mine"), style.id, creator, style.created_at)
    assert (new.name, new.created_by, new.created_at, new.id) == ("Mine", creator, style.created_at, style.id)


def test_categories_are_counted_and_named() -> None:
    """By name, with the words that people read."""
    found = categories({"science-fiction": 3, "art": 1})
    assert [(c.slug, c.name, c.count) for c in found] == [("art", "Art", 1), ("science-fiction", "Science fiction", 3)]
