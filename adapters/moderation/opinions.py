"""A second opinion on what the rules did not refuse, from a model that judges meaning. Optional."""

from collections.abc import Sequence
from typing import Protocol

from contracts.safety import Finding, TextPart


class SecondOpinion(Protocol):
    """Somebody else's judgement. It never raises: who cannot be asked has found nothing, and the rules decide."""

    async def on_texts(self, parts: Sequence[TextPart]) -> tuple[Finding, ...]:
        """What it finds in the texts of one request, each as a whole."""
        ...

    async def on_picture(self, data: bytes, media_type: str) -> tuple[Finding, ...]:
        """What it finds in a picture that decodes."""
        ...
