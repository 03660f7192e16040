"""The rules of covers, without any server."""

import uuid
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.covers import GenerateCover, Version
from contracts.errors import Refused, Unauthenticated, UnderReview
from contracts.safety import Finding, Verdict
from contracts.templates import StyleParams, Template
from contracts.wire import Context, ObjectRef
from nodes.covers.model import (
    Record,
    caller,
    fill,
    identify,
    passed,
    resolve,
    shown,
    texts,
    wish,
)
from nodes.covers.takes import choose_seed, fingerprint_of

USER = uuid.UUID(int=1)
TASK = uuid.UUID(int=2)
AT = datetime(2026, 1, 2, tzinfo=UTC)


def template(prompt_template: str = "{prompt}, gentle light, for {title}") -> Template:
    return Template(
        id=uuid.UUID(int=3),
        name="Mist",
        category="literary",
        prompt_template=prompt_template,
        style_params=StyleParams(family="landscape", palette=("#101010", "#eeeeee"), options={"horizon": 0.6}),
        popularity_score=1,
        is_premium=False,
        created_at=AT,
    )


def finding(field: str, category: str, decision: str) -> Finding:
    return msgspec.convert({"category": category, "field": field, "start": 0, "end": 1, "decision": decision}, Finding)


def test_the_same_key_gives_the_same_ids() -> None:
    """A key belongs to its user; without a key every request is new."""
    assert identify(USER, "k") == identify(USER, "k")
    assert identify(USER, "k") != identify(TASK, "k")
    assert identify(USER, "k") != identify(USER, "other")
    assert identify(USER, None) != identify(USER, None)
    ids = identify(USER, "k")
    assert ids.task_id != ids.cover_id


def test_the_fingerprint_tells_requests_apart() -> None:
    """Any field that differs makes another fingerprint."""
    request = GenerateCover(title="Tides", author="A. Writer")
    assert fingerprint_of(request) == fingerprint_of(GenerateCover(title="Tides", author="A. Writer"))
    for other in (GenerateCover(title="Tides"), GenerateCover(title="Tides", subtitle="A. Writer")):
        assert fingerprint_of(request) != fingerprint_of(other)


def test_every_text_of_the_user_is_checked() -> None:
    """Each given text is a part under the name of its field."""
    request = GenerateCover(title="T", subtitle="S", author="A", prompt="P")
    assert [(part.field, part.text) for part in texts(request)] == [
        ("title", "T"),
        ("subtitle", "S"),
        ("author", "A"),
        ("prompt", "P"),
    ]
    assert [part.field for part in texts(GenerateCover(title="T", prompt=""))] == ["title"]


def test_the_wish_names_title_subtitle_and_prompt() -> None:
    """The style is chosen by what the cover is about, within the contract's length."""
    request = GenerateCover(title="Tides", subtitle="of winter", author="Nobody", prompt="x" * 2000)
    assert wish(request).hint == f"Tides of winter {'x' * 2000}"


def test_a_block_names_field_and_category_once() -> None:
    """Refused carries what is blocked, and not what is only to be reviewed."""
    verdict = Verdict(
        decision="block",
        findings=(
            finding("title", "violence", "block"),
            finding("title", "violence", "block"),
            finding("prompt", "drugs", "review"),
        ),
    )
    with pytest.raises(Refused) as refused:
        passed(verdict)
    assert [(e.field, e.category) for e in refused.value.errors] == [("title", "violence")]


def test_what_a_person_must_see_is_refused_until_then() -> None:
    """A text in review has a code of its own, and its fields are named once."""
    verdict = Verdict(decision="review", findings=(finding("prompt", "drugs", "review"),) * 2)
    with pytest.raises(UnderReview) as refused:
        passed(verdict)
    assert refused.value.code == "content_review"
    assert [(e.field, e.category) for e in refused.value.errors] == [("prompt", "drugs")]
    passed(Verdict(decision="allow"))


@given(st.uuids())
def test_a_chosen_seed_is_stable_and_survives_json(task_id: uuid.UUID) -> None:
    """The seed depends on the task alone and fits the contract."""
    assert choose_seed(task_id) == choose_seed(task_id)
    assert 0 <= choose_seed(task_id) < 2**53


@pytest.mark.parametrize(
    ("prompt_template", "prompt", "filled"),
    [
        ("{prompt}, gentle light, for {title}", "a lake", "a lake, gentle light, for Tides"),
        ("{prompt}, gentle light", "", "gentle light"),
        ("gentle light, {prompt}, mist", "", "gentle light, mist"),
        ("gentle light, {prompt}", "", "gentle light"),
        ("Mist. {prompt}. Light", "a {title} in braces", "Mist. a {title} in braces. Light"),
        ("{title} {other}", "", "Tides {other}"),
    ],
)
def test_prompt_templates_are_filled(prompt_template: str, prompt: str, filled: str) -> None:
    """Title and prompt take their places once; nothing else with braces is touched; empty ones leave no gap."""
    assert fill(prompt_template, title="Tides", prompt=prompt) == filled


@given(st.text(max_size=50), st.text(max_size=50))
def test_filling_never_fails(title: str, prompt: str) -> None:
    """No text of a user can break the template."""
    assert "{title}" not in fill("{title}", title="x", prompt=prompt)
    assert isinstance(fill("{prompt} {title}, {prompt}", title=title, prompt=prompt), str)


def test_the_recipe_is_complete() -> None:
    """Prompt, style, model, seed and size are all written down."""
    recipe = resolve(GenerateCover(title="Tides", prompt="a lake"), template(), TASK, ("painter", "7"))
    assert recipe.prompt == "a lake, gentle light, for Tides"
    assert (recipe.model, recipe.model_version) == ("painter", "7")
    assert (recipe.width, recipe.height) == (1600, 2560)
    assert recipe.seed == choose_seed(TASK)
    assert recipe.style_params == template().style_params


def test_seed_palette_and_format_of_the_request_win() -> None:
    """What the user says stands over what the style says."""
    request = GenerateCover(title="Tides", seed=7, palette=("#123456",), format="thumbnail")
    recipe = resolve(request, template(), TASK, ("painter", "7"))
    assert recipe.seed == 7
    assert recipe.style_params.palette == ("#123456",)
    assert recipe.style_params.options == {"horizon": 0.6}
    assert (recipe.width, recipe.height) == (1280, 720)


def test_a_cover_belongs_to_somebody() -> None:
    """Nobody is not a user."""
    assert caller(Context(request_id="r", user_id=USER)) == USER
    with pytest.raises(Unauthenticated):
        caller(Context(request_id="r"))


def test_pictures_are_shown_only_when_ready() -> None:
    """The addresses of the pictures appear with the picture."""
    request = GenerateCover(title="Tides")
    ref = ObjectRef(key="k", sha256="s", size=1, media_type="image/png")
    record = Record(
        cover_id=uuid.UUID(int=4),
        task_id=TASK,
        user_id=USER,
        request=request,
        fingerprint=fingerprint_of(request),
        recipe=resolve(request, template(), TASK, ("painter", "7")),
        versions=(Version(version=1, image=ref, thumbnail=ref, created_at=AT),),
        created_at=AT,
    )
    assert shown(record).image_url is None
    ready = shown(msgspec.structs.replace(record, status="ready"))
    assert ready.image_url == f"/v1/covers/{record.cover_id}/image"
    assert ready.thumbnail_url == f"/v1/covers/{record.cover_id}/image?size=thumb"
    assert ready.title == "Tides"
