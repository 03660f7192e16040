"""Anybody's file made to a picture of ours: judged by its bytes, turned upright, in sRGB, and nothing but pixels.

For worker processes. What a file says beside its pixels goes: EXIF with its places, texts, thumbnails, profiles (after
the colours were brought to sRGB). Its AI labels are written into the new file, so that what is made from it still
tells them; its Content Credentials are read and told, not kept, as no signature would fit the new file.
The same file gives the same bytes.
"""

import io
import resource
import warnings
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat, UnidentifiedImageError

from adapters.images.fitting import REPAINT
from adapters.images.received import NotTaken, Received
from adapters.objects import MAX_OBJECT
from adapters.provenance.apart import Unreadable
from adapters.provenance.claims import VOCABULARY
from adapters.provenance.containers import JPEG, PNG, WEBP, BrokenContainer, embedded, kind
from adapters.provenance.metadata import xmp
from adapters.provenance.reading import read
from contracts.provenance import Provenance
from contracts.uploads import MAX_PIXELS, MAX_SIDE, FoundCredentials, Purpose

MEMORY = 3 * 1024**3
"""Bytes of address space that a process may take: 50 million pixels are 200 MB, several times over."""
FORMATS = ("PNG", "JPEG", "WEBP")
ALBUM = "MPO"
"""What Pillow calls a JPEG with more pictures behind it, as telephones write them: previews, depth, gain maps. The
first one is the photo."""
DAMAGED = "the picture is cut short or damaged"
SMALLEST: Mapping[Purpose, int] = {"image": 64, "mask": 16, "logo": 16}
"""Pixels of the shorter side."""
JPEG_QUALITY = 95
PNG_LEVEL = 3
JUDGED = 1024
"""Longest side of a logo as it is judged."""
ROOM = 64
"""The shorter side of the same, at least."""
DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
"""Modes of more than 8 bits a channel."""


def receive_within(data: bytes, purpose: Purpose, trust: Path | None) -> Received:
    """`receive` with a limit on memory, which stays on this process: for those that do nothing else."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard), hard))
    return receive(data, purpose, trust)


def receive(data: bytes, purpose: Purpose, trust: Path | None) -> Received:
    """The picture as it is kept. `trust`: see `provenance.reading.read`. Raises NotTaken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image, came_as = _opened(data, SMALLEST[purpose])
            image = _upright(image)
            told = _told(data, trust)
            if purpose == "mask":
                mask = _mask(image)
                white = sum(mask.histogram()[REPAINT:]) / (mask.width * mask.height)
                return msgspec.structs.replace(_received(mask, "PNG", None), marked=white)
            return _finished(_plain(image), came_as, purpose, told)
    except NotTaken:
        raise
    except (MemoryError, Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise NotTaken(f"the picture has more than {MAX_PIXELS // 10**6} million pixels") from None
    except (OSError, SyntaxError, ValueError, EOFError, BrokenContainer):  # what decoders raise for damaged files
        raise NotTaken(DAMAGED) from None


def _opened(data: bytes, smallest: int) -> tuple[Image.Image, str]:
    """The decoded picture and its format; sizes and frames are looked at before a pixel is."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if kind(data) in (PNG, JPEG, WEBP):
            raise NotTaken(DAMAGED) from None
        raise NotTaken("this is no PNG, JPEG or WebP picture") from None
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise NotTaken(f"the picture has more than {MAX_PIXELS // 10**6} million pixels")
    if max(width, height) > MAX_SIDE:
        raise NotTaken(f"a side of the picture has more than {MAX_SIDE} pixels")
    if min(width, height) < smallest:
        raise NotTaken(f"a side of the picture has less than {smallest} pixels")
    came_as = "JPEG" if image.format == ALBUM else image.format or "PNG"
    if image.format != ALBUM and getattr(image, "n_frames", 1) > 1:
        raise NotTaken("the picture is an animation: send one of its frames")
    image.load()
    return image, came_as


def _upright(image: Image.Image) -> Image.Image:
    """As EXIF says it is to be seen. Broken EXIF turns nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, OverflowError):
        return image


def _plain(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something shines through, with 8 bits a channel in sRGB, and nothing beside the pixels."""
    if image.mode in DEEP:
        image = _shallow(image)
    transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    profile = image.info.get("icc_profile")
    plain = (
        image.convert("RGBA" if transparent else "RGB") if profile is None else _in_srgb(image, profile, transparent)
    )
    plain.info = {}
    if plain.mode == "RGBA" and plain.getchannel("A").getextrema() == (255, 255):
        return plain.convert("RGB")
    return plain


def _shallow(image: Image.Image) -> Image.Image:
    """16 bits of grey as 8; what is stored as whole numbers or fractions is spread over what it uses."""
    levels = np.asarray(image).astype(np.float64)
    top = 65535.0 if image.mode.startswith("I") else max(float(levels.max(initial=0.0)), 1e-9)
    return Image.fromarray(np.clip(np.rint(levels * (255.0 / top)), 0, 255).astype(np.uint8))


def _in_srgb(image: Image.Image, profile: bytes, transparent: bool) -> Image.Image:
    """The colours that the file's own profile means; a profile that cannot be read means nothing."""
    alpha = image.convert("RGBA").getchannel("A") if transparent else None
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        found = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        found = None
    plain = found if found is not None else image.convert("RGB")
    if alpha is not None:
        plain.putalpha(alpha)
    return plain


def _mask(image: Image.Image) -> Image.Image:
    """One grey channel. What is transparent is black: drawing programs give strokes on nothing."""
    if image.mode in DEEP:
        return _shallow(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        return ImageChops.multiply(layered.convert("L"), layered.getchannel("A"))
    return image.convert("L")


def _finished(image: Image.Image, came_as: str, purpose: Purpose, told: Provenance | None) -> Received:
    """An `image` has no transparency, which no cover can have: it is laid on white."""
    shown = None
    if image.mode == "RGBA" and purpose == "logo":
        shown = _encoded(_judged(image), "PNG")
    elif image.mode == "RGBA":
        page = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(page, image).convert("RGB")
    return _received(image, "JPEG" if came_as == "JPEG" else "PNG", told, shown)


def _judged(logo: Image.Image) -> Image.Image:
    """A logo on that ground, black or white, on which more of it is seen, with room around it."""
    logo = logo.copy()
    logo.thumbnail((JUDGED, JUDGED))
    ink = ImageStat.Stat(logo.convert("L"), logo.getchannel("A")).mean[0] if logo.getchannel("A").getbbox() else 0
    size = tuple(max(side + 2 * (ROOM // 4), ROOM) for side in logo.size)
    page = Image.new("RGB", (size[0], size[1]), "black" if ink > 127 else "white")
    page.paste(logo, ((size[0] - logo.width) // 2, (size[1] - logo.height) // 2), logo)
    return page


def _received(image: Image.Image, form: str, told: Provenance | None, shown: bytes | None = None) -> Received:
    """Encoded; as JPEG where it came so, or where a PNG would be too large to be kept."""
    data = _encoded(image, form)
    if len(data) > MAX_OBJECT and image.mode == "RGB":
        form, data = "JPEG", _encoded(image, "JPEG")
    if len(data) > MAX_OBJECT:
        raise NotTaken("the picture has too much detail to be kept")
    media_type = JPEG if form == "JPEG" else PNG
    source = None if told is None else told.digital_source_type
    if source is not None and source.startswith(VOCABULARY):
        data = embedded(data, media_type, xmp(source, None), None)
    credentials = None if told is None or not told.found else _credentials(told)
    return Received(
        data=data,
        media_type=media_type,
        width=image.width,
        height=image.height,
        shown=shown,
        credentials=credentials,
    )


def _encoded(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    image.info = {}
    if form == "JPEG":
        image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        image.save(out, "PNG", compress_level=PNG_LEVEL)
    return out.getvalue()


def _told(data: bytes, trust: Path | None) -> Provenance | None:
    try:
        return read(data, trust)
    except Unreadable:
        return None


def _credentials(told: Provenance) -> FoundCredentials:
    return FoundCredentials(
        valid=told.valid,
        trusted=told.trusted,
        issuer=told.issuer,
        claim_generator=told.claim_generator,
        digital_source_type=told.digital_source_type,
    )
