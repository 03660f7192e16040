"""The typesetter: contrast measured again from the pixels, margins, line breaks, missing glyphs, hostile pictures."""

import hashlib
import io
import pickle
import subprocess
import sys
import zlib
from importlib import resources
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from PIL import Image, ImageFilter

from adapters.images import PaintOrder
from adapters.images.painter import FAMILIES, paint
from adapters.typesetter import (
    FORMATS,
    PAIRINGS,
    Composition,
    TypeOrder,
    UnprintableText,
    UnreadablePicture,
    compose,
    resize_thumbnail,
)
from adapters.typesetter.fonts import FACES, installed, missing
from adapters.typesetter.grids import SAFE
from adapters.typesetter.lines import WEAK, breakings

ROOT = Path(__file__).parents[2]
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
SHAPES = {"ebook": (400, 640), "square": (500, 500), "thumbnail": (640, 360)}
TITLES = (
    "It",
    "Dune",
    "The Cartographer of Lost Rivers",
    "Incomprehensibilities",
    "How to Read the Sky: a patient beginner's guide to stars, planets, weather and the long quiet nights between them",
)


def art(family: str = "landscape", size: tuple[int, int] = (400, 640), seed: int = 5) -> bytes:
    """A small painted picture."""
    return paint(PaintOrder(prompt="", family=family, width=size[0], height=size[1], seed=seed)).data


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (400, 640)) -> bytes:
    """A picture of one colour."""
    return png(Image.new("RGB", size, colour))


def noise(size: tuple[int, int] = (400, 640)) -> bytes:
    """The worst art to print on: every pixel black or white by chance, in blocks of three."""
    cells = np.random.default_rng(1).random((size[1] // 3 + 1, size[0] // 3 + 1)) > 0.5
    block = np.kron(cells, np.ones((3, 3), bool))[: size[1], : size[0]]
    return png(Image.fromarray((block * 255).astype(np.uint8)).convert("RGB"))


def png(image: Image.Image) -> bytes:
    """Encode."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def order(title: str = "The Cartographer", size: tuple[int, int] = (400, 640), **words: str) -> TypeOrder:
    """An order with subtitle and author unless told otherwise."""
    return TypeOrder(
        title=title,
        subtitle=words.get("subtitle", "A novel of the north") or None,
        author=words.get("author", "Elena Marchetti") or None,
        typography=words.get("typography", "literary"),
        width=size[0],
        height=size[1],
    )


def luminance(rgb: Array) -> Array:
    """WCAG 2 relative luminance, written here again from the standard."""
    c = rgb / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def measured(made: Composition, index: int) -> float:
    """Contrast of one block from the finished pixels: its colour against the ground close round its letters.

    The ground is the ring of pixels 3 to 5 away from any pixel of the words' own colour, past the soft edges; of its
    ratios the one at the worst tenth counts.
    """
    item = made.layout.placed[index]
    picture = np.asarray(Image.open(io.BytesIO(made.picture.data)).convert("RGB"), np.float64)
    x, y, w, h = item.box
    crop = picture[max(y - 6, 0) : y + h + 6, max(x - 6, 0) : x + w + 6]
    mine = np.array([int(item.colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)
    letters = Image.fromarray((np.abs(crop - mine).max(axis=2) < 2).astype(np.uint8) * 255)
    near, far = (np.asarray(letters.filter(ImageFilter.MaxFilter(side))) > 0 for side in (5, 11))
    ring = crop[far & ~near]
    assert len(ring) > 20
    words, ground = luminance(mine[None, :])[0], luminance(ring)
    return float(np.percentile((np.maximum(words, ground) + 0.05) / (np.minimum(words, ground) + 0.05), 10))


PAGE = (640, 1024)


@pytest.mark.parametrize("family", FAMILIES)
def test_type_is_readable_on_every_family(family: str) -> None:
    """Every block reaches 4.5:1, by its own word and by a measure of the finished pixels."""
    ground = art(family, PAGE)
    for title in TITLES:
        made = compose(ground, order(title, PAGE))
        assert made.layout.min_contrast >= 4.5
        assert min(measured(made, index) for index in range(len(made.layout.placed))) >= 4.5


@pytest.mark.parametrize(
    "background",
    [noise((800, 1280)), flat((128, 128, 128)), flat((255, 255, 255)), flat((0, 0, 0))],
    ids=["noise", "grey", "white", "black"],
)
@pytest.mark.parametrize("typography", ["literary", "thriller", "children"])
def test_hard_backgrounds_are_treated_until_type_reads(background: bytes, typography: str) -> None:
    """On noise, middle grey, white and black the ratio is reached all the same."""
    made = compose(background, order(size=PAGE, typography=typography))
    assert made.layout.min_contrast >= 4.5
    assert min(measured(made, index) for index in range(3)) >= 4.5


def test_calm_art_is_left_alone() -> None:
    """Nothing is laid over art on which the words read well."""
    made = compose(flat((20, 30, 60)), order())
    assert {item.treatment for item in made.layout.placed} == {"none"}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("typography", PAIRINGS)
def test_nothing_is_clipped_or_overlaps(shape: str, typography: str) -> None:
    """All ink lies inside the safe margins and no block touches another, for all shapes, titles and pairings."""
    ground = flat((30, 40, 70), SHAPES[shape])
    for title in TITLES:
        _check_boxes(compose(ground, order(title, SHAPES[shape], typography=typography)))


def _check_boxes(made: Composition) -> None:
    size = made.layout.width, made.layout.height
    margin = SAFE * min(size) * 0.7
    boxes = [item.box for item in made.layout.placed]
    assert len(boxes) == 3
    for x, y, w, h in boxes:
        assert x >= margin
        assert y >= margin
        assert x + w <= size[0] - margin
        assert y + h <= size[1] - margin
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[1] >= b[1] + b[3] or b[1] >= a[1] + a[3] or a[0] >= b[0] + b[2] or b[0] >= a[0] + a[2]


def test_all_words_are_set() -> None:
    """The lines together are the title as typed, also at 150 characters."""
    title = TITLES[-1]
    made = compose(flat((30, 40, 70)), order(title))
    assert " ".join(made.layout.placed[0].lines) == title


def test_the_title_leads() -> None:
    """Title, subtitle, author: in that order of size; the subtitle is at least 1.6 times smaller."""
    made = compose(flat((30, 40, 70), (800, 1280)), order("Nine Quiet Rooms", (800, 1280)))
    title, subtitle, author = (item.size for item in made.layout.placed)
    assert title >= 1.6 * subtitle
    assert subtitle >= author * 0.9


def test_calm_places_are_preferred() -> None:
    """With a pattern above and calm below, the title goes below; turned over, above."""
    pattern = Image.open(io.BytesIO(noise((400, 330))))
    page = Image.new("RGB", (400, 640), (20, 24, 40))
    page.paste(pattern, (0, 0))
    low = compose(png(page), order(author="", subtitle="")).layout.placed[0].box
    high = compose(png(page.rotate(180)), order(author="", subtitle="")).layout.placed[0].box
    assert low[1] >= 330
    assert high[1] + high[3] <= 310


def test_lines_break_by_meaning() -> None:
    """No line ends on an article or preposition when it can be helped."""
    for text in ("The Name of the Rose", "A Room of One's Own", "The Old Man and the Sea"):
        for broken in breakings(text, lambda line: float(len(line)), 2):
            assert " ".join(broken) == text
            assert not any(line.split()[-1].lower() in WEAK for line in broken[:-1] if len(line.split()) > 1)


def test_a_word_without_spaces_is_still_set() -> None:
    """A title of 150 letters without a space is cut into lines, whole, inside the page."""
    made = compose(flat((30, 40, 70)), order("abcdefghij" * 15, author="", subtitle=""))
    assert "".join(made.layout.placed[0].lines) == "abcdefghij" * 15
    assert made.layout.placed[0].size >= 10


@pytest.mark.parametrize("typography", PAIRINGS)
@pytest.mark.parametrize(
    "title", ["Čeština žluťoučká", "Łódź i Gdańsk", "Война и мир", "Ὀδύσσεια Ομήρου", "Île de Ré", "Straße"]
)
def test_scripts_of_europe_are_printed(typography: str, title: str) -> None:
    """Latin with diacritics, Cyrillic and Greek are set in a face that has every glyph."""
    placed = compose(flat((30, 40, 70)), order(title, typography=typography)).layout.placed[0]
    assert missing(placed.font, "".join(placed.lines)) == ""


def test_missing_glyphs_are_named() -> None:
    """Characters no face has raise an error that names the field and the characters, also across processes."""
    with pytest.raises(UnprintableText) as caught:
        compose(flat((30, 40, 70)), order("Moby ᚠᚢ Dick"))
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes: the error crosses a process pool
    assert (caught.value.field, caught.value.characters) == ("title", "ᚠᚢ")
    assert (again.field, again.characters) == ("title", "ᚠᚢ")
    with pytest.raises(UnprintableText, match="author"):
        compose(flat((30, 40, 70)), order(author="ᚠᚢ"))
    with pytest.raises(UnprintableText, match=r"emoji.*🚀"):
        compose(flat((30, 40, 70)), order("Moon 🚀 base"))


@pytest.mark.parametrize(
    "wrong", [order("  "), order("a" * 151), order(typography="comic")], ids=["empty", "long", "pairing"]
)
def test_impossible_orders_are_refused(wrong: TypeOrder) -> None:
    """An empty title, a title over 150 characters and an unknown pairing raise ValueError."""
    with pytest.raises(ValueError, match=r"title|pairing"):
        compose(flat((30, 40, 70)), wrong)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it is enormous."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000), 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [bomb(6000, 6000), bomb(13000, 13000), bomb(40000, 40000), b"", b"GIF89a", flat((1, 2, 3))[:-40]],
    ids=["36 Mpx", "169 Mpx", "1600 Mpx", "empty", "gif", "cut short"],
)
def test_hostile_pictures_are_refused(data: bytes) -> None:
    """Pictures over the pixel limit, other formats and broken files raise UnreadablePicture before they fill memory."""
    with pytest.raises(UnreadablePicture):
        compose(data, order())
    with pytest.raises(UnreadablePicture):
        resize_thumbnail(data)


def test_two_processes_compose_the_same_bytes() -> None:
    """Art, type and thumbnail are the same bytes in a fresh process."""
    code = (
        "import hashlib\n"
        "from adapters.images import PaintOrder\n"
        "from adapters.images.painter import paint\n"
        "from adapters.typesetter import TypeOrder, compose\n"
        "art = paint(PaintOrder(prompt='', family='city', width=240, height=384, seed=2)).data\n"
        "order = TypeOrder(title='Cold Harbour', author='Ian Rask', typography='crime', width=240, height=384)\n"
        "made = compose(art, order)\n"
        "print(hashlib.sha256(made.picture.data + made.thumbnail.data).hexdigest())\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert next(iter(runs))


def test_thumbnail_and_resizing() -> None:
    """Each cover has a thumbnail 320 pixels wide of the same shape; other art is cropped to the page."""
    made = compose(art(size=(300, 300)), order())
    assert (made.thumbnail.width, made.thumbnail.height) == (320, 512)
    assert Image.open(io.BytesIO(made.thumbnail.data)).size == (320, 512)
    assert Image.open(io.BytesIO(made.picture.data)).size == (400, 640)
    assert resize_thumbnail(made.picture.data, 100).height == 160


def test_every_face_is_licensed_and_hashed() -> None:
    """Each file has the Open Font License of its family beside it, and the layout carries the file's true hash."""
    folder = resources.files("adapters.typesetter").joinpath("fonts")
    licences = [item.read_text() for item in folder.iterdir() if item.name.startswith("OFL-")]
    assert all("SIL OPEN FONT LICENSE Version 1.1" in " ".join(text.split()) for text in licences)
    ours = {face.file for face in FACES.values() if face.package == "adapters.typesetter"}
    assert ours == {i.name for i in folder.iterdir() if i.name.endswith(".ttf")}
    assert installed("Noto Sans CJK Bold")
    placed = compose(flat((30, 40, 70)), order()).layout.placed[0]
    file = folder.joinpath(FACES[placed.font].file)
    assert placed.font_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_pairings_use_at_most_two_faces_that_exist() -> None:
    """Every pairing names faces that ship here."""
    assert all({pairing.title, pairing.text} <= set(FACES) for pairing in PAIRINGS.values())
    assert FORMATS["ebook"].width * FORMATS["ebook"].height == 1600 * 2560
