"""Pictures as PNG files, written quickly: one row filter for all rows instead of a trial of five for each.

Grain leaves little to compress, so a choice of filters costs half of the time of writing and saves one part in a
hundred. The same picture gives the same bytes.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image

_UP = 2
"""The filter that stores each row as its difference from the one above."""


def encode(image: Image.Image) -> bytes:
    """The picture as PNG; RGB by the fast way, other modes by Pillow's."""
    if image.mode != "RGB":
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=1)
        return out.getvalue()
    rows = np.asarray(image).reshape(image.height, image.width * 3)
    lines = np.empty((image.height, image.width * 3 + 1), np.uint8)
    lines[:, 0] = _UP
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    head = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(lines.data, 1)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
