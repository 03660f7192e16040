"""Links by which an owner shows a cover to anybody: made, listed, taken back, and looked behind."""

import re
import unicodedata
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from adapters.mongo import now
from contracts.covers import Version
from contracts.errors import Conflict, FieldError, Forbidden, Gone, Invalid, KeyReused, NotFound
from contracts.exports import StoredFile
from contracts.paging import cut, moment_of
from contracts.recipes import Recipe
from contracts.shares import (
    MOST_SHARES,
    CreateShare,
    ListAllShares,
    ListShares,
    RevokeShare,
    Share,
    SharedCover,
    SharePage,
    ShowShared,
    ShowSharedImage,
)
from contracts.wire import Context, Done
from nodes.covers.model import Record, caller, composed_as, versions
from nodes.covers.share_links import Links, nothing_there
from nodes.covers.share_store import ShareRecord, ShareStore
from nodes.covers.store import CoverStore
from nodes.covers.takes import fingerprint_of, version_of
from nodes.departed import Departed, gone


class Shares:
    """The handlers of `contracts/shares.py`."""

    def __init__(self, covers: CoverStore, store: ShareStore, departed: Departed, links: Links) -> None:
        self._covers = covers
        self._store = store
        self._departed = departed
        self._links = links

    async def create(self, order: CreateShare, context: Context) -> Share:
        """Make a link; its key makes it once."""
        user_id = caller(context)
        if order.follow and order.version is not None:
            raise Invalid("A link shows one version, or follows.", errors=(_FOLLOWS,))
        version = _shown_version(await self._own(order.cover_id, user_id), order)
        link = _link(order, version, user_id, context.idempotency_key)
        if not await self._store.keep(link):
            return self._told(await self._again(link))
        await self._look_back(link)
        return self._told(link)

    async def list(self, ask: ListShares, context: Context) -> SharePage:
        """The good links of one cover."""
        await self._own(ask.cover_id, caller(context))
        found = await self._store.of_cover(ask.cover_id, now(), moment_of(ask.cursor), ask.limit + 1)
        return self._page(found, ask.limit)

    async def list_all(self, ask: ListAllShares, context: Context) -> SharePage:
        """Everything that is kept about links of the caller."""
        found = await self._store.of_user(caller(context), moment_of(ask.cursor), ask.limit + 1)
        return self._page(found, ask.limit)

    async def revoke(self, order: RevokeShare, context: Context) -> Done:
        """Take a link back; what it showed is asked for each time, so that nobody sees it from now on."""
        if not await self._store.drop(order.share_id, order.cover_id, caller(context)):
            raise NotFound("There is no such link.")
        return Done()

    async def shared(self, ask: ShowShared, _context: Context) -> SharedCover:
        """What a link shows to whoever has it."""
        link, cover = await self._behind(ask)
        version, recipe = _looked_at(cover, link.version)
        return SharedCover(
            url=self._links.url(link.share_id, link.expires_at),
            title=recipe.title,
            subtitle=recipe.subtitle,
            author=recipe.author,
            style=_style(cover, recipe),
            format=recipe.format,
            width=recipe.width,
            height=recipe.height,
            image=version.image,
            allow_download=link.allow_download,
            expires_at=link.expires_at,
        )

    async def shared_image(self, ask: ShowSharedImage, _context: Context) -> StoredFile:
        """Its picture."""
        link, cover = await self._behind(ask)
        if ask.download and not link.allow_download:
            raise Forbidden("This cover is to be looked at: its owner does not offer it for saving.")
        version, recipe = _looked_at(cover, link.version)
        image = version.thumbnail if ask.size == "thumb" else version.image
        return StoredFile(object=image, filename=_filename(recipe.title, image.media_type))

    async def _behind(self, ask: ShowShared) -> tuple[ShareRecord, Record]:
        """The link, and its cover. The database is asked for links of ours only."""
        share_id, expires_at = self._links.read(ask.token)
        if expires_at <= now():
            raise Gone("This link has expired.")
        link = await self._store.of_id(share_id)
        if link is None or link.expires_at != expires_at:
            raise nothing_there()
        cover = await self._covers.of_id(link.cover_id, link.user_id)
        if cover is None or cover.status != "ready" or not cover.versions:
            raise nothing_there()
        return link, cover

    async def _own(self, cover_id: uuid.UUID, user_id: uuid.UUID) -> Record:
        cover = await self._covers.of_id(cover_id, user_id)
        if cover is None:
            raise NotFound("There is no such cover.")
        return cover

    async def _again(self, link: ShareRecord) -> ShareRecord:
        """The key was used before: by the same request, or by another one."""
        kept = await self._store.of_id(link.share_id)
        if kept is None:
            raise Conflict("This link was taken back at the same time.", retry_after=1)
        if kept.fingerprint != link.fingerprint:
            raise KeyReused("This Idempotency-Key belongs to another request.")
        return kept

    async def _look_back(self, link: ShareRecord) -> None:
        """The link is written. Take it back if there are too many now, or nothing to show any more: of two that come
        at the same time one sees the other, so there are never more."""
        full = await self._store.count(link.cover_id, now()) > MOST_SHARES
        departed = await self._departed.has(link.user_id)
        missing = await self._covers.of_id(link.cover_id, link.user_id) is None
        if not (full or departed or missing):
            return
        await self._store.drop(link.share_id, link.cover_id, link.user_id)
        if departed:
            raise gone()
        if missing:
            raise NotFound("There is no such cover.")
        raise Conflict(f"This cover has {MOST_SHARES} links already, and no more fit: take one back first.")

    def _told(self, link: ShareRecord) -> Share:
        return Share(
            share_id=link.share_id,
            cover_id=link.cover_id,
            version=link.version,
            url=self._links.url(link.share_id, link.expires_at),
            created_at=link.created_at,
            expires_at=link.expires_at,
            allow_download=link.allow_download,
        )

    def _page(self, found: Sequence[ShareRecord], limit: int) -> SharePage:
        items, following = cut(found, limit, lambda link: (link.created_at, link.share_id))
        return SharePage(items=tuple(map(self._told, items)), next_cursor=following)


_FOLLOWS = FieldError(field="follow", detail="cannot be true together with a version")


def _shown_version(cover: Record, order: CreateShare) -> int | None:
    """The version to show; None for a link that follows. Raises Conflict, NotFound."""
    if cover.status == "generating":
        raise Conflict("This cover is still being made.", retry_after=1)
    if cover.status != "ready" or not cover.versions:
        raise Conflict("This cover has no picture to show.")
    if order.follow:
        return None
    return version_of(cover.versions, order.version or cover.showing or 0).version


def _link(order: CreateShare, version: int | None, user_id: uuid.UUID, key: str | None) -> ShareRecord:
    """The same key of the same user gives a cover the same link."""
    at = now()
    until: datetime = (at + timedelta(days=order.expires_in_days)).replace(microsecond=0)
    return ShareRecord(
        share_id=uuid.uuid4() if key is None else uuid.uuid5(user_id, f"share {order.cover_id} {key}"),
        cover_id=order.cover_id,
        user_id=user_id,
        fingerprint=fingerprint_of(order),
        version=version,
        allow_download=order.allow_download,
        created_at=at,
        expires_at=until,
    )


def _looked_at(cover: Record, number: int | None) -> tuple[Version, Recipe]:
    """The version, and the recipe that it, or the picture that it was edited from, was made by. Raises NotFound."""
    every = versions(cover)
    number = number or cover.showing
    version = next((each for each in every if each.version == number), None)
    source = composed_as(every, number)
    if version is None or source is None or source.recipe is None:
        raise nothing_there()
    return version, source.recipe


def _style(cover: Record, recipe: Recipe) -> str | None:
    """A style of everybody's by its name; the name of an own one is its owner's business."""
    return recipe.template_name if cover.request.template_id in (None, recipe.template_id) else None


def _filename(title: str, media_type: str) -> str:
    """Latin letters without their accents, digits and dashes; `cover` for a title that has none of these."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
    return f"{words or 'cover'}.{media_type.rpartition('/')[2]}"
