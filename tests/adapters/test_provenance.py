"""Content Credentials and labels: read back by a reader of our own, by the library, and after tampering."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from adapters.provenance import claims, containers, label
from adapters.provenance.apart import Unreadable
from adapters.provenance.chain import BadPair, SigningFiles, check_pair, development_chain
from adapters.provenance.claims import Agent, Claim
from adapters.provenance.reading import read
from adapters.provenance.signatory import render_signed
from adapters.provenance.signing import Unsignable, sign
from adapters.rendering import RenderOrder
from tests.support import credentials

FORMATS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "PDF": "application/pdf",
}
READABLE = ("PNG", "JPEG", "WEBP", "PDF")
"""Formats that the reader of our own knows."""
PIXELS = {b"\x89PNG": b"IDAT", b"\xff\xd8": b"\xff\xda", b"RIFF": b"VP8 ", b"%PDF": b"stream"}
"""Where they begin."""
US = Agent("Covergen", "1.2.3")
PAINTER, PROVIDER = Agent("painter", "7"), Agent("gpt-image-2", "2026-01")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SigningFiles:
    """A chain for development; its root is beside the pair."""
    return written(tmp_path_factory.mktemp("c2pa"))


def written(folder: Path) -> SigningFiles:
    chain = development_chain()
    for name, pem in (("root.pem", chain.root), ("cert.pem", chain.certificates), ("key.pem", chain.key)):
        (folder / name).write_bytes(pem)
    return SigningFiles(certificates=folder / "cert.pem", key=folder / "key.pem")


def picture(form: str = "PNG", size: tuple[int, int] = (240, 384)) -> bytes:
    """Noise under a gradient, the same every time."""
    noise = np.random.default_rng(3).integers(0, 60, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise + np.arange(size[0], dtype=np.uint8)[None, :, None] // 2).save(out, form)
    return out.getvalue()


def claim(version: str = "1", *, model: Agent | None = PAINTER, region: str = "") -> Claim:
    actions: tuple[claims.Action, ...] = () if model else ("c2pa.edited",)
    return Claim(
        agent=US, cover_id="0d4f", version=version, model=model, actions=actions, region=region, at=datetime.now(UTC)
    )


def changed(data: bytes) -> Iterator[bytes]:
    """The file with one byte of its picture turned, at some places."""
    begins = next(data.find(mark) for head, mark in PIXELS.items() if data.startswith(head))
    for at in (begins + 40, begins + 400, begins + 4000):
        yield data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :]


def outcome(data: bytes) -> str:
    """How reading ends; any other error than Unreadable fails the test."""
    try:
        found = read(data, None)
    except Unreadable:
        return "unreadable"
    return ("valid" if found.valid else "invalid") if found.found else "nothing"


@pytest.mark.parametrize("form", READABLE)
def test_an_independent_reader_finds_signed_claims(form: str, files: SigningFiles) -> None:
    """In each format the claim is signed with ES256, its assertions and the file are what it has hashes of."""
    signed = sign(picture(form), claim(), files)
    (manifest,) = credentials.manifests(signed)
    assert (manifest.signed, manifest.whole, credentials.bound(signed)) == (True, True, True)
    assert manifest.actions == ["c2pa.created", "c2pa.addedText"]
    created = manifest.assertions["c2pa.actions.v2"].value["actions"][0]
    assert created["softwareAgent"] == {"name": "painter", "version": "7"}
    assert created["digitalSourceType"] == claims.ALGORITHMIC
    info = manifest.claim["claim_generator_info"]
    assert (info["name"], info["version"]) == ("Covergen", "1.2.3")
    about = next(each.content for each in manifest.assertions["org.covergen.cover"].inner if each.kind == b"json")
    assert json.loads(about) == {"cover_id": "0d4f", "version": "1"}
    assert not [name for name in manifest.assertions if "thumbnail" in name]


@pytest.mark.parametrize("form", READABLE)
def test_a_changed_picture_is_told_by_both_readers(form: str, files: SigningFiles) -> None:
    """One byte of the picture is enough, wherever it is."""
    signed = sign(picture(form), claim(), files)
    assert read(signed, None).valid
    for broken in changed(signed):
        assert not credentials.bound(broken)
        found = read(broken, None)
        assert (found.found, found.valid, found.trusted) == (True, False, False)
        assert "assertion.dataHash.mismatch" in found.problems


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_signed_is_read_back(form: str, files: SigningFiles) -> None:
    """Valid for everybody, trusted where the root is on the list, with the same pixels as before."""
    plain = picture(form)
    signed = sign(plain, claim(), files)
    found, trusted = read(signed, None), read(signed, files.key.with_name("root.pem"))
    assert (found.media_type, found.found, found.valid, found.trusted) == (FORMATS[form], True, True, False)
    assert found.problems == ("signingCredential.untrusted",)
    assert (trusted.valid, trusted.trusted, trusted.problems) == (True, True, ())
    assert (found.issuer, found.claim_generator) == ("Covergen development", "Covergen 1.2.3")
    assert found.digital_source_type == claims.ALGORITHMIC
    assert [(each.scheme, each.value) for each in found.ai_labels] == [("iptc", claims.ALGORITHMIC)]
    if form != "PDF":
        before, after = (Image.open(io.BytesIO(data)).convert("RGB") for data in (plain, signed))
        assert ImageChops.difference(before, after).getbbox() is None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_pillow_finds_the_source_in_the_xmp(form: str, files: SigningFiles) -> None:
    """IPTC's digital source type is where programs for pictures look for it."""
    with Image.open(io.BytesIO(sign(picture(form), claim(), files))) as image:
        packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
        text = packet if isinstance(packet, str) else bytes(packet or b"").decode()
    assert f"<Iptc4xmpExt:DigitalSourceType>{claims.ALGORITHMIC}<" in text


def test_art_of_a_trained_model_says_so(files: SigningFiles) -> None:
    """The art is trainedAlgorithmicMedia, the whole with type on it a composite with that."""
    found = read(sign(picture(), claim(model=PROVIDER), files), None)
    assert [each.digital_source_type for each in found.actions] == [claims.TRAINED, claims.COMPOSITE_TRAINED]
    assert [each.software_agent for each in found.actions] == ["gpt-image-2 2026-01", "Covergen 1.2.3"]
    assert found.digital_source_type == claims.COMPOSITE_TRAINED


def test_the_history_goes_along_through_edit_and_export(files: SigningFiles) -> None:
    """Cover → edit → export: each has the one before as its parent, with all credentials, and keeps the source."""
    cover = sign(picture(), claim(model=PROVIDER), files)
    edit = sign(picture(), claim("edit 1", model=None), files, cover)
    order = RenderOrder(media_type="image/jpeg", longest=200, max_bytes=200_000)
    export = render_signed(edit, order, claim("export", model=None), files)
    made = credentials.manifests(export.data)
    assert [each.signed and each.whole for each in made] == [True, True, True]
    assert [each.actions[0] for each in made] == ["c2pa.created", "c2pa.opened", "c2pa.opened"]
    found = read(export.data, None)
    assert found.valid
    (parent,) = found.ingredients
    assert (parent.relationship, parent.credentials, parent.actions) == (
        "parentOf",
        True,
        ("c2pa.opened", "c2pa.edited"),
    )
    assert found.digital_source_type == claims.COMPOSITE_TRAINED
    assert (export.measured.width, export.measured.height, export.measured.size) == (125, 200, len(export.data))


def test_a_small_limit_names_the_parent_without_its_history(files: SigningFiles) -> None:
    """Where a file may not be large, its credentials stay valid and name what it was made from."""
    cover = sign(picture(), claim(), files)
    for version in range(12):
        cover = sign(picture(), claim(f"edit {version}", model=None), files, cover)
    order = RenderOrder(media_type="image/jpeg", longest=64, max_bytes=24_000)
    export = render_signed(cover, order, claim("export", model=None), files)
    assert len(export.data) <= order.max_bytes
    found = read(export.data, None)
    assert found.valid
    assert [(each.relationship, each.credentials) for each in found.ingredients] == [("parentOf", False)]


def test_a_stripped_file_says_nothing(files: SigningFiles) -> None:
    """Pixels saved again by another program have no credentials, which is told as such and is no error."""
    out = io.BytesIO()
    Image.open(io.BytesIO(sign(picture(), claim(), files))).convert("RGB").save(out, "JPEG")
    found = read(out.getvalue(), None)
    assert (found.found, found.valid, found.trusted, found.ai_labels, found.actions) == (False, False, False, (), ())


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_the_region_cn_gets_both_labels(form: str, files: SigningFiles) -> None:
    """XMP `TC260:AIGC`, in a PNG `AIGC` too, by the rules of its characters; and a label that people see."""
    plain = picture(form, (400, 640))
    signed = sign(plain, claim(region="cn-beijing"), files)
    found = read(signed, None)
    assert found.valid
    schemes = {each.scheme: each for each in found.ai_labels}
    assert set(schemes) == {"iptc", "tc260-xmp"} | ({"tc260-png"} if form == "PNG" else set())
    fields = schemes["tc260-xmp"].fields
    assert (fields["Label"], fields["ContentProducer"], fields["ProduceID"]) == ("1", "Covergen-development", "0d4f:1")
    assert all(0x21 <= ord(c) <= 0x7E and c not in '"\\' for value in fields.values() for c in value)
    if form == "PNG":
        with Image.open(io.BytesIO(signed)) as image:
            assert json.loads(image.info["AIGC"]) == dict(fields)
    before, after = (Image.open(io.BytesIO(data)).convert("RGB") for data in (plain, signed))
    corner = after.crop((after.width - 60, after.height - 12, after.width, after.height))
    assert ImageChops.difference(before, after).getbbox() is not None
    assert np.asarray(corner).min(axis=(0, 1)).max() < 40, "a dark ground"


@pytest.mark.parametrize("size", [(1600, 2560), (160, 256), (1280, 720)])
def test_the_visible_label_is_a_twentieth_of_the_short_side(size: tuple[int, int]) -> None:
    """Measured from the pixels: white letters at least so high, in the corner, the same when drawn twice."""
    image = Image.new("RGB", size, (120, 120, 120))
    label.draw(image)
    once = image.copy()
    label.draw(image)
    assert ImageChops.difference(once, image).getbbox() is None
    ink = np.asarray(image.convert("L")) > 200
    rows = np.flatnonzero(ink.any(axis=1))
    assert rows[-1] - rows[0] + 1 >= min(size) * label.SHARE - 1
    columns = np.flatnonzero(ink.any(axis=0))
    assert columns[0] > size[0] / 2
    assert rows[0] > size[1] / 2


def test_other_regions_get_no_such_label(files: SigningFiles) -> None:
    """The pixels stay, and nothing of China's is in the file."""
    signed = sign(picture(), claim(region="eu"), files)
    assert b"AIGC" not in signed
    assert [claims.labelled(each) for each in ("cn", "CN-BEIJING", "china_east", "local", None, "cnn")] == [
        *[True] * 3,
        *[False] * 3,
    ]


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7\n", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBP"]
)
def test_what_is_no_picture_is_refused(data: bytes, files: SigningFiles) -> None:
    """Nothing is signed or read that is cut short or of another kind, and no other error comes out."""
    with pytest.raises(Unsignable):
        sign(data, claim(), files)
    assert outcome(data) in ("nothing", "unreadable")


def test_rubbish_in_a_signed_file_is_told_or_refused(files: SigningFiles) -> None:
    """A store that is cut, doubled or turned ends as invalid, as none, or as unreadable; never as valid."""
    signed = sign(picture(), claim(), files)
    at = signed.index(b"jumb")
    broken = [signed[: at + cut] + signed[at + cut + 7 :] for cut in (0, 40, 90, 400, 900, 2000)]
    broken += [signed[:at] + bytes(40) + signed[at + 40 :], signed[: at + 500], signed + signed]
    for each in broken:
        assert outcome(each) in ("nothing", "unreadable", "invalid")


def test_pairs_that_cannot_sign_are_named(files: SigningFiles, tmp_path: Path) -> None:
    """A key of another certificate, a missing file and a certificate of an authority, each in one line."""
    other = written(tmp_path)
    check_pair(other)
    root = files.certificates.with_name("root.pem")
    for pair in (
        SigningFiles(certificates=files.certificates, key=other.key),
        SigningFiles(certificates=tmp_path / "none.pem", key=other.key),
        SigningFiles(certificates=root, key=other.key),
        SigningFiles(certificates=other.key, key=other.certificates),
    ):
        with pytest.raises(BadPair) as caught:
            check_pair(pair)
        assert "PRIVATE" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_container_keeps_what_it_is_not_asked_about() -> None:
    """Embedding adds two chunks before the pixels and leaves every other chunk as it was."""
    plain = picture()
    chunks = list(containers.png_chunks(containers.embedded(plain, "image/png", b"<x/>", "{}")))
    assert [name for name, _ in chunks[1:3]] == [b"iTXt", b"tEXt"]
    assert [each for each in chunks if each[0] not in (b"iTXt", b"tEXt")] == list(containers.png_chunks(plain))
