"""Scripts of the world on covers: faces, line breaks, direction, capitals, and the thumbnail test."""

import io

import numpy as np
import pytest
from PIL import Image

from adapters.typesetter import Composition, TypeOrder, compose
from adapters.typesetter.fonts import FACES, sha256
from adapters.typesetter.legibility import scale_of
from adapters.typesetter.lines import breakings, units
from adapters.typesetter.runs import line, split
from adapters.typesetter.scripts import capitals, is_rtl, language_of, script_of
from adapters.typesetter.words import words_of

NO_START = "、。」』）ーっゃゅょァィッ々！？"
NO_END = "「『（"


def cover(
    title: str, typography: str = "literary", size: tuple[int, int] = (480, 768), ground: int = 30
) -> Composition:
    """A title on flat art."""
    out = io.BytesIO()
    Image.new("RGB", size, (ground, ground, ground + 20)).save(out, "PNG")
    return compose(out.getvalue(), TypeOrder(title=title, typography=typography, width=size[0], height=size[1]))


@pytest.mark.parametrize("typography", ["literary", "thriller", "playful"])
@pytest.mark.parametrize(
    "title",
    [
        "Đường về nhà ấm áp",
        "Чайка",
        "Ἰλιάς",
        "חיים של אחרים",
        "مئة عام من العزلة",
        "雪国の夜",
        "三体：黑暗森林",
        "紅樓夢",
        "소년이 온다",
    ],
)
def test_every_script_is_set_with_faces_that_have_its_letters(typography: str, title: str) -> None:
    """Each pairing sets each script, legibly also as a thumbnail, and names the files of all faces it used."""
    layout = cover(title, typography).layout
    placed = layout.placed[0]
    assert placed.faces == {face: sha256(face) for face in placed.faces}
    assert placed.font in placed.faces
    assert layout.thumbnail is not None
    assert layout.thumbnail.legible


def test_mixed_scripts_take_a_face_each() -> None:
    """Latin letters and digits in a Japanese title stay in the pairing's face and the digits beside kanji in theirs."""
    words = words_of(TypeOrder(title="AI時代の本 2030", typography="classic", width=100, height=100))["title"]
    found = split(words.text, words.style)
    assert found[0] == ("EB Garamond Medium", "AI")
    assert found[1][0] == "Zen Old Mincho Bold"
    assert len(cover("AI時代の本 2030", "classic").layout.placed[0].faces) == 2


def test_right_to_left_lines_run_from_the_right() -> None:
    """In a Hebrew title the first word stands at the right, and a number in it keeps its digits' order."""
    picture = cover("אב ללללל", "nonfiction", (900, 400)).picture
    pixels = np.asarray(Image.open(io.BytesIO(picture.data)).convert("L"), np.int16)
    columns = np.flatnonzero((pixels > 120).any(axis=0))
    gap = int(np.diff(columns).argmax())
    assert columns[-1] - columns[gap + 1] < columns[gap] - columns[0]
    assert is_rtl("2001 שנה")
    assert not is_rtl("2001 Years שנה")


def test_letters_that_join_are_not_parted() -> None:
    """Arabic has no tracking and is drawn whole, whatever the pairing's tracking is."""
    words = words_of(TypeOrder(title="موسم الهجرة", typography="deco", width=100, height=100))["title"]
    assert words.style.tracking == 0
    assert [piece.text for piece in line(words.text, words.style).pieces] == [words.text]
    assert words.style.rtl


@pytest.mark.parametrize(
    "title",
    [
        "「吾輩は猫である」、そして。",
        "世界の終りとハードボイルド・ワンダーランド",
        "ちょっと待ってください！",
        "三体：黑暗森林（第二部）、死神永生",
    ],
)
def test_lines_of_japanese_and_chinese_begin_and_end_as_they_may(title: str) -> None:
    """No line begins with a closing sign or a small kana, none ends with an opening one, and nothing is lost."""
    for broken in breakings(title, lambda part: float(len(part)), 4):
        assert "".join(broken) == title
        assert not any(part[0] in NO_START for part in broken[1:])
        assert not any(part[-1] in NO_END for part in broken[:-1])


def test_words_stay_whole_where_the_script_has_words() -> None:
    """Korean breaks at spaces, and words of katakana or of Latin letters are not parted."""
    assert [unit.text for unit in units("소년이 온다")] == ["소년이", "온다"]
    assert "ワンダーランド" in [unit.text for unit in units("不思議なワンダーランドへ")]
    assert "Python" in [unit.text for unit in units("実践Python入門")]


@pytest.mark.parametrize(
    ("text", "language"),
    [("雪国の夜", "ja"), ("소년이 온다", "ko"), ("三体", "zh-hans"), ("紅樓夢", "zh-hant"), ("Dune", None)],
)
def test_the_language_of_square_characters(text: str, language: str | None) -> None:
    """Kana, Hangul and the repertoires of simplified and traditional Chinese tell whose forms are wanted."""
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("Οδύσσεια", "ΟΔΥΣΣΕΙΑ"), ("μαΐου", "ΜΑΪΟΥ"), ("Straße", "STRASSE"), ("ışık iyi", "IŞIK İYİ"), ("Élan", "ÉLAN")],
)
def test_capitals_are_those_of_printers(text: str, wanted: str) -> None:
    """Greek loses its accents and keeps its dots, Turkish keeps its dot, French its accents."""
    assert capitals(text) == wanted


def test_stacked_accents_do_not_meet_the_line_above() -> None:
    """In capitals with two accents each, the ink of neighbouring lines is parted by a clear row of pixels."""
    made = cover("Ấm Ế Ộ ỘẬ ẤẾ ỆỘ ẬỆ ẤẾ ỘẬ ẨỂ", "thriller")
    placed = made.layout.placed[0]
    x, y, w, h = placed.box
    assert len(placed.lines) > 1
    pixels = np.asarray(Image.open(io.BytesIO(made.picture.data)).convert("L"))[y : y + h, x : x + w]
    empty = np.asarray((pixels < 60).all(axis=1))
    starts = np.flatnonzero(empty[1:] & ~empty[:-1])
    assert len(starts) >= len(placed.lines) - 1


@pytest.mark.parametrize("size", [(480, 768), (640, 360)])
@pytest.mark.parametrize("typography", ["fantasy", "science-fiction", "thriller", "poetry", "modern"])
def test_titles_of_150_characters_are_legible_as_thumbnails(typography: str, size: tuple[int, int]) -> None:
    """They are set larger, plainer or narrower until their letters are tall enough within 100 x 150 pixels."""
    title = ("How to read the sky: a patient guide to stars, planets, weather and the long quiet nights between " * 2)[
        :150
    ]
    layout = cover(title.strip(), typography, size).layout
    assert layout.thumbnail is not None
    assert layout.thumbnail.legible
    assert layout.thumbnail.height_px >= 3
    assert layout.placed[0].size * scale_of(*size) > layout.thumbnail.height_px


def test_a_title_too_faint_for_a_thumbnail_is_told() -> None:
    """150 Chinese characters cannot be read on a video thumbnail; the layout says so."""
    layout = cover("山" * 150, "literary", (640, 360)).layout
    assert layout.thumbnail is not None
    assert not layout.thumbnail.legible
    assert layout.thumbnail.height_px < 7


def test_scripts_and_faces() -> None:
    """Letters belong to scripts, digits and spaces to none; every face is under the Open Font License."""
    assert [script_of(c) for c in "aЖΩאع国한1 "] == [
        "latin",
        "cyrillic",
        "greek",
        "hebrew",
        "arabic",
        "cjk",
        "hangul",
        None,
        None,
    ]
    assert {face.licence for face in FACES.values()} == {"OFL-1.1"}
