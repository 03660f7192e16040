"""`python -m tests.typography`: 200 covers by lot, a table of what was measured, and a sheet of the worst ten."""

import argparse
import io
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

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
    given = parser.parse_args()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = [_told(each) for each in pool.map(measured, combinations(given.count, given.seed, given.full))]
    worst = sorted(found, key=lambda each: (not each.faults, each.worth))[: given.shown]
    _sheet(worst).save(given.sheet)
    faulty = sum(bool(each.faults) for each in found)
    lowest = min(each.contrast for each in found), min(each.thumbnail for each in found)
    _say(
        f"{len(found)} covers, {faulty} with faults; lowest contrast {lowest[0]:.2f}, in the thumbnail {lowest[1]:.2f}"
    )
    _say(f"{given.sheet}: the worst {len(worst)}: {[each.index for each in worst]}")
    return 1 if faulty else 0


def _told(each: Measured) -> Measured:
    faults = f"  FAULTS: {', '.join(each.faults)}" if each.faults else ""
    _say(f"{each.index:4} {each.contrast:6.2f} {each.thumbnail:6.2f} {each.height_px:6.2f}  {each.note}{faults}")
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
