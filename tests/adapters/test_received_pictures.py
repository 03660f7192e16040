"""Files that users send: what is taken, what it becomes, and what each that is not taken is told."""

import io
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from adapters.images.received import NotTaken, Received
from adapters.images.receiving import receive
from adapters.provenance.chain import SigningFiles, development_chain
from adapters.provenance.claims import TRAINED, Agent, Claim
from adapters.provenance.containers import packet
from adapters.provenance.metadata import source_in
from adapters.provenance.signing import sign
from contracts.uploads import Purpose

PHOTO = Image.radial_gradient("L").convert("RGB")
SECRET = "51.5007,0.1246"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(received: Received) -> Image.Image:
    image = Image.open(io.BytesIO(received.data))
    image.load()
    assert image.size == (received.width, received.height)
    return image


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it has this size, and has next to no data: a decompression bomb."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def sixteen_bits() -> Image.Image:
    """Grey from black at the top to white at the bottom, in 16 bits."""
    return Image.fromarray(np.arange(256 * 256, dtype=np.uint32).reshape(256, 256).astype(np.uint16))


MANY = [PHOTO.rotate(9)]
BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "no PNG, JPEG or WebP"),
    "text": (b"hello", "no PNG, JPEG or WebP"),
    "a GIF": (encoded(PHOTO, "GIF"), "no PNG, JPEG or WebP"),
    "a TIFF": (encoded(PHOTO, "TIFF"), "no PNG, JPEG or WebP"),
    "a head alone": (b"\x89PNG\r\n\x1a\n", "cut short or damaged"),
    "a PNG cut short": (encoded(Image.effect_noise((300, 300), 60))[:9000], "cut short or damaged"),
    "a JPEG cut short": (encoded(Image.effect_noise((300, 300), 60), "JPEG")[:9000], "cut short or damaged"),
    "a WebP cut short": (encoded(Image.effect_noise((300, 300), 60), "WEBP")[:3000], "cut short or damaged"),
    "a PNG with a changed byte": (encoded(PHOTO).replace(b"IDAT", b"IDAX", 1), "cut short or damaged"),
    "a bomb": (png_of(60_000, 60_000), "more than 50 million pixels"),
    "more pixels than are taken": (png_of(7100, 7100), "more than 50 million pixels"),
    "a ribbon": (png_of(20_000, 100), "more than 12000 pixels"),
    "an animated WebP": (encoded(PHOTO, "WEBP", save_all=True, append_images=MANY), "animation"),
    "an animated PNG": (encoded(PHOTO, "PNG", save_all=True, append_images=MANY), "animation"),
    "a speck": (encoded(PHOTO.resize((20, 20))), "less than 64 pixels"),
}


def test_of_a_photo_with_more_pictures_behind_it_the_photo_is_taken() -> None:
    """Telephones put previews and gain maps behind a JPEG; the first picture is the one that people see."""
    album = encoded(PHOTO, "MPO", save_all=True, append_images=MANY)
    assert Image.open(io.BytesIO(album)).format == "MPO"
    received = receive(album, "image", None)
    assert (received.media_type, received.width, received.height) == ("image/jpeg", *PHOTO.size)
    assert received.data == receive(encoded(PHOTO, "JPEG"), "image", None).data


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_taken_is_told_why(name: str) -> None:
    """One sentence for each kind of file that we do not keep."""
    data, why = BROKEN[name]
    with pytest.raises(NotTaken, match=why):
        receive(data, "image", None)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (encoded(PHOTO), "image/png"),
        (encoded(PHOTO, "WEBP", quality=95), "image/png"),
        (encoded(PHOTO, "JPEG", quality=95), "image/jpeg"),
        (encoded(PHOTO.convert("CMYK"), "JPEG", quality=95), "image/jpeg"),
        (encoded(PHOTO.quantize(256)), "image/png"),
    ],
    ids=["png", "webp", "jpeg", "cmyk", "palette"],
)
def test_what_is_taken_looks_the_same(data: bytes, media_type: str) -> None:
    """8-bit RGB whatever came, decided by the bytes; the same file gives the same bytes."""
    received = receive(data, "image", None)
    assert (received.media_type, opened(received).mode, received.shown) == (media_type, "RGB", None)
    difference = np.abs(np.asarray(opened(received), np.int16) - np.asarray(PHOTO, np.int16))
    assert difference.mean() < 3
    assert receive(data, "image", None) == received


def test_sixteen_bits_are_scaled_not_cut() -> None:
    """The middle stays the middle, for pictures and for masks."""
    for purpose in PURPOSES_OF_GREY:
        levels = np.asarray(opened(receive(encoded(sixteen_bits()), purpose, None)).convert("L"))
        assert [int(levels[row, 0]) for row in (0, 64, 128, 192)] == [0, 64, 128, 191]


PURPOSES_OF_GREY: tuple[Purpose, ...] = ("image", "mask")


def test_a_photo_is_turned_upright_and_tells_no_place() -> None:
    """The orientation of EXIF is applied, and nothing of it is left, whichever way the phone was held."""
    half = Image.new("RGB", (300, 100), "white")
    half.paste("red", (0, 0, 150, 100))
    for orientation, where in ((1, (10, 50)), (3, (290, 50)), (6, (50, 10)), (8, (50, 290))):
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = orientation, SECRET
        exif.get_ifd(0x8825)[1] = "N"
        data = encoded(half, "JPEG", exif=exif, quality=95, comment=SECRET.encode())
        assert SECRET.encode() in data
        received = receive(data, "image", None)
        image = opened(received)
        assert image.size == ((300, 100) if orientation in (1, 3) else (100, 300))
        pixel = image.getpixel(where)
        assert isinstance(pixel, tuple)
        assert pixel[0] > 230
        assert pixel[1] < 60
        assert SECRET.encode() not in received.data
        assert b"Exif" not in received.data
        assert len(image.getexif()) == 0


def test_texts_of_a_png_go_and_its_profile_is_applied() -> None:
    """Colours are brought to sRGB; what cannot be read as a profile is taken for none."""
    info = {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()}
    strange = receive(encoded(PHOTO, "PNG", icc_profile=b"rubbish"), "image", None)
    assert np.array_equal(np.asarray(opened(strange)), np.asarray(PHOTO))
    wrong = receive(encoded(PHOTO, "PNG", **info), "image", None)
    assert np.array_equal(np.asarray(opened(wrong)), np.asarray(PHOTO))
    assert opened(strange).info == {}


def test_transparency_stays_for_logos_alone() -> None:
    """A picture is laid on white; a logo is kept, and judged on the ground on which it is seen."""
    logo = Image.new("LA", (120, 40), (255, 0))
    logo.paste((255, 255), (20, 10, 100, 30))
    kept = receive(encoded(logo), "logo", None)
    assert (opened(kept).mode, kept.shown is not None) == ("RGBA", True)
    shown = Image.open(io.BytesIO(kept.shown or b""))
    assert min(shown.size) >= 64
    assert shown.convert("L").getextrema() == (0, 255), "a white logo is seen on black"
    page = opened(receive(encoded(logo.resize((240, 80))), "image", None))
    assert (page.mode, page.getextrema()) == ("RGB", ((255, 255),) * 3)


def test_a_mask_becomes_one_grey_channel() -> None:
    """Colours are greyed; what is transparent is black, as drawing programs give strokes on nothing."""
    strokes = Image.new("RGBA", (64, 48), (255, 255, 255, 0))
    strokes.paste((255, 255, 255, 255), (8, 8, 24, 24))
    mask = opened(receive(encoded(strokes), "mask", None))
    assert (mask.mode, mask.size, mask.getpixel((10, 10)), mask.getpixel((40, 40))) == ("L", (64, 48), 255, 0)
    assert opened(receive(encoded(PHOTO, "JPEG"), "mask", None)).format == "PNG"


def test_credentials_are_told_and_ai_labels_kept(tmp_path: Path) -> None:
    """Content Credentials are noted with their validity; the label in the new file says the same of its origin."""
    chain = development_chain()
    files = SigningFiles(certificates=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    files.certificates.write_bytes(chain.certificates)
    files.key.write_bytes(chain.key)
    claim = Claim(
        agent=Agent("Camera", "2"), cover_id="c", version="1", model=Agent("dreams", "3"), at=datetime.now(UTC)
    )
    received = receive(sign(encoded(PHOTO), claim, files), "image", None)
    assert received.credentials is not None
    assert (received.credentials.valid, received.credentials.trusted) == (True, False)
    assert received.credentials.claim_generator == "Camera 2"
    label = source_in(packet(received.data))
    assert label is not None
    assert label == received.credentials.digital_source_type != TRAINED, "type was set on it"
    assert b"caBX" not in received.data
    assert receive(encoded(PHOTO), "image", None).credentials is None
