"""Uploads: pictures that users bring, kept by the edits node until 30 days after their last use.

The edge reads and normalises a file, asks `begin_upload` where it is to be kept, puts the bytes there and asks
`finish_upload`, which has the picture checked. The same bytes for the same purpose are the same upload.
"""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from contracts.paging import Cursor, Limit
from contracts.wire import Done, Endpoint, ObjectRef

Purpose = Literal["image", "mask", "logo"]
"""`image`: to be edited; `mask`: one grey channel, white is what may change; `logo`: may be transparent."""
MOST_UPLOADS = 100
"""That are kept of one user."""
MAX_UPLOAD = 20 * 1024 * 1024
"""Bytes of a file as it comes."""
MAX_PIXELS = 50_000_000
MAX_SIDE = 12_000
KEPT_DAYS = 30
Side = Annotated[int, msgspec.Meta(ge=1, le=MAX_SIDE)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Sha256 = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]


class NewObject(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are to be put: what an ObjectRef says without the place."""

    sha256: Sha256
    size: Annotated[int, msgspec.Meta(ge=1)]
    media_type: str


class FoundCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What the Content Credentials of the file said as it came.

    They are noted and not kept in the file: it is written anew, and what is signed may tell where a photo was taken.
    """

    valid: bool
    trusted: bool
    issuer: str | None = None
    claim_generator: str | None = None
    digital_source_type: str | None = None


class BeginUpload(msgspec.Struct, frozen=True, kw_only=True):
    """Keep a place for a normalised picture. Idempotent by user, purpose and SHA-256.

    Raises Conflict when the user has as many uploads as may be, Unauthenticated for a deleted user.
    """

    purpose: Purpose
    picture: NewObject
    shown: NewObject | None = None
    """A logo on a plain ground, for the check: a picture without transparency is checked itself."""
    width: Side
    height: Side
    marked: Share | None = None
    """Of a mask: how much of it is white."""
    credentials: FoundCredentials | None = None


class UploadPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes are to be put: within this scope of the object store."""

    upload_id: uuid.UUID
    scope: str


class FinishUpload(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes are there: check them and make the upload ready. Idempotent.

    Raises Refused or UnderReview for what must not be shown, Invalid for a blank picture: nothing is kept then.
    Raises NotFound when the bytes are not there, or the upload was taken away meanwhile.
    """

    upload_id: uuid.UUID


class GetUpload(msgspec.Struct, frozen=True, kw_only=True):
    """One upload of the caller that is ready. Raises NotFound."""

    upload_id: uuid.UUID
    refer: bool = False
    """For nodes: tell where the bytes are, and count this as a use."""
    holder: uuid.UUID | None = None
    """For nodes: what needs it from now on, such as a cover. It does not expire before that is released."""


class GetUploadImage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the picture of an upload is. Raises NotFound."""

    upload_id: uuid.UUID


class ReleaseUpload(msgspec.Struct, frozen=True, kw_only=True):
    """`holder` needs the upload no longer. Idempotent, also for an upload that is gone."""

    upload_id: uuid.UUID
    holder: uuid.UUID


class DeleteUpload(msgspec.Struct, frozen=True, kw_only=True):
    """Remove an upload and its picture. What was made from it stays. Raises NotFound."""

    upload_id: uuid.UUID


class Upload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture as it is kept: upright, in sRGB, without what its file said beside the pixels but AI labels."""

    upload_id: uuid.UUID
    media_type: str
    width: int
    height: int
    size: int
    """Bytes as kept."""
    sha256: str
    """Of the bytes as kept."""
    purpose: Purpose
    created_at: datetime
    expires_at: datetime | None
    """30 days after the last use; null while something needs it."""
    url: str
    """Of the picture."""
    marked: float | None = None
    """Of a mask: the share that is white, 0 to 1; left out for other purposes."""
    credentials: FoundCredentials | None = None
    """Left out for a file without Content Credentials."""
    object: ObjectRef | None = None
    """Only for nodes that ask for it."""


class ListUploads(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's uploads, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None


class UploadPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of uploads."""

    items: tuple[Upload, ...]
    next_cursor: str | None = None


EDGE = frozenset({"edge"})
COVERS = frozenset({"covers"})

BEGIN = Endpoint("svc.edits.begin_upload", BeginUpload, UploadPlace, EDGE, "Keep a place for an upload")
FINISH = Endpoint("svc.edits.finish_upload", FinishUpload, Upload, EDGE, "Check an upload and keep it", timeout=15)
GET = Endpoint("svc.edits.get_upload", GetUpload, Upload, EDGE | COVERS, "Read an upload")
IMAGE = Endpoint("svc.edits.upload_image", GetUploadImage, ObjectRef, EDGE, "Where the picture of an upload is")
LIST = Endpoint("svc.edits.list_uploads", ListUploads, UploadPage, EDGE, "List the caller's uploads")
DELETE = Endpoint("svc.edits.delete_upload", DeleteUpload, Done, EDGE, "Remove an upload")
RELEASE = Endpoint("svc.edits.release_upload", ReleaseUpload, Done, COVERS, "Say that an upload is needed no longer")

CONTRACTS: tuple[Endpoint[Any, Any], ...] = (BEGIN, FINISH, GET, IMAGE, LIST, DELETE, RELEASE)
