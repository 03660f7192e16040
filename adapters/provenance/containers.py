"""Metadata put into finished files without touching a pixel, and found again.

A signature covers the whole file, so this comes before it. What stood there before of the same kind goes.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

from adapters.provenance import documents

PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"
TIFF, PDF = "image/tiff", "application/pdf"
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
PNG_XMP = b"XML:com.adobe.xmp"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
AIGC = b"AIGC"
CREDENTIALS = b"caBX"
XMP_FLAG = 0x04
LARGEST_SEGMENT = 65533

Chunk = tuple[bytes, bytes]


class BrokenContainer(ValueError):
    """The file does not follow its own format."""


def kind(data: bytes) -> str | None:
    """The media type, by the first bytes; None for a format without credentials."""
    if data.startswith(PNG_HEAD):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        return TIFF
    return PDF if data.startswith(b"%PDF-") else None


def embedded(data: bytes, media_type: str, xmp: bytes, aigc: str | None) -> bytes:
    """The file with the packet and the label. Raises BrokenContainer, KeyError for another media type."""
    return _EMBED[media_type](data, xmp, aigc)


def _png(data: bytes, xmp: bytes, aigc: str | None) -> bytes:
    mine = [(b"iTXt", PNG_XMP + b"\x00\x00\x00\x00\x00" + xmp)]
    if aigc is not None:
        mine.append((b"tEXt", AIGC + b"\x00" + aigc.encode("ascii")))
    kept = [each for each in png_chunks(data) if not _ours(each)]
    return _png_file([kept[0], *mine, *kept[1:]])


def _ours(chunk: Chunk) -> bool:
    name, body = chunk
    keyword = body.split(b"\x00", 1)[0][:80] if name in (b"iTXt", b"tEXt") else b""
    return name == CREDENTIALS or keyword in (PNG_XMP, AIGC)


def without_credentials(data: bytes) -> bytes:
    """A PNG without its credentials, its other metadata kept; other files as they are."""
    if kind(data) != PNG:
        return data
    return _png_file([each for each in png_chunks(data) if each[0] != CREDENTIALS])


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Names and bodies, in their order."""
    at = len(PNG_HEAD)
    while at + 12 <= len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        if at + 12 + size > len(data):
            break
        yield name, data[at + 8 : at + 8 + size]
        at += 12 + size
        if name == b"IEND":
            return
    raise BrokenContainer("the PNG is cut short")


def _png_file(chunks: list[Chunk]) -> bytes:
    parts = [PNG_HEAD]
    for name, body in chunks:
        checksum = zlib.crc32(body, zlib.crc32(name))
        parts += (struct.pack(">I", len(body)), name, body, struct.pack(">I", checksum))
    return b"".join(parts)


def _jpeg(data: bytes, xmp: bytes, _aigc: str | None) -> bytes:
    body = JPEG_XMP + xmp
    if data[:2] != b"\xff\xd8" or len(body) > LARGEST_SEGMENT:
        raise BrokenContainer("the JPEG cannot take the packet")
    at = 2
    while data[at : at + 2] == b"\xff\xe0":  # JFIF stays first
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[:at] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[at:]


def riff_chunks(data: bytes) -> Iterator[Chunk]:
    """Names and bodies, in their order."""
    at, end = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            raise BrokenContainer("the WebP is cut short")
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)


def _webp(data: bytes, xmp: bytes, _aigc: str | None) -> bytes:
    chunks = [each for each in riff_chunks(data) if each[0] not in (b"XMP ", b"C2PA")]
    if not chunks:
        raise BrokenContainer("the WebP is empty")
    first, body = chunks[0]
    if first == b"VP8X":
        chunks[0] = (first, bytes((body[0] | XMP_FLAG,)) + body[1:])
    else:
        chunks.insert(0, (b"VP8X", bytes((XMP_FLAG, 0, 0, 0)) + _webp_canvas(first, body)))
    return _riff_file([*chunks, (b"XMP ", xmp)])


def _webp_canvas(name: bytes, body: bytes) -> bytes:
    """Width and height less one, 24 bits each, from the head of the one image."""
    if name == b"VP8 " and len(body) >= 10:
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    elif name == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        raise BrokenContainer("the WebP has no image")
    return (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _riff_file(chunks: list[Chunk]) -> bytes:
    parts = [b"".join((name, struct.pack("<I", len(body)), body, b"\x00" * (len(body) & 1))) for name, body in chunks]
    inner = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def packet(data: bytes) -> bytes:
    """The first XMP packet of a file, of any format; empty when there is none. Ours are never compressed."""
    start = data.find(b"<x:xmpmeta")
    end = data.find(b"</x:xmpmeta>", start)
    return data[start:end][:LARGEST_SEGMENT] if 0 <= start < end else b""


def png_text(data: bytes) -> str | None:
    """China's label in a PNG's own text."""
    head = AIGC + b"\x00"
    bodies = (body for name, body in png_chunks(data) if name == b"tEXt" and body.startswith(head))
    found = next(bodies, None) if data.startswith(PNG_HEAD) else None
    return None if found is None else found[len(head) :].decode("latin-1")


_EMBED: Mapping[str, Callable[[bytes, bytes, str | None], bytes]] = {
    PNG: _png,
    JPEG: _jpeg,
    WEBP: _webp,
    TIFF: lambda data, xmp, _aigc: documents.tiff(data, xmp),
    PDF: lambda data, xmp, _aigc: documents.pdf(data, xmp),
}
