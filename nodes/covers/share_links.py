"""Addresses of links that cannot be guessed, nor made by anybody but us, and need no look into the database to tell.

A token is the id of the link (16 bytes), the second when it expires (4) and the first 16 bytes of an HMAC-SHA256 over
both, in base64url: 48 characters that stand for these bytes and no others. Nothing of it is stored; whoever has the key
writes the same address again.
"""

import base64
import hmac
import struct
import uuid
from datetime import UTC, datetime

from adapters.crypto import same
from contracts.errors import NotFound

_FORM = struct.Struct(">16sI")
_MAC_BYTES = 16


class Links:
    """Writes and reads them. `key` is a secret of this purpose alone, `public_url` where users reach the edge."""

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key = key
        self._base = f"{public_url.rstrip('/')}/s/"

    def url(self, share_id: uuid.UUID, expires_at: datetime) -> str:
        """The address of a link that expires at that whole second."""
        return self._base + self._token(share_id.bytes, int(expires_at.timestamp()))

    def read(self, token: str) -> tuple[uuid.UUID, datetime]:
        """The link's id, and when it expires. Raises NotFound for what `url` did not make."""
        try:
            data = base64.b64decode(token, altchars=b"-_", validate=True)
            share_id, seconds = _FORM.unpack_from(data)
            good = same(self._token(share_id, seconds).encode(), token.encode())
        except (ValueError, struct.error):
            raise nothing_there() from None
        if not good:
            raise nothing_there()
        return uuid.UUID(bytes=share_id), datetime.fromtimestamp(seconds, UTC)

    def _token(self, share_id: bytes, seconds: int) -> str:
        told = _FORM.pack(share_id, seconds)
        return base64.urlsafe_b64encode(told + hmac.digest(self._key, told, "sha256")[:_MAC_BYTES]).decode()


def nothing_there() -> NotFound:
    """The one answer to links that never were, are forged, taken back, or lead to what is gone."""
    return NotFound("There is nothing behind this link.")
