"""Who signs for the nodes: pictures go to a worker process with a claim and the keys' places, and come back signed.

Each picture is signed in the step that makes it: composed, edited, exported. As no two signatures are the same, whether
a recipe gave the same picture again is told by the hash that the composed one had before.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from adapters.provenance.chain import SigningFiles
from adapters.provenance.claims import Action, Agent, Claim, labelled
from adapters.provenance.containers import kind, without_credentials
from adapters.provenance.label import with_visible_label
from adapters.provenance.signing import sign
from adapters.rendering import Rendered, RenderOrder, measure, render
from adapters.workers import Workers

ROOM = 16 * 1024
"""Bytes that credentials and labels may take of a file's limit, without those of what it was made from."""
STAMP_ROOM = 10 * 1024
"""The same of a time stamp."""


class Signatory:
    """Signs in `workers` with the pair in `files`, as Covergen of this `version`. Its methods raise ValueError."""

    def __init__(self, workers: Workers, files: SigningFiles, version: str) -> None:
        self._workers = workers
        self._files = files
        self._agent = Agent("Covergen", version)

    async def created(
        self, pictures: Sequence[bytes], *, cover_id: UUID, version: str, model: tuple[str, str], region: str | None
    ) -> tuple[bytes, ...]:
        """A new picture and its small ones; `model` is name and version of what painted it."""
        claim = self._claim(cover_id, version, region)
        claim = msgspec.structs.replace(claim, model=Agent(*model))
        return await self._workers.run(sign_all, tuple(pictures), claim, self._files, None)

    async def edited(
        self,
        pictures: Sequence[bytes],
        parent: bytes,
        *,
        cover_id: UUID,
        version: str,
        region: str | None,
        painted_by: tuple[str, str] | None = None,
    ) -> tuple[bytes, ...]:
        """A picture that was made from `parent`, and its small ones; `painted_by` is what painted a part of it."""
        claim = self._claim(cover_id, version, region, "c2pa.edited")
        claim = msgspec.structs.replace(claim, painted_by=None if painted_by is None else Agent(*painted_by))
        return await self._workers.run(sign_all, tuple(pictures), claim, self._files, parent)

    async def rendered(
        self, picture: bytes, order: RenderOrder, *, cover_id: UUID, version: str, region: str | None
    ) -> Rendered:
        """A file for some purpose, within its limits."""
        actions: tuple[Action, ...] = ("c2pa.converted",) if kind(picture) != order.media_type else ()
        smaller = order.width is not None or order.longest is not None
        actions += ("c2pa.resized",) if smaller else ()
        claim = self._claim(cover_id, version, region, *actions, "c2pa.published")
        return await self._workers.run(render_signed, picture, order, claim, self._files)

    def _claim(self, cover_id: UUID, version: str, region: str | None, *actions: Action) -> Claim:
        return Claim(
            agent=self._agent,
            cover_id=str(cover_id),
            version=version,
            actions=actions,
            region=region or "",
            at=datetime.now(UTC),
        )


def sign_all(pictures: tuple[bytes, ...], claim: Claim, files: SigningFiles, parent: bytes | None) -> tuple[bytes, ...]:
    """Each picture with the same claim; for a worker process. Only the first, which the others are small ones of, gets
    a time stamp. Raises Unsignable."""
    unstamped = msgspec.structs.replace(files, authority="")
    return tuple(sign(each, claim, unstamped if small else files, parent) for small, each in enumerate(pictures))


def render_signed(picture: bytes, order: RenderOrder, claim: Claim, files: SigningFiles) -> Rendered:
    """`rendering.render`, labelled and signed within the order's limit; for a worker process. Raises ValueError.

    The history of the picture goes along as its ingredient's credentials; where a small limit leaves no room for that,
    only the ingredient itself is named.
    """
    shown = picture
    if labelled(claim.region):  # before it is written, so that it is written once
        shown = with_visible_label(picture, kind(picture) or "")
    room = ROOM + (STAMP_ROOM if files.authority else 0)
    made = render(shown, msgspec.structs.replace(order, max_bytes=order.max_bytes - room))
    for parent in (picture, without_credentials(picture)):
        data = sign(made.data, claim, files, parent, visible=False)
        if len(data) <= order.max_bytes:
            return Rendered(data, measure(data))
    raise ValueError(f"the file has {len(data)} bytes with its credentials and may have {order.max_bytes}")
