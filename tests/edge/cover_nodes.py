"""Answers of a small covers node to orders for further versions."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from contracts import covers
from contracts.covers import Cover, CoverAccepted
from contracts.wire import Context, Endpoint

Answer = Callable[[Any, Context], Any]


def further_versions(
    owners: dict[uuid.UUID, uuid.UUID], a_cover: Callable[[uuid.UUID], Cover]
) -> Mapping[Endpoint[Any, Any], Answer]:
    """Every order is accepted, and its task belongs to whoever asked."""

    def accepted(message: Any, context: Context) -> CoverAccepted:
        task_id = uuid.uuid4()
        assert context.user_id is not None
        owners[task_id] = context.user_id
        return CoverAccepted(task_id=task_id, cover_id=message.cover_id, status="queued")

    orders = (covers.RETYPE, covers.VARY, covers.REGENERATE, covers.RESHAPE)
    return {**dict.fromkeys(orders, accepted), covers.CHOOSE: lambda message, _context: a_cover(message.cover_id)}
