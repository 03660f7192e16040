"""From findings to verdicts and refusals. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from contracts.errors import FieldError, Refused
from contracts.safety import Decision, Finding, Verdict

BROKEN_IMAGE = "broken_image"
IMAGE_FIELD = "image"
_STRICTNESS: Mapping[Decision, int] = {"allow": 0, "review": 1, "block": 2}


def verdict(findings: Sequence[Finding]) -> Verdict:
    """The strictest decision of all findings; `allow` when there are none."""
    decisions: list[Decision] = ["allow", *(finding.decision for finding in findings)]
    return Verdict(decision=max(decisions, key=_STRICTNESS.__getitem__), findings=tuple(findings))


def picture_findings(problem: str | None) -> tuple[Finding, ...]:
    """The finding for a picture with this problem, if it has one. A picture has no characters, so the span is empty."""
    if problem is None:
        return ()
    return (Finding(category=BROKEN_IMAGE, field=IMAGE_FIELD, start=0, end=0, decision="block"),)


def refusal(problems: Iterable[str]) -> Refused:
    """The error for pictures with these problems; `problems` are what `inspect_picture` says."""
    errors = tuple(
        FieldError(field=IMAGE_FIELD, detail=f"The picture {problem}.", category=BROKEN_IMAGE) for problem in problems
    )
    return Refused("The picture that was made is not usable.", errors=errors)
