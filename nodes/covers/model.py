"""The rules of covers: ids, sizes, the recipe, what a safety verdict means, and how a record looks to its owner."""

import re
import uuid
from datetime import datetime

import msgspec

from adapters.typesetter import FORMATS
from contracts.covers import Cover, CoverStatus, GenerateCover, RetypeCover, Version
from contracts.errors import FieldError, Refused, Unauthenticated, UnderReview
from contracts.recipes import Layout, Recipe
from contracts.safety import TextPart, Verdict
from contracts.templates import ChooseTemplate, Template
from contracts.wire import Context, ObjectRef
from nodes.covers.takes import Take, Work, choose_seed, fingerprint_of, numbered, seeds

IN_REVIEW = (
    "A person has to look at this text before a cover is made of it. Nothing was made or charged; "
    "send the same words again later, or other words now."
)
TEXT_FIELDS = ("title", "subtitle", "author", "prompt")
HINT_LENGTH = 4000


class Ids(msgspec.Struct, frozen=True):
    """The task that makes a cover, and the cover."""

    task_id: uuid.UUID
    cover_id: uuid.UUID


class Record(msgspec.Struct, frozen=True, kw_only=True, rename={"cover_id": "_id"}):
    """A cover as it is stored."""

    cover_id: uuid.UUID
    task_id: uuid.UUID
    user_id: uuid.UUID
    status: CoverStatus = "generating"
    request: GenerateCover
    fingerprint: str
    """Of the request: the same key with another request is told by it, even when the cover is deleted."""
    recipe: Recipe
    art: ObjectRef | None = None
    picture: ObjectRef | None = None
    composed: str | None = None
    """SHA-256 of the picture before its credentials."""
    thumbnail: ObjectRef | None = None
    layout: Layout | None = None
    versions: tuple[Version, ...] = ()
    shown: int | None = None
    """The version that was chosen; None: the newest."""
    work: Work | None = None
    """What is being made of it: of an order for several pictures all of them, later further versions."""
    objects: dict[str, tuple[str, ...]] = {}
    """Step to keys of all objects that it has put or was about to put."""
    undone: tuple[str, ...] = ()
    """Steps that were undone; they are not done again."""
    created_at: datetime
    completed_at: datetime | None = None

    @property
    def showing(self) -> int | None:
        """The version that is shown."""
        return self.shown or (self.versions[-1].version if self.versions else None)

    @property
    def many(self) -> bool:
        """Was it ordered with several pictures? Then its own task is `work`."""
        return self.request.variations > 1


def caller(context: Context) -> uuid.UUID:
    """Who asks. Raises Unauthenticated."""
    if context.user_id is None:
        raise Unauthenticated("Covers belong to users: say who asks.")
    return context.user_id


def identify(user_id: uuid.UUID, idempotency_key: str | None) -> Ids:
    """The ids of a new cover; the same key of the same user gives the same ids."""
    task_id = uuid.uuid4() if idempotency_key is None else uuid.uuid5(user_id, idempotency_key)
    return Ids(task_id, uuid.uuid5(task_id, "cover"))


def texts(request: GenerateCover | RetypeCover) -> tuple[TextPart, ...]:
    """What the user wrote, field by field, for the safety check."""
    values = ((field, getattr(request, field, None)) for field in TEXT_FIELDS)
    return tuple(TextPart(field=field, text=value) for field, value in values if value)


def wish(request: GenerateCover) -> ChooseTemplate:
    """What helps to choose a style."""
    words = (request.title, request.subtitle, request.prompt)
    return ChooseTemplate(template_id=request.template_id, hint=" ".join(w for w in words if w)[:HINT_LENGTH])


def passed(verdict: Verdict) -> None:
    """Raises Refused, naming each field and category that is blocked, and UnderReview for what a person releases."""
    named = dict.fromkeys((f.field, f.category) for f in verdict.findings if f.decision == verdict.decision)
    if verdict.decision == "block":
        errors = tuple(FieldError(field=f, detail=f"is refused: {c}", category=c) for f, c in named)
        raise Refused("This text breaks the content rules.", errors=errors)
    if verdict.decision == "review":
        errors = tuple(FieldError(field=f, detail=f"has to be looked at: {c}", category=c) for f, c in named)
        raise UnderReview(IN_REVIEW, errors=errors)


def resolve(request: GenerateCover, template: Template, task_id: uuid.UUID, model: tuple[str, str]) -> Recipe:
    """Everything that decides how the art will look; `model` is name and version of the image model."""
    page = FORMATS[request.format]
    style = template.style_params
    if request.palette:
        style = msgspec.structs.replace(style, palette=request.palette)
    return Recipe(
        prompt=fill(template.prompt_template, title=request.title, prompt=request.prompt or ""),
        template_id=template.id,
        template_name=template.name,
        style_params=style,
        model=model[0],
        model_version=model[1],
        seed=choose_seed(task_id) if request.seed is None else request.seed,
        width=page.width,
        height=page.height,
        format=request.format,
        title=request.title,
        subtitle=request.subtitle,
        author=request.author,
    )


def first_work(request: GenerateCover, recipe: Recipe, task_id: uuid.UUID, at: datetime) -> Work | None:
    """What an order for several pictures is to make; None for one picture."""
    if request.variations == 1:
        return None
    takes = (Take(recipe=msgspec.structs.replace(recipe, seed=seed)) for seed in seeds(recipe.seed, request.variations))
    return Work(
        task_id=task_id, kind="order", fingerprint=fingerprint_of(request), takes=numbered(takes), created_at=at
    )


def fill(prompt_template: str, **values: str) -> str:
    """`{title}` and `{prompt}` replaced in one pass, so that braces in what users write stay what they are.

    An empty value takes the comma and blanks around it away.
    """
    text = re.sub(r"\{(title|prompt)\}", lambda found: values[found[1]].strip(), prompt_template)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"(?:\s*,)+\s*(?=[,.;:]|$)|(?<=[.;:])\s*,", "", text)
    return re.sub(r"\s+(?=[,.;:])", "", text).strip(" ,")


def versions(record: Record) -> tuple[Version, ...]:
    """The versions with their recipes, also of a cover that was made before versions had any."""
    request = record.request
    told = msgspec.structs.replace(
        record.recipe, title=request.title, subtitle=request.subtitle, author=request.author, format=request.format
    )
    return tuple(
        each
        if each.recipe is not None or each.edit_id is not None
        else msgspec.structs.replace(each, recipe=told, layout=record.layout, art=record.art)
        for each in record.versions
    )


def composed_as(all_versions: tuple[Version, ...], number: int | None) -> Version | None:
    """The version itself, or the composed one that an edited picture goes back to."""
    by_number = {each.version: each for each in all_versions}
    found = by_number.get(number or 0)
    while found is not None and found.recipe is None:
        found = by_number.get(found.parent or found.version - 1)
    return found


def shown(record: Record, *, briefly: bool = False) -> Cover:
    """The cover as its owner sees it; `briefly` with the version that is shown only, and without its recipe twice."""
    ready, every = record.status == "ready", versions(record)
    source = composed_as(every, record.showing)
    recipe = record.recipe if source is None or source.recipe is None else source.recipe
    words = record.request if source is None and recipe.brand is None else recipe
    image_url = f"/v1/covers/{record.cover_id}/image" if ready else None
    return Cover(
        cover_id=record.cover_id,
        task_id=record.task_id,
        status=record.status,
        title=words.title,
        subtitle=words.subtitle,
        author=words.author,
        format=words.format,
        recipe=recipe,
        layout=record.layout if source is None else source.layout,
        versions=_brief(every, record.showing) if briefly else every,
        version_count=len(every),
        shown_version=record.showing,
        running_task_id=record.work.task_id if ready and record.work else None,
        image_url=image_url,
        thumbnail_url=f"{image_url}?size=thumb" if image_url else None,
        created_at=record.created_at,
    )


def _brief(every: tuple[Version, ...], number: int | None) -> tuple[Version, ...]:
    chosen = (each for each in every if each.version == number)
    return tuple(msgspec.structs.replace(each, recipe=None, layout=None) for each in chosen)
