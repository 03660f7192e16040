"""`python -m tests.typography`: 200 covers by lot, a table of what was measured, and a sheet of the worst ten."""

import argparse
import io
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from PIL import Image

from tests.typography.combinations import combinations
from tests.typography.measures import Measured, measured

ACROSS = 320


def main() -> int:
    """Returns 0 when no cover has a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.typography", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--full", action="store_true", help="at the formats' full sizes")
    parser.add_argument("--sheet", type=Path, default=Path("typography.png"), help="where the worst ten go")
    parser.add_argument("--shown", type=int, default=10)
    parser.add_argument("--report", type=Path, default=Path("typography.txt"), help="where the table goes")
    given = parser.parse_args()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = [_told(each) for each in pool.map(measured, combinations(given.count, given.seed, given.full))]
    worst = sorted(found, key=lambda each: (not each.faults, each.worth))[: given.shown]
    _sheet(worst).save(given.sheet)
    summary = [*_summary(found), f"the worst {len(worst)}, in {given.sheet.name}: {[each.index for each in worst]}"]
    given.report.write_text("\n".join([*summary, "", HEAD, *map(_line, found), ""]), "utf-8")
    for line in summary:
        _say(line)
    return 1 if any(each.faults for each in found) else 0


def _summary(found: list[Measured]) -> list[str]:
    faulty = sum(bool(each.faults) for each in found)
    contrast, thumbnail = min(each.contrast for each in found), min(each.thumbnail for each in found)
    treatments = Counter(each.note.rsplit(" ", 1)[1].split("/")[0] for each in found)
    return [
        f"{len(found)} covers, {faulty} with faults",
        f"lowest contrast {contrast:.2f} (4.5 needed), of strokes in the thumbnail {thumbnail:.2f} (3 needed)",
        f"titles treated: {', '.join(f'{name} {count}' for name, count in treatments.most_common())}",
        f"seconds of processor time to set one: median {median(each.seconds for each in found):.2f}, "
        f"most {max(each.seconds for each in found):.2f}",
    ]


HEAD = "  no  ratio  small letters  secs  cover"


def _line(each: Measured) -> str:
    faults = f"  FAULTS: {', '.join(each.faults)}" if each.faults else ""
    return (
        f"{each.index:4} {each.contrast:6.2f} {each.thumbnail:6.2f} {each.height_px:6.2f}px {each.seconds:5.2f}  "
        f"{each.note}{faults}"
    )


def _told(each: Measured) -> Measured:
    _say(_line(each))
    return each


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _sheet(covers: list[Measured]) -> Image.Image:
    """Five in a row, on grey."""
    pictures = [Image.open(io.BytesIO(each.picture)) for each in covers]
    down = max(picture.height for picture in pictures)
    rows = -(-len(pictures) // 5)
    sheet = Image.new("RGB", (5 * (ACROSS + 16) + 16, rows * (down + 16) + 16), "#777777")
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (16 + place % 5 * (ACROSS + 16), 16 + place // 5 * (down + 16)))
    return sheet


if __name__ == "__main__":
    sys.exit(main())
