"""Credentials and labels read back from PNG, JPEG, WebP and PDF by what shares no code with what wrote them.

- a walk of our own through JUMBF, CBOR and COSE (`tests/support/credentials.py`), in all formats;
- `pypdf` finds the store and the metadata in a PDF, Pillow and `xml.etree` the XMP in the others;
- c2pa-ts (TypeScript) validates PNG and JPEG, ExifTool (Perl) reads all four. Tests by these are skipped where they are
  not installed, which `npm ci --prefix tests/readers` does; an `exiftool` of the system will do too.
"""

import io
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pytest
from PIL import Image, ImageChops

from adapters.provenance.chain import SigningFiles, development_chain
from adapters.provenance.claims import Action, Agent, Claim
from adapters.provenance.signing import sign
from tests.support import credentials

HERE = Path(__file__).parents[1] / "readers"
C2PA_TS = HERE / "node_modules" / "@trustnxt" / "c2pa-ts"
EXIFTOOL = HERE / "node_modules" / "exiftool-vendored.pl" / "bin" / "exiftool"
NEWEST_FORMATS = 13.0
"""The version from which ExifTool finds the store in WebP and PDF files."""
INSTALL = "npm ci --prefix tests/readers"
needs_c2pa_ts = pytest.mark.skipif(
    shutil.which("node") is None or not C2PA_TS.exists(), reason=f"c2pa-ts is not installed: {INSTALL}"
)
FORMS = ("PNG", "JPEG", "WEBP", "PDF")
PIXELS = {"PNG": b"IDAT", "JPEG": b"\xff\xda", "WEBP": b"VP8 ", "PDF": b"stream"}
"""Where they begin."""
US, MODEL = Agent("Covergen", "1.2.3"), Agent("gpt-image-2", "2026-01")
TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED, COMPOSITE = f"{TYPES}trainedAlgorithmicMedia", f"{TYPES}compositeWithTrainedAlgorithmicMedia"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SOURCE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
AIGC = "{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC"
REGIONS = ("cn-beijing", "eu")


def drawn(form: str) -> bytes:
    """A gradient that a lossy format keeps well."""
    across = np.linspace(40, 200, 400, dtype=np.uint8)
    pixels = np.stack([np.tile(across, (640, 1)), np.full((640, 400), 90, np.uint8), np.tile(across[::-1], (640, 1))])
    out = io.BytesIO()
    Image.fromarray(np.moveaxis(pixels, 0, 2)).save(out, form)
    return out.getvalue()


def claim(version: str, region: str, *actions: Action) -> Claim:
    """Of a new picture without actions, of a derived one with them."""
    model = None if actions else MODEL
    at = datetime.now(UTC)
    return Claim(agent=US, cover_id="0d4f", version=version, model=model, actions=actions, region=region, at=at)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], bytes]:
    """By region, stage and format: a cover, which other formats than PNG are made of too, and an export of its edit."""
    folder, chain = tmp_path_factory.mktemp("pair"), development_chain()
    pair = SigningFiles(certificates=folder / "cert.pem", key=folder / "key.pem")
    pair.certificates.write_bytes(chain.certificates)
    pair.key.write_bytes(chain.key)
    made = {}
    for region in REGIONS:
        cover = sign(drawn("PNG"), claim("1", region), pair)
        edit = sign(drawn("PNG"), claim("edit 1", region, "c2pa.edited"), pair, cover)
        for form in FORMS:
            made[region, "cover", form] = sign(drawn(form), claim("1", region), pair)
            order = claim("export 1", region, "c2pa.converted", "c2pa.published")
            made[region, "export", form] = sign(drawn(form), order, pair, edit)
    return made


Made = Mapping[tuple[str, str, str], bytes]


def tampered(data: bytes, form: str) -> bytes:
    """The file with one byte of its picture turned."""
    at = data.find(PIXELS[form]) + 60
    return data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :]


@pytest.mark.parametrize("form", FORMS)
def test_the_walk_finds_who_made_it_and_that_nothing_was_changed(form: str, files: Made) -> None:
    """Signature, assertions and file hold together; the art is of a trained model; one other byte, and they do not."""
    data = files["eu", "cover", form]
    (manifest,) = credentials.manifests(data)
    created = manifest.assertions["c2pa.actions.v2"].value["actions"][0]

    assert (manifest.signed, manifest.whole, credentials.bound(data)) == (True, True, True)
    assert (manifest.claim["claim_generator_info"]["name"], manifest.organisation) == (
        "Covergen",
        "Covergen development",
    )
    assert (created["action"], created["digitalSourceType"]) == ("c2pa.created", TRAINED)
    assert created["softwareAgent"] == {"name": "gpt-image-2", "version": "2026-01"}
    assert not credentials.bound(tampered(data, form))


@pytest.mark.parametrize("last", [b"\r", b"\n", b"\r\n", b"\x00"])
def test_a_store_in_a_pdf_keeps_its_last_bytes(last: bytes) -> None:
    """A signature may end with any byte, those of a line's end among them."""
    box = (8 + 40 + len(last)).to_bytes(4, "big") + b"jumb" + bytes(40) + last

    assert credentials.store(b"%PDF-1.7\n<< >>\nstream\n" + box + b"\nendstream\n%%EOF") == box


@pytest.mark.parametrize("form", FORMS)
def test_the_walk_finds_the_history(form: str, files: Made) -> None:
    """An export has cover and edit in it, each signed, and names the edit as its parent by hash."""
    made = credentials.manifests(files["eu", "export", form])
    parents = [next(each for name, each in m.assertions.items() if "ingredient" in name) for m in made[1:]]

    assert [each.signed and each.whole for each in made] == [True] * 3
    assert [each.actions for each in made] == [
        ["c2pa.created", "c2pa.addedText"],
        ["c2pa.opened", "c2pa.edited"],
        ["c2pa.opened", "c2pa.converted", "c2pa.published"],
    ]
    assert [each.value["relationship"] for each in parents] == ["parentOf", "parentOf"]
    named = [each.value["activeManifest"]["url"].rpartition("/")[2] for each in parents]
    assert named == [each.label for each in made[:-1]]


@pytest.mark.parametrize("stage", ["cover", "export"])
@pytest.mark.parametrize("form", FORMS)
def test_xmp_parsed_as_xml_has_the_source_and_in_china_the_label(form: str, stage: str, files: Made) -> None:
    """Where programs for pictures and documents look for it; the label's JSON is that of GB 45438-2025."""
    here, elsewhere = (_description(files[region, stage, form], form) for region in REGIONS)

    assert [each.findtext(SOURCE) for each in (here, elsewhere)] == [COMPOSITE, COMPOSITE]
    label = json.loads(here.findtext(AIGC) or "")
    number = "0d4f:1" if stage == "cover" else "0d4f:export:1"
    assert (label["Label"], label["ContentProducer"], label["ProduceID"]) == ("1", "Covergen-development", number)
    assert elsewhere.find(AIGC) is None


def _description(data: bytes, form: str) -> ET.Element:
    """The one description of the packet, found by a library that knows the format."""
    if form == "PDF":
        stream = catalogue(pypdf.PdfReader(io.BytesIO(data)))["/Metadata"].get_data()
    else:
        with Image.open(io.BytesIO(data)) as image:
            stream = image.info.get("xmp") or image.info["XML:com.adobe.xmp"]
    root = ET.fromstring(stream)  # noqa: S314 -- our own
    found = root.find(f"{RDF}RDF/{RDF}Description")
    assert found is not None
    return found


def catalogue(reader: pypdf.PdfReader) -> Any:
    """The head of a document's objects."""
    return reader.trailer["/Root"].get_object()


def test_a_pdf_has_its_credentials_where_c2pa_says(files: Made) -> None:
    """An associated file with the relationship `C2PA_Manifest`, whole; and the document still has its page."""
    for stage in ("cover", "export"):
        reader = pypdf.PdfReader(io.BytesIO(files["eu", stage, "PDF"]))
        (attached,) = (each.get_object() for each in catalogue(reader)["/AF"])
        image = reader.pages[0].images[0].image

        assert attached["/AFRelationship"] == "/C2PA_Manifest"
        assert attached["/EF"]["/F"].get_data() == credentials.store(files["eu", stage, "PDF"])
        assert len(reader.pages) == 1
        assert image is not None
        assert image.size == (400, 640)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_the_label_is_seen_in_china_alone(form: str, files: Made) -> None:
    """White letters on a dark ground in the corner, and nowhere else another picture; elsewhere none. A PDF keeps the
    label of the picture it is made from."""
    plain = Image.open(io.BytesIO(drawn(form))).convert("RGB")
    here, elsewhere = (Image.open(io.BytesIO(files[region, "cover", form])).convert("RGB") for region in REGIONS)
    box = ImageChops.difference(here, plain).point(lambda level: 255 * (level > 60)).getbbox()  # type: ignore[no-untyped-call,unused-ignore]  # Pillow's type of `point`

    assert ImageChops.difference(elsewhere, plain).getbbox() is None
    assert box is not None
    assert box[0] > 200
    assert box[1] > 560
    corner = np.asarray(here.crop(box).convert("L"))
    assert (corner.min() < 60, corner.max() > 200) == (True, True)


@needs_c2pa_ts
def test_another_implementation_validates_png_and_jpeg(files: Made, tmp_path: Path) -> None:
    """c2pa-ts: the signature and every hash are good, of covers and of exports with their history; one other byte of
    the picture is told as what it is."""
    rows = [(stage, form, bad) for stage in ("cover", "export") for form in ("PNG", "JPEG") for bad in (False, True)]
    paths = []
    for number, (stage, form, bad) in enumerate(rows):
        data = files["cn-beijing", stage, form]
        paths.append(tmp_path / f"{number}.{form.lower()}")
        paths[-1].write_bytes(tampered(data, form) if bad else data)
    found = [json.loads(line) for line in run("node", str(HERE / "validate.mjs"), *map(str, paths)).splitlines()]

    assert len(found) == len(rows)
    for row, told in zip(rows, found, strict=True):
        codes = dict(told["codes"])
        assert (told["found"], told["valid"]) == (True, not row[2]), (row, told)
        assert codes["claimSignature.validated"]
        assert ("assertion.dataHash.mismatch" if row[2] else "assertion.dataHash.match") in codes


@pytest.mark.parametrize("form", FORMS)
def test_exiftool_reads_them(form: str, files: Made, tmp_path: Path) -> None:
    """Claim generator, actions, source types and both labels, by the names that its users know."""
    path = tmp_path / f"export.{form.lower()}"
    path.write_bytes(files["cn-beijing", "export", form])
    tool, version = exiftool()
    told: dict[str, Any] = json.loads(run(*tool, "-j", "-G3", "-struct", "-a", str(path)))[0]
    tags: dict[str, list[Any]] = {}
    for name, value in told.items():
        tags.setdefault(name.rpartition(":")[2], []).append(value)

    assert tags["DigitalSourceType"] == [COMPOSITE]
    assert json.loads(str(tags["Aigc"][0]))["Label"] == "1"
    assert "Warning" not in tags
    if form in ("WEBP", "PDF") and version < NEWEST_FORMATS:
        pytest.skip(f"ExifTool {version} does not look for credentials in {form}: {INSTALL}")
    text = json.dumps(told)
    assert text.count('"Covergen"') >= 3
    assert all(word in text for word in ("c2pa.created", "c2pa.edited", "c2pa.published", TRAINED, "parentOf"))


def exiftool() -> tuple[list[str], float]:
    """How it is called, and its version; the test is skipped where there is none."""
    own = [shutil.which("perl") or "", str(EXIFTOOL)] if EXIFTOOL.exists() and shutil.which("perl") else None
    system = shutil.which("exiftool")
    if own is None and system is None:
        pytest.skip(f"ExifTool is not installed: {INSTALL}")
    tool = own or [system or ""]
    return tool, float(run(*tool, "-ver"))


def run(*words: str) -> str:
    """What a program of ours to choose prints."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout
