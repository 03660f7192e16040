"""From findings to verdicts and refusals. Pure."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from adapters.moderation.bands import Band
from adapters.moderation.images import Look
from adapters.mongo_outbox import Outgoing
from contracts.errors import FieldError, Forbidden, Refused, UnderReview
from contracts.reviews import DECIDED, ReviewDecided, ReviewStatus, Ruling, RulingLine
from contracts.safety import Decision, Finding, TextPart, Verdict
from contracts.wire import Context, ObjectRef

ADMIN = "admin"
BROKEN_IMAGE, NUDITY = "broken_image", "nudity"
IMAGE_FIELD = "image"
STATUS_AFTER: Mapping[Ruling, ReviewStatus] = {"release": "released", "confirm": "confirmed"}
_STRICTNESS: Mapping[Decision, int] = {"allow": 0, "review": 1, "block": 2}


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a person, as it is kept."""

    id: uuid.UUID
    kind: Literal["text", "picture"]
    digest: str
    """Of the words or the bytes; rulings are by it."""
    status: ReviewStatus = "waiting"
    user_id: uuid.UUID | None
    task_id: uuid.UUID | None = None
    created_at: datetime
    texts: tuple[TextPart, ...] = ()
    picture: ObjectRef | None = None
    """The copy that is kept for whoever looks at it."""
    findings: tuple[Finding, ...]
    rulings: tuple[RulingLine, ...] = ()


def verdict(findings: Sequence[Finding]) -> Verdict:
    """The strictest decision of all findings; `allow` when there are none."""
    decisions: list[Decision] = ["allow", *(finding.decision for finding in findings)]
    return Verdict(decision=max(decisions, key=_STRICTNESS.__getitem__), findings=tuple(findings))


def ruled(found: Verdict, ruling: Ruling | None) -> Verdict:
    """A verdict of `review` after what a person said to it: all right, or refused for good."""
    if ruling is None:
        return found
    if ruling == "release":
        return Verdict(decision="allow")
    findings = tuple(msgspec.structs.replace(finding, decision="block") for finding in found.findings)
    return Verdict(decision="block", findings=findings)


def picture_verdict(look: Look, band: Band) -> Verdict:
    """The verdict on a picture that was looked at. A picture has no characters, so spans are empty."""
    if look.problem is not None:
        return verdict([_on_picture(BROKEN_IMAGE, "block", None)])
    decision = band.decide(look.nsfw)
    return verdict([] if decision == "allow" else [_on_picture(NUDITY, decision, look.nsfw)])


def _on_picture(category: str, decision: Decision, score: float | None) -> Finding:
    return Finding(category=category, field=IMAGE_FIELD, start=0, end=0, decision=decision, score=score)


def texts_digest(parts: Sequence[TextPart], findings: Iterable[Finding]) -> str:
    """Names the words that a person is asked about: the fields in which something was found, not the others."""
    found = {finding.field for finding in findings}
    asked = sorted((part.field, part.text) for part in parts if part.field in found)
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()


def item_id(user_id: uuid.UUID | None, digest: str) -> uuid.UUID:
    """One item for each user and text or picture, however often it is sent."""
    return uuid.uuid5(user_id or uuid.UUID(int=0), digest)


def decided(item: Item, line: RulingLine, context: Context) -> Outgoing:
    """The news of a decision, by whom and from where; the same decision after the same ones has the same id."""
    decision_id = uuid.uuid5(item.id, f"{len(item.rulings)}:{line.decision}")
    event = ReviewDecided(
        decision_id=decision_id,
        review_id=item.id,
        kind=item.kind,
        user_id=item.user_id,
        decision=line.decision,
        at=line.at,
    )
    return Outgoing(
        subject=DECIDED.subject,
        payload=msgspec.json.encode(event),
        message_id=f"review-decided:{decision_id}",
        headers=context.headers(),
    )


def refusal(verdicts: Iterable[Verdict], problems: Iterable[str]) -> Refused:
    """The error for pictures none of which passed; `problems` are what `inspect_picture` says of broken ones."""
    findings = [finding for each in verdicts for finding in each.findings]
    broken = [FieldError(field=IMAGE_FIELD, detail=f"The picture {p}.", category=BROKEN_IMAGE) for p in problems]
    waiting = sorted({finding.category for finding in findings if finding.decision == "review"})
    if waiting:
        seen = [FieldError(field=IMAGE_FIELD, detail="waits for a person to look at it", category=c) for c in waiting]
        return UnderReview(
            "A person has to look at this picture before it can be used. Nothing was charged; another prompt or seed "
            "may give a picture that passes at once.",
            errors=(*seen, *broken),
        )
    shown = {finding.category for finding in findings} - {BROKEN_IMAGE}
    refused = tuple(FieldError(field=IMAGE_FIELD, detail=f"is refused: {c}", category=c) for c in sorted(shown))
    sentence = "The picture that was made breaks the content rules." if shown else "The picture is not usable."
    return Refused(sentence, errors=(*refused, *broken))


def check_admin(context: Context) -> None:
    """Raises Forbidden for everybody but administrators."""
    if ADMIN not in context.roles:
        raise Forbidden("Only administrators may do this.")
