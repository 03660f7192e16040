"""The rules of covers: ids, sizes, the recipe, what a safety verdict means, and how a record looks to its owner."""

import hashlib
import re
import uuid
from datetime import datetime

import msgspec

from adapters.typesetter import FORMATS
from contracts.covers import Cover, CoverStatus, GenerateCover, Layout, Recipe, Version
from contracts.errors import FieldError, Refused, Unauthenticated
from contracts.safety import TextPart, Verdict
from contracts.templates import ChooseTemplate, Template
from contracts.wire import Context, ObjectRef

TEXT_FIELDS = ("title", "subtitle", "author", "prompt")
SEED_BITS = 53
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
    review: tuple[str, ...] = ()
    """Safety categories that somebody should look at; they did not hinder the cover."""
    art: ObjectRef | None = None
    picture: ObjectRef | None = None
    thumbnail: ObjectRef | None = None
    layout: Layout | None = None
    versions: tuple[Version, ...] = ()
    objects: dict[str, tuple[str, ...]] = {}
    """Step to keys of all objects that it has put or was about to put."""
    undone: tuple[str, ...] = ()
    """Steps that were undone; they are not done again."""
    created_at: datetime
    completed_at: datetime | None = None


def caller(context: Context) -> uuid.UUID:
    """Who asks. Raises Unauthenticated."""
    if context.user_id is None:
        raise Unauthenticated("Covers belong to users: say who asks.")
    return context.user_id


def identify(user_id: uuid.UUID, idempotency_key: str | None) -> Ids:
    """The ids of a new cover; the same key of the same user gives the same ids."""
    task_id = uuid.uuid4() if idempotency_key is None else uuid.uuid5(user_id, idempotency_key)
    return Ids(task_id, uuid.uuid5(task_id, "cover"))


def fingerprint(request: GenerateCover) -> str:
    """Tells whether two requests are the same."""
    return hashlib.sha256(msgspec.json.encode(request)).hexdigest()


def texts(request: GenerateCover) -> tuple[TextPart, ...]:
    """What the user wrote, field by field, for the safety check."""
    values = ((field, getattr(request, field)) for field in TEXT_FIELDS)
    return tuple(TextPart(field=field, text=value) for field, value in values if value)


def wish(request: GenerateCover) -> ChooseTemplate:
    """What helps to choose a style."""
    words = (request.title, request.subtitle, request.prompt)
    return ChooseTemplate(template_id=request.template_id, hint=" ".join(w for w in words if w)[:HINT_LENGTH])


def passed(verdict: Verdict) -> tuple[str, ...]:
    """The categories to review later. Raises Refused, naming each field and category that is blocked."""
    if verdict.decision == "block":
        blocked = dict.fromkeys((f.field, f.category) for f in verdict.findings if f.decision == "block")
        raise Refused(
            "This text breaks the content rules.",
            errors=tuple(FieldError(field=f, detail=f"is refused: {c}", category=c) for f, c in blocked),
        )
    return tuple(dict.fromkeys(f.category for f in verdict.findings if f.decision == "review"))


def choose_seed(task_id: uuid.UUID) -> int:
    """The seed of a request without one: from the task's id, so that trying again gives the same art."""
    return int.from_bytes(hashlib.sha256(task_id.bytes).digest()[:8]) >> (64 - SEED_BITS)


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
    )


def fill(prompt_template: str, **values: str) -> str:
    """`{title}` and `{prompt}` replaced in one pass, so that braces in what users write stay what they are.

    An empty value takes the comma and blanks around it away.
    """
    text = re.sub(r"\{(title|prompt)\}", lambda found: values[found[1]].strip(), prompt_template)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"(?:\s*,)+\s*(?=[,.;:]|$)|(?<=[.;:])\s*,", "", text)
    return re.sub(r"\s+(?=[,.;:])", "", text).strip(" ,")


def shown(record: Record) -> Cover:
    """The cover as its owner sees it."""
    ready = record.status == "ready"
    image_url = f"/v1/covers/{record.cover_id}/image" if ready else None
    return Cover(
        cover_id=record.cover_id,
        task_id=record.task_id,
        status=record.status,
        title=record.request.title,
        subtitle=record.request.subtitle,
        author=record.request.author,
        format=record.request.format,
        recipe=record.recipe,
        layout=record.layout,
        versions=record.versions,
        image_url=image_url,
        thumbnail_url=f"{image_url}?size=thumb" if image_url else None,
        created_at=record.created_at,
    )
