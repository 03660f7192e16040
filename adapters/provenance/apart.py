"""Reading anybody's file in a process of its own, without loading what reads it into this one."""

from pathlib import Path

from contracts.provenance import Provenance


class Unreadable(ValueError):
    """The file is none that could carry credentials, or is broken; the text is one line that may be shown."""


def read_apart(data: bytes, trust: Path | None) -> Provenance:
    """`reading.read` within a limit on memory, which stays on the process. Raises Unreadable."""
    from adapters.provenance.reading import read_within  # noqa: PLC0415 -- the caller's process needs none of it

    return read_within(data, trust)
