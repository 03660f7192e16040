"""What the edits node answers about uploads in the edge's tests: everything is kept that was put."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts import uploads
from contracts.errors import NotFound
from contracts.uploads import BeginUpload, Upload, UploadPlace
from contracts.wire import Done, Endpoint, ObjectRef

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Brought:
    """Uploads by their ids."""

    begun: dict[uuid.UUID, BeginUpload] = field(default_factory=dict)

    def answers(self) -> dict[Endpoint[Any, Any], Any]:
        """By endpoint."""
        return {
            uploads.BEGIN: lambda m, _c: self.begin(m),
            uploads.FINISH: lambda m, _c: self.told(m.upload_id),
            uploads.GET: lambda m, _c: self.told(m.upload_id),
            uploads.LIST: lambda _m, _c: uploads.UploadPage(items=()),
            uploads.DELETE: lambda _m, _c: Done(),
            uploads.IMAGE: lambda m, _c: self.image(m.upload_id),
        }

    def begin(self, message: BeginUpload) -> UploadPlace:
        """A place of its own for each."""
        upload_id = uuid.uuid4()
        self.begun[upload_id] = message
        return UploadPlace(upload_id=upload_id, scope=f"upload-{upload_id.hex}")

    def told(self, upload_id: uuid.UUID) -> Upload:
        """What was begun, or something small."""
        known = self.begun.get(upload_id)
        picture = uploads.NewObject(sha256="0" * 64, size=1, media_type="image/png") if known is None else known.picture
        return Upload(
            upload_id=upload_id,
            media_type=picture.media_type,
            width=1 if known is None else known.width,
            height=1 if known is None else known.height,
            size=picture.size,
            sha256=picture.sha256,
            purpose="image" if known is None else known.purpose,
            created_at=AT,
            expires_at=AT,
            url=f"/v1/uploads/{upload_id}/image",
            credentials=None if known is None else known.credentials,
        )

    def image(self, upload_id: uuid.UUID) -> ObjectRef:
        """Where it was put. Raises NotFound."""
        if upload_id not in self.begun:
            raise NotFound("There is no such upload.")
        new = self.begun[upload_id].picture
        key = f"upload-{upload_id.hex}/{new.sha256}"
        return ObjectRef(key=key, sha256=new.sha256, size=new.size, media_type=new.media_type)
