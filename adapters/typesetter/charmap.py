"""Which characters a font file has glyphs for, read from its character map (formats 4 and 12)."""

import struct


def code_points(data: bytes) -> frozenset[int]:
    """Code points that the font has a glyph for."""
    start = _table(data, b"cmap")
    found: set[int] = set()
    for index in range(struct.unpack(">H", data[start + 2 : start + 4])[0]):
        (offset,) = struct.unpack(">I", data[start + 8 + 8 * index : start + 12 + 8 * index])
        found |= _subtable(data, start + offset)
    return frozenset(found)


def _table(data: bytes, tag: bytes) -> int:
    (count,) = struct.unpack(">H", data[4:6])
    records = range(12, 12 + 16 * count, 16)
    return next(int.from_bytes(data[at + 8 : at + 12], "big") for at in records if data[at : at + 4] == tag)


def _subtable(data: bytes, at: int) -> set[int]:
    (kind,) = struct.unpack(">H", data[at : at + 2])
    if kind == 4:
        return _segments(data, at)
    if kind == 12:
        (groups,) = struct.unpack(">I", data[at + 12 : at + 16])
        runs = struct.iter_unpack(">III", data[at + 16 : at + 16 + 12 * groups])
        return {code for first, last, _ in runs for code in range(first, last + 1)}
    return set()


def _segments(data: bytes, at: int) -> set[int]:
    """Format 4: runs of code points, where a glyph number of 0 means that there is none."""
    (double,) = struct.unpack(">H", data[at + 6 : at + 8])
    count = double // 2
    ends = struct.unpack(f">{count}H", data[at + 14 : at + 14 + double])
    starts = struct.unpack(f">{count}H", data[at + 16 + double : at + 16 + 2 * double])
    deltas = struct.unpack(f">{count}H", data[at + 16 + 2 * double : at + 16 + 3 * double])
    place = at + 16 + 3 * double
    offsets = struct.unpack(f">{count}H", data[place : place + double])
    found = set()
    for k in range(count):
        for code in range(starts[k], min(ends[k], 0xFFFE) + 1):
            glyph = code if offsets[k] == 0 else 0
            if offsets[k]:
                spot = place + 2 * k + offsets[k] + 2 * (code - starts[k])
                (glyph,) = struct.unpack(">H", data[spot : spot + 2])
            if (offsets[k] == 0 and (code + deltas[k]) & 0xFFFF) or (offsets[k] and glyph):
                found.add(code)
    return found
