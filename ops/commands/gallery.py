"""`gallery`: a contact sheet of every built-in style, or of a shelf of covers in many scripts, painted here and now."""

import argparse
import io
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from PIL import Image

from adapters.images import PaintOrder
from adapters.images.painter.model import paint
from adapters.typesetter import TypeOrder, compose
from ops.commands.base import CommandFailed, say
from ops.paths import ROOT
from ops.settings import Settings

PAGE = (1600, 2560)
SHOWN = (320, 512)
GAP = 20
IN_A_ROW = {"styles": 12, "shelf": 8}
PAPER = "#efece6"
SEED = 11
HERE = ROOT / "ops" / "commands"

Style = Mapping[str, Any]
Words = Mapping[str, str | None]


def run_gallery(settings: Settings, arguments: argparse.Namespace) -> int:
    """Paint, set, and lay out all styles, or the shelf that is in the README; returns 0."""
    kind = "shelf" if arguments.shelf else "styles"
    covers = shelf() if arguments.shelf else samples()
    with ProcessPoolExecutor(settings.paint_processes) as pool:
        pages = pool.map(made, *zip(*covers, strict=True))
        sheet = contact_sheet(pages, len(covers), IN_A_ROW[kind])
    try:
        sheet.save(arguments.output, quality=80)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{arguments.output} cannot be written: {error}") from error
    say(f"{arguments.output}: {len(covers)} {'covers' if arguments.shelf else 'styles'}")
    return 0


def seeds() -> list[Style]:
    """The built-in styles."""
    found: list[Style] = json.loads((ROOT / "nodes" / "templates" / "seeds.json").read_bytes())
    return found


def samples() -> list[tuple[Style, Words]]:
    """Every style with a title that it may be for."""
    words: Mapping[str, Words] = json.loads((HERE / "gallery.json").read_bytes())
    return [(style, words.get(style["name"]) or {"title": style["name"]}) for style in seeds()]


def shelf() -> list[tuple[Style, Words]]:
    """Covers of all families, some by prompts of their own, in many scripts."""
    styles = {style["name"]: style for style in seeds()}
    return [(styles[words["style"]], words) for words in json.loads((HERE / "shelf.json").read_bytes())]


def made(style: Style, words: Words) -> bytes:
    """One cover; PNG."""
    return compose(paint(art_order(style, words)).data, type_order(style, words)).picture.data


def art_order(style: Style, words: Words) -> PaintOrder:
    """Its art, at the size of an e-book's cover."""
    return PaintOrder(
        prompt=style["prompt_template"].format(title=words["title"], prompt=words.get("prompt") or ""),
        family=style["family"],
        palette=tuple(style["palette"]),
        options=style["options"],
        width=PAGE[0],
        height=PAGE[1],
        seed=SEED,
    )


def type_order(style: Style, words: Words) -> TypeOrder:
    """What is set on it."""
    return TypeOrder(
        title=str(words["title"]),
        subtitle=words.get("subtitle"),
        author=words.get("author"),
        typography=style["typography"],
        width=PAGE[0],
        height=PAGE[1],
    )


def contact_sheet(pages: Iterator[bytes], count: int, in_a_row: int) -> Image.Image:
    """The pages side by side, small, on paper."""
    rows = -(-count // in_a_row)
    across, down = SHOWN[0] + GAP, SHOWN[1] + GAP
    sheet = Image.new("RGB", (in_a_row * across + GAP, rows * down + GAP), PAPER)
    for place, page in enumerate(pages):
        with Image.open(io.BytesIO(page)) as picture:
            small = picture.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
        sheet.paste(small, (GAP + place % in_a_row * across, GAP + place // in_a_row * down))
    return sheet
