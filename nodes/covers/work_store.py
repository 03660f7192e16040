"""The work on a cover in its document: begun, filled, finished or dropped, each by one conditional write."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.mongo import Database, Document, change_one, mongo_errors, plain
from contracts.covers import Version
from nodes.burials import EXISTS
from nodes.covers.takes import Work


class WorkStore:
    """Changes of `work` in the collection `covers`. Raises Unavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._covers = database["covers"]

    async def begin(self, cover_id: uuid.UUID, user_id: uuid.UUID, work: Work) -> bool:
        """Take up work on a finished cover; False when there is some already, or the cover is gone."""
        idle = {"_id": cover_id, "user_id": user_id, "status": "ready", "work": None, **EXISTS}
        return await self._change(idle, {"$set": {"work": plain(work)}})

    async def expect(self, cover_id: uuid.UUID, work: Work, keys: tuple[str, ...]) -> bool:
        """Note objects that are about to be put; False when the work was dropped."""
        return await self._change(
            _at(cover_id, work.task_id), {"$addToSet": {f"objects.{work.label}": {"$each": keys}}}
        )

    async def note(self, cover_id: uuid.UUID, task_id: uuid.UUID, number: int, made: Mapping[str, Any]) -> bool:
        """Note what was made of a take; False when the work was dropped meanwhile."""
        change = {f"work.takes.{number}.{name}": plain(value) for name, value in made.items()}
        return await self._change(_at(cover_id, task_id), {"$set": change})

    async def keep(self, cover_id: uuid.UUID, task_id: uuid.UUID, versions: tuple[Version, ...]) -> bool:
        """The first versions of a cover that is being made; False when that was given up."""
        making = {**_at(cover_id, task_id), "status": "generating"}
        return await self._change(making, {"$set": {"versions": plain(versions)}})

    async def finish(
        self, cover_id: uuid.UUID, task_id: uuid.UUID, versions: tuple[Version, ...], more: Mapping[str, Any]
    ) -> bool:
        """Add these versions to a finished cover and end the work, once; False when others came between."""
        query = {**_at(cover_id, task_id), "status": "ready", "versions": {"$size": versions[0].version - 1}}
        push: Document = {"versions": {"$each": plain(versions)}, **more.get("push", {})}
        change = {"$push": push, "$unset": {"work": ""}, "$set": dict(more.get("set", {}))}
        return await self._change(query, {name: value for name, value in change.items() if value})

    async def drop(self, cover_id: uuid.UUID, task_id: uuid.UUID) -> tuple[str, ...]:
        """Give the work up; the keys of its objects, unless versions of it are kept. Idempotent."""
        await self._change({**_at(cover_id, task_id), "status": "generating"}, {"$set": {"versions": []}})
        await self._change(_at(cover_id, task_id), {"$unset": {"work": ""}})
        with mongo_errors():
            query = {"_id": cover_id, "versions.task_id": {"$ne": task_id}}
            found = await self._covers.find_one(query, {"objects": 1})
        return () if found is None else tuple(found.get("objects", {}).get(task_id.hex, ()))

    async def waiting(self, before: datetime, limit: int = 500) -> dict[uuid.UUID, uuid.UUID]:
        """Task id to cover id of work on finished covers that was begun before a time."""
        query = {"work.created_at": {"$lt": before}, "status": "ready", **EXISTS}
        with mongo_errors():
            found = await self._covers.find(query, {"work.task_id": 1}).sort("work.created_at", 1).to_list(limit)
        return {each["work"]["task_id"]: each["_id"] for each in found}

    async def show(self, cover_id: uuid.UUID, user_id: uuid.UUID, version: int) -> bool:
        """Choose the version that is shown; False when there is none of that number."""
        query = {"_id": cover_id, "user_id": user_id, "status": "ready", "versions.version": version, **EXISTS}
        return await self._change(query, {"$set": {"shown": version}})

    async def _change(self, query: Document, change: Document) -> bool:
        return await change_one(self._covers, query, change)


def _at(cover_id: uuid.UUID, task_id: uuid.UUID) -> Document:
    return {"_id": cover_id, "work.task_id": task_id, **EXISTS}
