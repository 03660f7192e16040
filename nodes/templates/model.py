"""What styles are, which one fits, and who may use or change them. Pure."""

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from contracts.errors import FieldError, Forbidden, Invalid, Unauthenticated
from contracts.templates import (
    Category,
    CreateTemplate,
    Name,
    Palette,
    PromptTemplate,
    Slug,
    StyleParams,
    Template,
    UpdateTemplate,
    UpdateUserTemplate,
)
from contracts.wire import Context

ADMIN = "admin"
FREE = "free"
SEEDS = uuid.UUID("5f0c7f0e-6f6b-5d0e-9c39-2b1f6a7c4e11")
"""The namespace of the ids of built-in styles: a style keeps its id as long as it keeps its name."""
MOST_WORDS = 20
_WORD = re.compile(r"[^\W_]+")
_SHORTEST_HINT = 3
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|[{}]")
_PLACEHOLDERS = frozenset({"{title}", "{prompt}"})
_COMMON = frozenset(
    _WORD.findall(
        "the and for with from into that this are was has have not but you your our his her its their who what when "
        "where how why all one two over under book cover story novel art picture painting illustration style"
    )
)
_ANYWHERE = frozenset(
    _WORD.findall(
        "dawn sunrise morning noon afternoon sunset dusk twilight evening night midnight light dark "
        "red orange yellow green blue purple violet pink brown black white grey gray gold golden silver"
    )
)
"""Times and colours that every style can show: they say less of which one fits than what is to be seen."""
_NAME_WEIGHT, _KEYWORD_WEIGHT, _PROMPT_WEIGHT = 3, 3, 1


class Seed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A built-in style, as in `seeds.json`."""

    name: Name
    category: Slug
    family: Slug
    palette: Palette = ()
    typography: Slug = "literary"
    options: dict[str, float | str | bool] = {}
    prompt_template: PromptTemplate
    keywords: tuple[str, ...] = ()
    """Words of titles and prompts that this style fits; for choosing, not for showing."""
    is_premium: bool = False
    popularity_score: int = 0

    @property
    def id(self) -> uuid.UUID:
        """The same in every installation."""
        return uuid.uuid5(SEEDS, self.name.casefold())

    def style_params(self) -> StyleParams:
        """How art and type are made."""
        return StyleParams(family=self.family, palette=self.palette, typography=self.typography, options=self.options)


def read_seeds(data: bytes) -> tuple[Seed, ...]:
    """The built-in styles. Raises ValueError for a bad file or two styles of one name."""
    seeds = msgspec.json.decode(data, type=tuple[Seed, ...])
    twice = [name for name, count in Counter(seed.id for seed in seeds).items() if count > 1]
    if twice:
        raise ValueError(f"two built-in styles have one name: {twice}")
    return seeds


class Sketch(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of a style to tell whether it fits."""

    id: uuid.UUID
    name: str
    category: str
    prompt_template: str
    keywords: tuple[str, ...] = ()
    family: str = ""
    is_premium: bool
    popularity_score: int


def words(text: str) -> list[str]:
    """The words of a text, folded, in order."""
    return _WORD.findall(text.casefold())


def search_words(q: str | None) -> list[str]:
    """What a search looks for, each word once, at most 20."""
    return list(dict.fromkeys(words(q or "")))[:MOST_WORDS]


def search_text(name: str, category: str, prompt_template: str) -> str:
    """The text that a search looks in."""
    return " ".join(words(f"{name} {category} {prompt_template}"))


def may_use(is_premium: bool, tier: str) -> bool:
    """Whether this tier may make covers in the style."""
    return tier != FREE or not is_premium


def check_use(template: Template, tier: str) -> None:
    """Raises Forbidden when the style is premium and the tier is free."""
    if not may_use(template.is_premium, tier):
        raise Forbidden(f"The style “{template.name}” is part of the paid plans. Choose a standard style or upgrade.")


def choose(
    sketches: Sequence[Sketch], hint: str, tier: str, unseen: Mapping[str, frozenset[str]] = MappingProxyType({})
) -> uuid.UUID | None:
    """The best match of `hint` among the styles that the tier may use, or the most popular standard one.

    Styles that cannot show what the hint names (`unseen`: for a family, the words of what it leaves out) come last.
    None only when there is no style to choose from. The same input gives the same choice.
    """
    named = set(words(hint))
    wanted = set(map(_stem, named))
    allowed = sorted((s for s in sketches if may_use(s.is_premium, tier)), key=lambda s: (-s.popularity_score, s.id))
    usable = [s for s in allowed if unseen.get(s.family, frozenset()).isdisjoint(named | wanted)] or allowed
    best = max(usable, key=lambda s: _fit(s, wanted), default=None)
    if best is not None and _fit(best, wanted) > 0:
        return best.id
    return next((s.id for s in usable if not s.is_premium), best.id if best else None)


def _fit(sketch: Sketch, wanted: set[str]) -> int:
    """How well a style matches: its name, category and keywords count three times the words of its prompt, and times
    and colours."""
    own = _telling(words(f"{sketch.name} {sketch.category}")) - _ANYWHERE
    keywords = _telling(sketch.keywords) - own - _ANYWHERE
    prompt = _telling(words(f"{sketch.name} {sketch.prompt_template} {' '.join(sketch.keywords)}")) - own - keywords
    return (
        _NAME_WEIGHT * len(own & wanted)
        + _KEYWORD_WEIGHT * len(keywords & wanted)
        + _PROMPT_WEIGHT * len(prompt & wanted)
    )


def _telling(found: Iterable[str]) -> set[str]:
    return {_stem(word) for word in found if len(word) >= _SHORTEST_HINT and word not in _COMMON}


def _stem(word: str) -> str:
    """The word without the ending of its plural, roughly."""
    if len(word) > _SHORTEST_HINT and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > _SHORTEST_HINT and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def categories(counts: Mapping[str, int]) -> tuple[Category, ...]:
    """The categories by name, with how many styles each has."""
    found = (Category(slug=slug, name=category_name(slug), count=count) for slug, count in counts.items())
    return tuple(sorted(found, key=lambda category: category.name))


def category_name(slug: str) -> str:
    """`science-fiction` as people write it."""
    return slug.replace("-", " ").capitalize()


def caller(context: Context) -> uuid.UUID:
    """The user who asks. Raises Unauthenticated when there is none."""
    if context.user_id is None:
        raise Unauthenticated("Own styles belong to users: say who asks.")
    return context.user_id


def check_admin(context: Context) -> None:
    """Raises Forbidden for everybody but administrators."""
    if ADMIN not in context.roles:
        raise Forbidden("Only administrators may change styles.")


def check_prompt(prompt_template: str) -> None:
    """Raises Invalid for braces that are not `{title}` or `{prompt}`."""
    strange = [found for found in _PLACEHOLDER.findall(prompt_template) if found not in _PLACEHOLDERS]
    if strange:
        detail = f"may hold {{title}} and {{prompt}}, but not {strange[0]}"
        raise Invalid("The prompt is not valid.", errors=(FieldError(field="prompt_template", detail=detail),))


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the painter and the typesetter have; an empty set is not checked."""

    families: frozenset[str] = frozenset()
    pairings: frozenset[str] = frozenset()
    unseen: Mapping[str, frozenset[str]] = MappingProxyType({})
    """For a family, the words of hints that name what it cannot show; other families show everything."""

    def check(self, style: StyleParams, field: str = "style_params") -> None:
        """Raises Invalid naming what nobody can paint or set, as a cover in such a style could only fail."""
        names = (("family", style.family, self.families), ("typography", style.typography, self.pairings))
        errors = tuple(
            FieldError(field=f"{field}.{part}", detail=f"is none of {', '.join(sorted(known))}")
            for part, name, known in names
            if known and name not in known
        )
        if errors:
            raise Invalid("This style cannot be made.", errors=errors)


def made(request: CreateTemplate, template_id: uuid.UUID, creator: uuid.UUID | None, at: datetime) -> Template:
    """A new style."""
    return Template(
        id=template_id,
        name=request.name,
        category=request.category,
        prompt_template=request.prompt_template,
        style_params=request.style_params,
        popularity_score=request.popularity_score,
        is_premium=request.is_premium,
        created_by=creator,
        created_at=at,
    )


def changed(template: Template, request: UpdateTemplate) -> Template:
    """The style with what the request brings; fields that are left out stay."""
    given = {
        name: value
        for name in ("name", "category", "prompt_template", "style_params", "is_premium")
        if (value := getattr(request, name)) is not msgspec.UNSET
    }
    return msgspec.structs.replace(template, **given)


def changes_of(request: UpdateUserTemplate) -> dict[str, object]:
    """The fields of an own style that a request names, as they are kept."""
    given = {name: getattr(request, name) for name in ("name", "customizations")}
    return {name: msgspec.to_builtins(value) for name, value in given.items() if value is not msgspec.UNSET}
