"""What the contact sheets show."""

import argparse
import io
from pathlib import Path

import pytest
from PIL import Image

from adapters.images.painter import FAMILIES
from ops.commands import gallery
from ops.commands.base import CommandFailed
from ops.settings import read_settings


def page(colour: str) -> bytes:
    """A page of one colour; PNG."""
    out = io.BytesIO()
    Image.new("RGB", (80, 128), colour).save(out, "PNG")
    return out.getvalue()


def test_the_shelf_has_every_family_and_many_scripts() -> None:
    """Each of the painter's families is in it, and letters of seven scripts."""
    covers = gallery.shelf()
    titles = "".join(str(words["title"]) for _, words in covers)

    assert {style["family"] for style, _ in covers} == set(FAMILIES)
    assert all(letter in titles for letter in ("W", "é", "Ч", "م", "雪", "の", "소"))


def test_the_sheet_of_styles_has_all_of_them_once() -> None:
    """One sample for each of the seeds, each with words of its own."""
    samples = gallery.samples()

    assert [style["name"] for style, _ in samples] == [style["name"] for style in gallery.seeds()]
    assert len({words["title"] for _, words in samples}) == len(samples)


def test_pages_stand_side_by_side_in_their_order() -> None:
    """Three pages at two in a row: the third begins the second row."""
    sheet = gallery.contact_sheet(iter([page("#ff0000"), page("#00ff00"), page("#0000ff")]), 3, 2)
    wide, tall = (gallery.SHOWN[side] + gallery.GAP for side in (0, 1))
    middles = [sheet.getpixel((wide * x + wide // 2, tall * y + tall // 2)) for x, y in ((0, 0), (1, 0), (0, 1))]

    assert middles == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert sheet.size == (2 * wide + gallery.GAP, 2 * tall + gallery.GAP)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with the reason."""
    monkeypatch.setattr(gallery, "samples", lambda: gallery.shelf()[:1])
    settings = read_settings({"COVERGEN_HOME": str(tmp_path)}, tmp_path / "none")
    nowhere = argparse.Namespace(shelf=False, output=tmp_path / "no" / "sheet.png")

    with pytest.raises(CommandFailed, match=r"sheet\.png cannot be written"):
        gallery.run_gallery(settings, nowhere)
