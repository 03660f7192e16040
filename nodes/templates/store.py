"""The collections `style_templates`, `user_templates` and `style_uses`.

A removed style leaves its document behind, marked: a built-in style that an administrator removed stays removed when
the node starts again. Raises Unavailable when the database is away.
"""

import contextlib
import re
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from adapters.mongo import (
    Database,
    Document,
    DuplicateKey,
    Index,
    delete_in_batches,
    ensure_indexes,
    insert_once,
    mongo_errors,
    newest,
    now,
)
from adapters.mongo_outbox import OUTBOX_INDEX, Outbox, Outgoing, Send, waiting
from contracts.errors import Unavailable
from contracts.paging import cut, decode_cursor, moment_of
from contracts.templates import (
    CHANGED,
    ListTemplates,
    ListUserTemplates,
    Template,
    TemplateChanged,
    TemplatePage,
    UserTemplate,
    UserTemplatePage,
)
from nodes.templates.model import Seed, Sketch, search_text, search_words

STYLE_INDEXES = (
    Index("shelf", (("popularity_score", -1), ("_id", 1))),
    Index("category_shelf", (("category", 1), ("popularity_score", -1), ("_id", 1))),
    Index("name", (("name_key", 1),), unique=True),
    OUTBOX_INDEX,
)
OWN_INDEXES = (Index("shelf", (("user_id", 1), ("created_at", -1), ("_id", -1))),)
USE_INDEXES = (Index("old", (("at", 1),), expire_after=90 * 24 * 3600),)
COUNTING_TRIES = 50
"""A cover counts once within 90 days, far longer than its event can come again."""
PLACE = (Annotated[int, msgspec.Meta(ge=0, lt=2**53)], uuid.UUID)
"""The types in a cursor of styles: popularity and id."""
REMOVED = -1
"""The revision that is told when a style was removed."""
PRESENT: Mapping[str, Any] = {"deleted_at": None}


class TemplateStore:
    """All that is kept about styles."""

    def __init__(self, database: Database, send: Send) -> None:
        self._styles = database["style_templates"]
        self.outbox = Outbox(self._styles, send)
        self._own = database["user_templates"]
        self._uses = database["style_uses"]

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._styles, STYLE_INDEXES)
        await ensure_indexes(self._own, OWN_INDEXES)
        await ensure_indexes(self._uses, USE_INDEXES)

    async def plant(self, seed: Seed) -> None:
        """Make a built-in style what its seed says, unless an administrator changed or removed it; idempotent.

        Popularity is set once and then belongs to the users. A style of the same name that somebody made stays.
        """
        fields = _style_fields(seed.name, seed.category, seed.prompt_template) | {
            "style_params": msgspec.to_builtins(seed.style_params()),
            "is_premium": seed.is_premium,
            "keywords": list(seed.keywords),
        }
        first = {"popularity_score": seed.popularity_score, "created_by": None, "created_at": now(), "revision": 0}
        untouched = {"_id": seed.id, "edited_at": None, "deleted_at": None}
        with contextlib.suppress(DuplicateKey), mongo_errors():
            await self._styles.update_one(untouched, {"$set": fields, "$setOnInsert": first}, upsert=True)

    async def page(self, ask: ListTemplates) -> TemplatePage:
        """Styles by popularity. Raises Invalid for a cursor of another list."""
        conditions: list[Mapping[str, Any]] = [PRESENT]
        if ask.category is not None:
            conditions.append({"category": ask.category})
        if ask.premium is not None:
            conditions.append({"is_premium": ask.premium})
        conditions += [{"search": {"$regex": re.escape(word)}} for word in search_words(ask.q)]
        if ask.cursor is not None:
            score, last = decode_cursor(ask.cursor, PLACE)
            same = {"popularity_score": score, "_id": {"$gt": last}}
            conditions.append({"$or": [{"popularity_score": {"$lt": score}}, same]})
        with mongo_errors():
            found = self._styles.find({"$and": conditions}).sort([("popularity_score", -1), ("_id", 1)])
            documents = await found.limit(ask.limit + 1).to_list(ask.limit + 1)
        shown, following = cut(documents, ask.limit, lambda style: (style["popularity_score"], style["_id"]))
        return TemplatePage(items=tuple(map(_template, shown)), next_cursor=following)

    async def find(self, template_id: uuid.UUID) -> tuple[Template, int] | None:
        """The style and its revision; None when there is none or it was removed."""
        with mongo_errors():
            document = await self._styles.find_one({"_id": template_id, **PRESENT})
        return None if document is None else (_template(document), document.get("revision", 0))

    async def sketches(self) -> tuple[Sketch, ...]:
        """All styles, briefly."""
        names = (
            "name",
            "category",
            "prompt_template",
            "keywords",
            "style_params.family",
            "is_premium",
            "popularity_score",
        )
        with mongo_errors():
            documents = await self._styles.find(PRESENT, dict.fromkeys(names, 1)).to_list(None)
        return tuple(msgspec.convert(_named(document) | document["style_params"], Sketch) for document in documents)

    async def add(self, template: Template) -> bool:
        """Keep a new style; False when its id is there already. Raises DuplicateKey when its name is taken."""
        document = _style_fields(template.name, template.category, template.prompt_template) | {
            "_id": template.id,
            "style_params": msgspec.to_builtins(template.style_params),
            "is_premium": template.is_premium,
            "popularity_score": template.popularity_score,
            "created_by": template.created_by,
            "created_at": template.created_at,
            "edited_at": template.created_at,
            "revision": 0,
            "outbox": _news(template.id, 0),
        }
        try:
            with mongo_errors():
                await self._styles.insert_one(document)
        except DuplicateKey:
            if await self.find(template.id) is None:
                raise
            return False
        await self._tell(document)
        return True

    async def replace(self, template: Template, revision: int) -> bool:
        """Write a changed style; False when it was changed since `revision`. Raises DuplicateKey for a taken name."""
        fields = _style_fields(template.name, template.category, template.prompt_template) | {
            "style_params": msgspec.to_builtins(template.style_params),
            "is_premium": template.is_premium,
            "edited_at": now(),
        }
        news = _news(template.id, revision + 1)
        with mongo_errors():
            result = await self._styles.update_one(
                {"_id": template.id, "revision": revision, **PRESENT},
                {"$set": fields, "$inc": {"revision": 1}, "$push": {"outbox": {"$each": news}}},
            )
        if result.matched_count:
            await self._tell({"_id": template.id, "outbox": news})
        return result.matched_count == 1

    async def remove(self, template_id: uuid.UUID) -> bool:
        """Mark a style as removed and free its name; False when it was not there."""
        removed = {"deleted_at": now(), "name_key": f"removed:{template_id}"}
        news = _news(template_id, REMOVED)
        with mongo_errors():
            result = await self._styles.update_one(
                {"_id": template_id, **PRESENT},
                {"$set": removed, "$inc": {"revision": 1}, "$push": {"outbox": {"$each": news}}},
            )
        if result.matched_count:
            await self._tell({"_id": template_id, "outbox": news})
        return result.matched_count == 1

    async def _tell(self, document: Mapping[str, Any]) -> None:
        """Send what the document has to tell now; the sweep does it when that fails."""
        with contextlib.suppress(Unavailable):
            await self.outbox.relay(document)

    async def count_use(self, task_id: uuid.UUID, template_id: uuid.UUID) -> None:
        """One more cover in this style; once per task, whenever and by how many at once it is told.

        The style names the task that was counted last, and who counts the next one writes that use down first. So a
        task whose use is not written down has not been counted, unless it is the one named. Raises Unavailable when
        others were always quicker.
        """
        for _ in range(COUNTING_TRIES):
            with mongo_errors():
                style = await self._styles.find_one({"_id": template_id}, {"last_counted": 1})
            if style is None:
                return
            last = style.get("last_counted")
            if last is not None:
                await self._write_use(last, template_id)
            with mongo_errors():
                if await self._uses.find_one({"_id": task_id}) is not None:
                    return
                counted = await self._styles.update_one(
                    {"_id": template_id, "last_counted": last},
                    {"$inc": {"popularity_score": 1}, "$set": {"last_counted": task_id}},
                )
            if counted.matched_count:
                return
        raise Unavailable("Too many covers in this style at once.")

    async def _write_use(self, task_id: uuid.UUID, template_id: uuid.UUID) -> None:
        """Remember that a task was counted; nothing when it is remembered already."""
        await insert_once(self._uses, {"_id": task_id, "template_id": template_id, "at": now()})

    async def save_own(self, user_id: uuid.UUID, own: UserTemplate) -> UserTemplate:
        """Keep a user's own style; the one that is there when its id is known already."""
        document = {
            "_id": own.id,
            "user_id": user_id,
            "template_id": own.template_id,
            "name": own.name,
            "customizations": msgspec.to_builtins(own.customizations),
            "created_at": own.created_at,
        }
        try:
            with mongo_errors():
                await self._own.insert_one(document)
        except DuplicateKey:
            with mongo_errors():
                kept = await self._own.find_one({"_id": own.id, "user_id": user_id})
            if kept is None:
                raise
            return msgspec.convert(_named(kept), UserTemplate)
        return own

    async def own(self, user_id: uuid.UUID, own_id: uuid.UUID) -> UserTemplate | None:
        """One own style of a user."""
        with mongo_errors():
            found = await self._own.find_one({"_id": own_id, "user_id": user_id})
        return None if found is None else msgspec.convert(_named(found), UserTemplate)

    async def change_own(self, user_id: uuid.UUID, own_id: uuid.UUID, fields: Mapping[str, Any]) -> UserTemplate | None:
        """The own style with these fields as they are given; None when the user has none of that id."""
        if fields:
            with mongo_errors():
                await self._own.update_one({"_id": own_id, "user_id": user_id}, {"$set": dict(fields)})
        return await self.own(user_id, own_id)

    async def remove_own(self, user_id: uuid.UUID, own_id: uuid.UUID) -> bool:
        """Remove one own style; False when the user has none of that id."""
        with mongo_errors():
            return (await self._own.delete_one({"_id": own_id, "user_id": user_id})).deleted_count == 1

    async def count_own(self, user_id: uuid.UUID) -> int:
        """How many own styles a user has."""
        with mongo_errors():
            return await self._own.count_documents({"user_id": user_id})

    async def clear_own(self, user_id: uuid.UUID) -> None:
        """Remove all own styles of a user."""
        with mongo_errors():
            await delete_in_batches(self._own, {"user_id": user_id})

    async def page_own(self, user_id: uuid.UUID, ask: ListUserTemplates) -> UserTemplatePage:
        """A user's own styles, newest first. Raises Invalid for a cursor of another list."""
        query: Document = {"user_id": user_id}
        documents = await newest(self._own, query, moment_of(ask.cursor), ask.limit + 1)
        shown, following = cut(documents, ask.limit, lambda own: (own["created_at"], own["_id"]))
        items = tuple(msgspec.convert(_named(document), UserTemplate) for document in shown)
        return UserTemplatePage(items=items, next_cursor=following)


def _news(template_id: uuid.UUID, revision: int) -> list[Document]:
    """What is told of a change, as it waits in the style's own document."""
    payload = msgspec.json.encode(TemplateChanged(template_id=template_id, revision=revision))
    message_id = f"style-{template_id}-{revision}"
    return waiting([Outgoing(subject=CHANGED.subject, payload=payload, message_id=message_id)], now())


def _style_fields(name: str, category: str, prompt_template: str) -> Document:
    return {
        "name": name,
        "name_key": " ".join(name.split()).casefold(),
        "category": category,
        "prompt_template": prompt_template,
        "search": search_text(name, category, prompt_template),
    }


def _template(document: Document) -> Template:
    return msgspec.convert(_named(document), Template)


def _named(document: Document) -> Document:
    return {**document, "id": document["_id"]}
