"""Pictures that users send, taken in by a process of its own, without loading what reads them into this one."""

from pathlib import Path

import msgspec

from contracts.uploads import FoundCredentials, Purpose


class NotTaken(ValueError):
    """The file is no picture that we take; the text is one line that may be shown."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A picture as we keep it."""

    data: bytes
    media_type: str
    width: int
    height: int
    shown: bytes | None = None
    """A picture with transparency on a plain ground, as PNG, for whoever judges what it shows."""
    marked: float | None = None
    """Of a mask: the share that is white."""
    credentials: FoundCredentials | None = None
    """What the file's own Content Credentials said; None without any."""


def receive_apart(data: bytes, purpose: Purpose, trust: Path | None) -> Received:
    """`receiving.receive` within a limit on memory, which stays on the process. Raises NotTaken."""
    from adapters.images.receiving import receive_within  # noqa: PLC0415 -- the caller's process needs none of it

    return receive_within(data, purpose, trust)
