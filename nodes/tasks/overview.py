"""The tasks of all users in `generation_tasks`, for operators. It only reads."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from adapters.mongo import Collection, Document, mongo_errors, newest
from contracts.operations import TaskInspection, TaskLogLine, TaskRow
from contracts.tasks import Status

WITHOUT_TEXT = {"log": 0, "outbox": 0, "input_params": 0}


class Overview:
    """Reads tasks whoever owns them. All methods raise Unavailable while the database is away."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def page(
        self,
        limit: int,
        after: tuple[datetime, uuid.UUID] | None,
        *,
        status: Status | None = None,
        user_id: uuid.UUID | None = None,
    ) -> Sequence[TaskRow]:
        """Tasks, newest first, behind the sort key `after`."""
        given = {"user_id": user_id, "status": status}
        query: Document = {name: value for name, value in given.items() if value is not None}
        found = await newest(self._collection, query, after, limit, name="task_id", shown=WITHOUT_TEXT)
        return msgspec.convert(found, list[TaskRow])

    async def find(self, task_id: uuid.UUID) -> TaskInspection | None:
        """One task with its log, or None. Of what the user sent there are only the names."""
        with mongo_errors():
            document = await self._collection.find_one({"_id": task_id})
        if document is None:
            return None
        row = msgspec.convert(document, TaskRow)
        return TaskInspection(
            **msgspec.structs.asdict(row),
            request_id=document.get("headers", {}).get("request-id"),
            input_fields=tuple(sorted(document.get("input_params", {}))),
            unsent=len(document.get("outbox", ())),
            log=msgspec.convert(document.get("log", ()), tuple[TaskLogLine, ...]),
        )
