"""What the edits node answers in the edge's tests: sessions in which nothing was done, and uploads."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contracts import edits
from contracts.errors import NotFound
from contracts.wire import Done, Endpoint, ObjectRef
from tests.edge.upload_nodes import Brought

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def edit_answers(images: Mapping[uuid.UUID, ObjectRef]) -> dict[Endpoint[Any, Any], Any]:
    """By endpoint; `images` by session."""
    return {
        **Brought().answers(),
        edits.OPEN: lambda m, _c: an_edit(uuid.uuid4(), m.cover_id),
        edits.GET: lambda m, _c: an_edit(m.edit_id),
        edits.LIST: lambda _m, _c: edits.EditPage(items=()),
        edits.OPERATE: lambda m, _c: edits.OperationAccepted(
            task_id=uuid.uuid4(), edit_id=m.edit_id, version=1, status="queued"
        ),
        edits.UNDO: lambda m, _c: an_edit(m.edit_id),
        edits.REDO: lambda m, _c: an_edit(m.edit_id),
        edits.CHECKOUT: lambda m, _c: an_edit(m.edit_id),
        edits.IMAGE: lambda m, _c: _image(images, m),
        edits.SAVE: lambda m, _c: _saved(m.edit_id),
        edits.DELETE: lambda _m, _c: Done(),
    }


def _image(images: Mapping[uuid.UUID, ObjectRef], message: edits.GetEditImage) -> ObjectRef:
    if message.edit_id not in images:
        raise NotFound("There is no such version.")
    return images[message.edit_id]


def an_edit(edit_id: uuid.UUID, cover_id: uuid.UUID | None = None) -> edits.EditSession:
    """A session in which nothing was done."""
    image_url = f"/v1/edits/{edit_id}/image?version=0"
    return edits.EditSession(
        edit_id=edit_id,
        cover_id=cover_id or uuid.uuid4(),
        original_image_url=image_url,
        edit_history=(),
        current_version=0,
        can_undo=False,
        can_redo=False,
        image_url=image_url,
        created_at=AT,
    )


def _saved(edit_id: uuid.UUID) -> edits.SavedEdit:
    cover_id = uuid.uuid4()
    return edits.SavedEdit(
        edit_id=edit_id, version=1, cover_id=cover_id, cover_version=2, image_url=f"/v1/covers/{cover_id}/image"
    )
