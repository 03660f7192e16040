"""What an operation is asked to do: which fields each takes, and what is told of those that are missing. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.edits import OPERATIONS, Operate
from contracts.errors import FieldError, Invalid, Refused, ServiceError, UnderReview
from contracts.safety import Verdict
from nodes.edits.model import ADJUSTABLE
from nodes.edits.state import Wish

SIDES = ("left", "right", "top", "bottom")
IN_REVIEW = (
    "A person has to look at this text before a picture is painted of it. Nothing was made; "
    "send the same words again later, or other words now."
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One operation."""

    values: tuple[str, ...]
    """Numbers that it takes."""
    some: bool = False
    """Must one of them be other than 0?"""
    mask: bool = False
    """Is a mask required? Without, none is taken."""
    prompt: bool = False
    """Does it take one?"""
    needs_prompt: bool = False

    @property
    def paints(self) -> bool:
        """Is an image model asked?"""
        return self.prompt


KINDS: Mapping[str, Kind] = {
    "adjust": Kind(ADJUSTABLE, some=True),
    "inpaint": Kind(("seed",), mask=True, prompt=True),
    "replace": Kind(("seed",), mask=True, prompt=True, needs_prompt=True),
    "erase": Kind((), mask=True),
    "expand": Kind(("seed", *SIDES), some=True, prompt=True),
}


def wanted(request: Operate) -> Wish:
    """What is asked for, without what this operation does not take. Raises Invalid, naming the field."""
    kind = KINDS.get(request.op)
    if kind is None:
        raise invalid("op", f"there is no such operation yet; there is: {', '.join(OPERATIONS)}")
    given = {name: getattr(request, name) for name in kind.values}
    params = {name: float(value) for name, value in given.items() if value or (name == "seed" and value is not None)}
    needed = [name for name in kind.values if name != "seed"]
    if kind.some and not params.keys() & set(needed):
        raise invalid("op", f"changes nothing: give at least one of {', '.join(needed)}")
    if kind.mask and request.mask_upload_id is None:
        raise invalid("mask_upload_id", f"{request.op} needs a mask: an upload with the purpose `mask`")
    words = (request.prompt or "").strip() or None
    if kind.needs_prompt and words is None:
        raise invalid("prompt", f"{request.op} needs words for what is to be seen")
    return Wish(
        op=request.op,
        params=params,
        prompt=words if kind.prompt else None,
        mask_upload_id=request.mask_upload_id if kind.mask else None,
    )


def invalid(field: str, detail: str) -> Invalid:
    """The error for one bad field."""
    return Invalid(f"{field}: {detail}", errors=(FieldError(field=field, detail=detail),))


def objection(verdict: Verdict) -> ServiceError | None:
    """Why the words of a prompt cannot be painted; None when they can."""
    if verdict.decision == "allow":
        return None
    named = dict.fromkeys((f.field, f.category) for f in verdict.findings if f.decision == verdict.decision)
    if verdict.decision == "block":
        errors = tuple(FieldError(field=f, detail=f"is refused: {c}", category=c) for f, c in named)
        return Refused("This text breaks the content rules.", errors=errors)
    errors = tuple(FieldError(field=f, detail=f"has to be looked at: {c}", category=c) for f, c in named)
    return UnderReview(IN_REVIEW, errors=errors)
