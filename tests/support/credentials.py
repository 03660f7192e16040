"""A small reader of Content Credentials that shares no code with the library that writes them.

It finds the manifest store in a PNG, JPEG, WebP or PDF, walks its JUMBF boxes (ISO 19566-5), decodes CBOR (RFC 8949),
and checks what C2PA 2 says must hold: the COSE signature (ES256) over the claim, the hashes of the assertions in the
claim, and the hash of the file without the store.
"""

import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

CHAIN = 33
"""The COSE header of a certificate chain (RFC 9360)."""


@dataclass
class Box:
    """A superbox with its label, or one that has content."""

    kind: bytes
    label: str = ""
    content: bytes = b""
    raw: bytes = b""
    """All of a superbox but its own head: what hashes of assertions are about."""
    inner: list["Box"] = field(default_factory=list)

    def __getitem__(self, label: str) -> "Box":
        return next(each for each in self.inner if each.label == label)

    @property
    def value(self) -> Any:
        """The CBOR of the one content box."""
        return cbor(next(each.content for each in self.inner if each.kind == b"cbor"))


@dataclass
class Manifest:
    """One manifest, checked."""

    label: str
    claim: dict[str, Any]
    assertions: dict[str, Box]
    organisation: str
    signed: bool
    """Is the signature good, by the key of the first certificate?"""
    whole: bool
    """Are all assertions what the claim has hashes of?"""

    @property
    def actions(self) -> list[str]:
        """The words of the actions."""
        return [each["action"] for each in self.assertions["c2pa.actions.v2"].value["actions"]]


def manifests(data: bytes) -> list[Manifest]:
    """Those of a file, the active one last; none when there is no store."""
    stored = store(data)
    if not stored:
        return []
    return [_manifest(box) for box in next(boxes(stored)).inner if box.kind == b"jumb"]


def bound(data: bytes) -> bool:
    """Is the file outside the excluded ranges what the active manifest has the hash of?"""
    binding = manifests(data)[-1].assertions["c2pa.hash.data"].value
    digest, at = hashlib.new(binding["alg"]), 0
    for each in sorted(binding["exclusions"], key=lambda row: int(row["start"])):
        digest.update(data[at : each["start"]])
        at = each["start"] + each["length"]
    digest.update(data[at:])
    return bool(digest.digest() == binding["hash"])


def store(data: bytes) -> bytes:
    """The bytes of the manifest store."""
    if data.startswith(b"\x89PNG"):
        return b"".join(body for name, body in _png(data) if name == b"caBX")
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"RIFF"):
        return b"".join(body for name, body in _riff(data) if name == b"C2PA")
    return _pdf(data)


def _png(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        yield name, data[at + 8 : at + 8 + size]
        at += 12 + size


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at < len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _jpeg(data: bytes) -> bytes:
    """APP11 segments (ISO 19566-5): each repeats the head of the box that it continues."""
    at, found = 2, bytearray()
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + size]
        if data[at + 1] == 0xEB and body[:2] == b"JP":
            found += body[8:] if not found else body[16:]
        at += 2 + size
    return bytes(found)


def _pdf(data: bytes) -> bytes:
    """The newest embedded store, as long as its first box says: its last byte may look like the end of a line."""
    found = [each.end() for each in re.finditer(rb"stream\r?\n(?=\x00[\s\S]{3}jumb)", data)]
    if not found:
        return b""
    size = int.from_bytes(data[found[-1] : found[-1] + 4], "big")
    return data[found[-1] : found[-1] + size]


def boxes(data: bytes) -> Iterator[Box]:
    """JUMBF boxes in their order."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if size < 8:
            return
        body = data[at + 8 : at + size]
        if kind == b"jumb":
            inner = list(boxes(body))
            label = inner[0].content[17:].split(b"\x00")[0].decode()
            yield Box(kind, label, raw=body, inner=inner[1:])
        else:
            yield Box(kind, content=body)
        at += size


def _manifest(box: Box) -> Manifest:
    claim_box = next(each for each in box.inner if each.label.startswith("c2pa.claim"))
    claim_bytes = next(each.content for each in claim_box.inner if each.kind == b"cbor")
    claim, assertions = cbor(claim_bytes), {each.label: each for each in box["c2pa.assertions"].inner}
    protected, unprotected, _, signature = box["c2pa.signature"].value
    header = cbor(protected)
    assert header[1] == -7, "ES256"
    chain = header.get(CHAIN) or unprotected.get(CHAIN)
    leaf = x509.load_der_x509_certificate(chain if isinstance(chain, bytes) else chain[0])
    listed = [*claim.get("created_assertions", []), *claim.get("gathered_assertions", [])]
    whole = all(hashlib.sha256(assertions[row["url"].split("/")[-1]].raw).digest() == row["hash"] for row in listed)
    organisation = leaf.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)[0].value
    signed = _signed(leaf, protected, claim_bytes, signature)
    return Manifest(box.label, claim, assertions, str(organisation), signed, whole)


def _signed(leaf: x509.Certificate, protected: bytes, claim: bytes, signature: bytes) -> bool:
    """COSE_Sign1 with a detached payload (RFC 9052, 4.4)."""
    message = b"\x84" + _text("Signature1") + _bytes(protected) + _bytes(b"") + _bytes(claim)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _head(major: int, size: int) -> bytes:
    if size < 24:
        return bytes([major << 5 | size])
    return bytes([major << 5 | 25]) + size.to_bytes(2, "big") if size > 255 else bytes([major << 5 | 24, size])


def _bytes(data: bytes) -> bytes:
    return _head(2, len(data)) + data


def _text(text: str) -> bytes:
    return _head(3, len(text)) + text.encode()


def cbor(data: bytes) -> Any:
    """The one value that these bytes are."""
    return _value(data, 0)[0]


def _value(data: bytes, at: int) -> tuple[Any, int]:
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    number = info
    if 24 <= info <= 27:
        width = 1 << info - 24
        number, at = int.from_bytes(data[at : at + width], "big"), at + width
    match major:
        case 0:
            return number, at
        case 1:
            return -1 - number, at
        case 2:
            return data[at : at + number], at + number
        case 3:
            return data[at : at + number].decode(), at + number
        case 4:
            return _array(data, at, number)
        case 5:
            pairs, at = _array(data, at, 2 * number)
            return dict(zip(pairs[::2], pairs[1::2], strict=True)), at
        case 6:
            return _value(data, at)
    return {20: False, 21: True, 22: None}.get(info, number), at


def _array(data: bytes, at: int, count: int) -> tuple[list[Any], int]:
    found = []
    for _ in range(count):
        each, at = _value(data, at)
        found.append(each)
    return found, at
