"""`gallery`: a contact sheet of every built-in style, with type on it, painted here and now."""

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
IN_A_ROW = 12
PAPER = "#efece6"
SEED = 11
SAMPLES = ROOT / "ops" / "commands" / "gallery.json"

Style = Mapping[str, Any]
Words = Mapping[str, str | None]


def run_gallery(settings: Settings, arguments: argparse.Namespace) -> int:
    """Paint, set, and lay out all styles; returns 0."""
    styles = json.loads((ROOT / "nodes" / "templates" / "seeds.json").read_bytes())
    samples: Mapping[str, Words] = json.loads(SAMPLES.read_bytes())
    words = [samples.get(style["name"]) or {"title": style["name"]} for style in styles]
    with ProcessPoolExecutor(settings.paint_processes) as pool:
        pages = pool.map(sample, styles, words)
        sheet = contact_sheet(pages, len(styles))
    try:
        sheet.save(arguments.output)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{arguments.output} cannot be written: {error}") from error
    say(f"{arguments.output}: {len(styles)} styles")
    return 0


def sample(style: Style, words: Words) -> bytes:
    """One style with a title on it, at the size of an e-book cover; PNG."""
    title = str(words["title"])
    order = PaintOrder(
        prompt=style["prompt_template"].format(title=title, prompt=""),
        family=style["family"],
        palette=tuple(style["palette"]),
        options=style["options"],
        width=PAGE[0],
        height=PAGE[1],
        seed=SEED,
    )
    wanted = TypeOrder(
        title=title,
        subtitle=words.get("subtitle"),
        author=words.get("author"),
        typography=style["typography"],
        width=PAGE[0],
        height=PAGE[1],
    )
    return compose(paint(order).data, wanted).picture.data


def contact_sheet(pages: Iterator[bytes], count: int) -> Image.Image:
    """The pages side by side, small, on paper."""
    rows = -(-count // IN_A_ROW)
    across, down = SHOWN[0] + GAP, SHOWN[1] + GAP
    sheet = Image.new("RGB", (IN_A_ROW * across + GAP, rows * down + GAP), PAPER)
    for place, page in enumerate(pages):
        with Image.open(io.BytesIO(page)) as picture:
            small = picture.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
        sheet.paste(small, (GAP + place % IN_A_ROW * across, GAP + place // IN_A_ROW * down))
    return sheet
