"""OpenAI's moderation model as a second opinion: `POST /moderations`, for texts and pictures.

Its categories and thresholds are `rules/openai.toml`. Behind a breaker and a time limit; when it cannot be asked, or
says what nobody understands, it has found nothing, and the rules decide. Of the user it is told nothing but the words.
"""

import base64
import io
import logging
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from PIL import Image

from adapters.images.calls import Api
from adapters.images.errors import Broken, trips
from adapters.images.remote import Workers
from adapters.moderation.policy import RULES
from adapters.resilience import Breaker, Guarded, Target
from contracts.errors import ServiceError
from contracts.safety import Decision, Finding, TextPart

log = logging.getLogger(__name__)

MODEL = "omni-moderation-latest"
OK = 200
SECONDS, AT_ONCE, WAITING = 3.0, 8, 32
MAX_ANSWER = 1024 * 1024
SIDE = 512
"""Pixels of the longer side that a picture is shown with."""
IMAGE_FIELD = "image"


class _Meaning(msgspec.Struct, frozen=True, rename={"category": "is"}):
    category: str
    review: float
    block: float

    def decide(self, score: float) -> Decision:
        if score >= self.block:
            return "block"
        return "review" if score >= self.review else "allow"


class _File(msgspec.Struct, frozen=True):
    categories: dict[str, _Meaning]


class _Result(msgspec.Struct):
    category_scores: dict[str, float | None]


class _Answer(msgspec.Struct):
    results: list[_Result]


class OpenAIModeration:
    """Asks about texts field by field, and about pictures made small."""

    def __init__(
        self,
        key: str,
        url: str,
        workers: Workers,
        *,
        failures: int = 5,
        open_for: float = 30.0,
        seconds: float = SECONDS,
    ) -> None:
        """`failures` in a row leave it alone for `open_for` seconds. Raises ValueError for a URL or a bad table."""
        target = Target(
            name="moderation/openai",
            timeout=seconds,
            waits=(),
            failures=failures,
            open_for=open_for,
            concurrency=AT_ONCE,
            waiting=WAITING,
        )
        self._api = Api(url, {"Authorization": f"Bearer {key}"}, seconds=seconds, limit=MAX_ANSWER)
        self._guarded = Guarded(target, is_failure=trips)
        self._workers = workers
        self._meanings = read_meanings()

    @property
    def breaker(self) -> Breaker:
        """Its state and counts."""
        return self._guarded.breaker

    async def on_texts(self, parts: Sequence[TextPart]) -> tuple[Finding, ...]:
        """What it finds, each field as a whole; nothing when it cannot be asked."""
        results = await self._results([part.text for part in parts], len(parts))
        pairs = zip(parts, results, strict=False)
        return tuple(
            finding for part, result in pairs for finding in self._findings(result, part.field, len(part.text))
        )

    async def on_picture(self, data: bytes, media_type: str) -> tuple[Finding, ...]:
        """What it finds in the picture; nothing when it cannot be asked."""
        try:
            shown = await self._workers.run(small_jpeg, data)
        except (ServiceError, OSError, ValueError) as error:
            return self._silent(error)
        url = f"data:image/jpeg;base64,{base64.b64encode(shown).decode('ascii')}"
        results = await self._results([{"type": "image_url", "image_url": {"url": url}}], 1)
        return tuple(finding for result in results for finding in self._findings(result, IMAGE_FIELD, 0))

    async def close(self) -> None:
        """Give back the connections."""
        await self._api.close()

    async def _results(self, asked: list[Any], count: int) -> list[_Result]:
        try:
            return await self._guarded.call(lambda: self._ask(asked, count))
        except ServiceError as error:
            self._silent(error)
            return []

    async def _ask(self, asked: list[Any], count: int) -> list[_Result]:
        answer = await self._api.post("/moderations", json={"model": MODEL, "input": asked})
        if answer.status != OK:
            raise Broken("unexpected_status")
        results = answer.json(_Answer).results
        if len(results) != count:
            raise Broken("other_number_of_results")
        return results

    def _silent(self, error: Exception) -> tuple[Finding, ...]:
        code = getattr(error, "code", type(error).__name__)
        log.warning("no second opinion: %s", code, extra={"action": "second_opinion_missing"})
        return ()

    def _findings(self, result: _Result, field: str, length: int) -> list[Finding]:
        found = []
        for name, score in result.category_scores.items():
            meaning = self._meanings.get(name)
            decision = "allow" if meaning is None or score is None else meaning.decide(score)
            if meaning is not None and decision != "allow":
                found.append(
                    Finding(category=meaning.category, field=field, start=0, end=length, decision=decision, score=score)
                )
        return found


def small_jpeg(data: bytes) -> bytes:
    """The picture with at most 512 pixels a side; for worker processes. Raises OSError, ValueError."""
    with Image.open(io.BytesIO(data)) as picture:
        shown = picture.convert("RGB")
        shown.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        shown.save(out, "JPEG", quality=85)
        return out.getvalue()


def read_meanings() -> Mapping[str, _Meaning]:
    """The shipped table. Raises ValueError for thresholds out of order."""
    table = msgspec.convert(tomllib.loads((RULES / "openai.toml").read_text(encoding="utf-8")), _File).categories
    if not all(0 < meaning.review <= meaning.block <= 1 for meaning in table.values()):
        raise ValueError("thresholds must be 0 < review <= block <= 1")
    return table
