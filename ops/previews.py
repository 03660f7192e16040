"""Paints the pictures of the built-in styles that the studio shows: `python -m ops.previews`.

Each picture is `edge/studio/static/styles/<key>.webp`, and `js/painted.js` lists the keys with the colours of type that
read on them. The key is the style's family and palette, so a style that looks different has another picture, and a
style that no picture fits (somebody's own) is drawn by the studio itself. Run it again when the seeds or the painter
change.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from PIL import Image

from adapters.images import PaintOrder
from adapters.images.painter.model import paint

ROOT: Final = Path(__file__).parent.parent
SEEDS: Final = ROOT / "nodes" / "templates" / "seeds.json"
STATIC: Final = ROOT / "edge" / "studio" / "static"
PAINTED_SIZE: Final = (800, 1280)
SHOWN_SIZE: Final = (400, 640)
SEED: Final = 11
UPPER, LOWEST = (0.06, 0.36), (0.86, 0.95)
"""The parts of the height where title and author stand."""

Style = Mapping[str, Any]


def key_of(style: Style) -> str:
    """The name of a style's picture, e.g. `ink-16181d4a5560b3261ef4eee0`."""
    return f"{style['family']}-{''.join(colour[1:].lower() for colour in style['palette'])}"


def main() -> None:
    """Paint every style of the seeds, and remove pictures that belong to none."""
    folder = STATIC / "styles"
    folder.mkdir(exist_ok=True)
    styles = json.loads(SEEDS.read_text("utf-8"))
    inks: dict[str, tuple[str, str]] = {}
    for style in styles:
        picture = picture_of(style)
        picture.save(folder / f"{key_of(style)}.webp", quality=68, method=6)
        inks[key_of(style)] = (ink_on(picture, UPPER, style["palette"]), ink_on(picture, LOWEST, style["palette"]))
    for path in folder.glob("*.webp"):
        if path.stem not in inks:
            path.unlink()
    (STATIC / "js" / "painted.js").write_text(module_of(inks), "utf-8")


def picture_of(style: Style) -> Image.Image:
    """The art of a style without words, at the size that is shown."""
    width, height = PAINTED_SIZE
    words = style["prompt_template"].replace("{prompt}", "").replace("{title}", "")
    order = PaintOrder(
        prompt=words,
        family=style["family"],
        palette=tuple(style["palette"]),
        options=style["options"],
        width=width,
        height=height,
        seed=SEED,
    )
    whole = Image.open(io.BytesIO(paint(order).data)).convert("RGB")
    return whole.resize(SHOWN_SIZE, Image.Resampling.LANCZOS)


def ink_on(picture: Image.Image, zone: tuple[float, float], palette: list[str]) -> str:
    """The colour of type with the most contrast on that part: the style's lightest or darkest, or white."""
    part = picture.crop((40, int(zone[0] * picture.height), 360, int(zone[1] * picture.height))).resize((16, 8))
    grounds = [luminance(pixel) for pixel in zip(*(iter(part.tobytes()),) * 3, strict=True)]
    ordered = sorted(palette, key=lambda colour: luminance(bytes.fromhex(colour[1:])))

    def worst(ink: str) -> float:
        own = luminance(bytes.fromhex(ink[1:]))
        ratios = sorted((max(own, ground) + 0.05) / (min(own, ground) + 0.05) for ground in grounds)
        return ratios[len(ratios) // 10]

    return max((ordered[0], ordered[-1], "#ffffff"), key=worst)


def luminance(colour: bytes | tuple[int, ...]) -> float:
    """Relative luminance (WCAG 2) of three channels of 0 to 255."""
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def module_of(inks: Mapping[str, tuple[str, str]]) -> str:
    """The browser's list of the pictures."""
    lines = [f'  ["{key}", ["{upper}", "{lowest}"]],' for key, (upper, lowest) in sorted(inks.items())]
    head = "// Written by `python -m ops.previews`: which styles have a painted picture, and what type reads on it."
    about = "/** By family and palette: the colours of type on the upper and on the lowest part. */"
    return "\n".join((head, "", about, "export const PAINTED = new Map([", *lines, "]);", ""))


if __name__ == "__main__":
    main()
