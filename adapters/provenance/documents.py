"""Metadata in TIFF and PDF files, where it cannot simply be put between two pieces, and visible labels' re-encoding."""

import io
import re

from PIL import Image, PdfParser, TiffImagePlugin

XMP_TAG = 700
"""TIFF's place of XMP."""


def tiff(data: bytes, xmp: bytes) -> bytes:
    """The same pixels, compression and resolution, with the packet."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[XMP_TAG] = xmp
        more = {key: image.info[key] for key in ("compression", "dpi", "icc_profile") if image.info.get(key)}
        image.save(out, "TIFF", tiffinfo=tags, **more)
    return out.getvalue()


def pdf(data: bytes, xmp: bytes) -> bytes:
    """The document with a metadata stream, as an incremental update: nothing before it changes. Raises ValueError."""
    try:
        number, generation, size, catalogue = _catalogue(data)
    except (PdfParser.PdfFormatError, KeyError, TypeError) as error:
        raise ValueError(f"the PDF cannot be read: {error}") from None
    before = _last_xref(data)
    stream = b"<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%s\nendstream" % (len(xmp), xmp)
    objects = ((size, 0, stream), (number, generation, catalogue))
    out, rows = bytearray(data if data.endswith(b"\n") else data + b"\n"), []
    for each, edition, body in objects:
        rows.append(b"%d 1\n%010d %05d n \n" % (each, len(out), edition))
        out += b"%d %d obj\n%s\nendobj\n" % (each, edition, body)
    at = len(out)
    trailer = b"<< /Size %d /Root %d %d R /Prev %d >>" % (size + 1, number, generation, before)
    out += b"xref\n" + b"".join(sorted(rows)) + b"trailer\n" + trailer + b"\nstartxref\n%d\n%%%%EOF\n" % at
    return bytes(out)


def _catalogue(data: bytes) -> tuple[int, int, int, bytes]:
    """Number and generation of the catalogue, the next free number, and the catalogue with metadata there."""
    with PdfParser.PdfParser(buf=data) as parser:
        if parser.root_ref is None:
            raise PdfParser.PdfFormatError("no catalogue")
        size = int(parser.trailer_dict[b"Size"])
        parser.root[b"Metadata"] = PdfParser.IndirectReference(size, 0)
        return parser.root_ref.object_id, parser.root_ref.generation, size, bytes(parser.root)


def _last_xref(data: bytes) -> int:
    found = re.findall(rb"startxref\s+(\d+)", data[-2048:])
    if not found:
        raise ValueError("the PDF has no table of its objects")
    return int(found[-1])
