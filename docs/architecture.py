"""The house as a picture: rooms on their floors, and how many imports lead from one room to another.

make docs        or        python docs/architecture.py        writes docs/img/architecture.svg and the list in
docs/architecture.md; `--text` prints the list, at most 80 columns wide, and writes nothing.

Rooms and floors are FLOORS of tests/test_architecture.py, the imports are read from the source.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import textwrap
from collections import Counter
from functools import cache
from html import escape
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "img" / "architecture.svg"
HOUSE = re.compile(r"(<!-- house: begin -->\n).*?(<!-- house: end -->)", re.S)

# Sizes in units of the drawing, 800 of them wide: on a phone 360 pixels wide a unit is 0.45 pixels.
ROW, COLUMN, BOX, LEFT = 42, 28, 160, 38
STYLE = """
.paper{fill:#fff}.band{fill:#eef2f8}.box{fill:#2a5fa5}.name{fill:#fff;font-weight:600;font-size:22px}
.floor{fill:#5b6472;font-size:20px}.dot{fill:#d9641e}.count{fill:#16202c;font-size:17px}.guide{stroke:#b3bfce}
.legend{fill:#3a4350;font-size:22px}text{font-family:system-ui,sans-serif}
@media(prefers-color-scheme:dark){.paper{fill:#171a21}.band{fill:#20252f}.box{fill:#3d74bd}.floor,.legend{fill:#a9b3c2}
.count{fill:#eef1f5}.guide{stroke:#46505f}.dot{fill:#c9622b}}
"""


@cache
def architecture() -> ModuleType:
    """tests/test_architecture.py: FLOORS and the function that reads imports."""
    spec = importlib.util.spec_from_file_location("test_architecture", ROOT / "tests" / "test_architecture.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def floors() -> list[list[str]]:
    """The rooms of each floor, highest floor first."""
    return [sorted(rooms) for rooms in reversed(architecture().FLOORS)]


@cache
def imports() -> Counter[tuple[str, str]]:
    """(room, imported room) -> number of pairs of files of which the first imports the second."""
    reader = architecture()
    pairs = {
        (reader._name(path, reader.PACKAGE), target) for path in reader.FILES for _, target in reader._imports(path)
    }
    rooms = ((file.partition(".")[0], target.partition(".")[0]) for file, target in pairs)
    return Counter((room, target) for room, target in rooms if room and target and room != target)


def in_words() -> str:
    """The list: each room with the rooms it imports and how often, at most 80 columns wide."""
    counted, lines = imports(), []
    for below, rooms in enumerate(floors()):
        for i, room in enumerate(rooms):
            number = str(len(architecture().FLOORS) - below) if i == 0 else ""
            targets = sorted((-n, target) for (importer, target), n in counted.items() if importer == room)
            uses = ", ".join(f"{target} {-n}" for n, target in targets) or "–"
            lead = f"{number:>2}  {room:<13} "
            lines += textwrap.wrap(lead + uses, 80, subsequent_indent=" " * len(lead), break_on_hyphens=False)
    return "\n".join(lines)


def picture() -> str:
    """The SVG. The boxes form a staircase; a dot in the row of one room and the column of another counts imports."""
    order = [room for rooms in floors() for room in rooms]
    counted = imports()
    right = {room: LEFT + BOX + COLUMN * i for i, room in enumerate(order)}  # the right edge of its box
    middle = {room: 12 + ROW * i + ROW / 2 for i, room in enumerate(order)}
    width, height = LEFT + BOX + COLUMN * len(order), 24 + ROW * len(order)
    drawn = [f'<rect class="paper" width="{width}" height="{height}" rx="10"/>']
    number = len(floors())
    for rooms in floors():
        top = middle[rooms[0]] - ROW / 2
        if number % 2 == 0:
            drawn.append(f'<rect class="band" y="{top:g}" width="{width}" height="{ROW * len(rooms)}"/>')
        drawn.append(f'<text class="floor" x="8" y="{top + 28:g}">{number}</text>')
        number -= 1
    for room in order:
        x = right[room] - COLUMN / 2
        into = [middle[other] for other, target in counted if target == room]
        out = [right[target] - COLUMN / 2 for other, target in counted if other == room]
        if into:
            drawn.append(f'<path class="guide" d="M{x:g} {min(into):g}V{middle[room]:g}"/>')
        if out:
            drawn.append(f'<path class="guide" d="M{x:g} {middle[room]:g}H{max(out):g}"/>')
    for room in order:
        y, x = middle[room], right[room]
        drawn.append(f'<rect class="box" x="{x - BOX}" y="{y - 17:g}" width="{BOX}" height="34" rx="7"/>')
        drawn.append(f'<text class="name" x="{x - BOX / 2:g}" y="{y + 7:g}" text-anchor="middle">{escape(room)}</text>')
    for (room, target), n in sorted(counted.items()):
        x, y, radius = right[target] - COLUMN / 2, middle[room], min(13.0, 4.5 + n**0.5 * 2.0)
        drawn.append(f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="{radius:.1f}" opacity="0.45"/>')
        drawn.append(f'<text class="count" x="{x:g}" y="{y + 6:g}" text-anchor="middle">{n}</text>')
    legend = (
        "A number counts imports: by the",
        "room at the left end of its row,",
        "of the room at the foot of its",
        "column. At the left, the floors.",
    )
    for i, line in enumerate(legend):
        drawn.append(f'<text class="legend" x="{LEFT}" y="{height - 112 + 30 * i}">{line}</text>')
    inside = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>Rooms of supersoliton on their floors, with the imports between them</title>\n"
        f"<style>{STYLE}</style>\n{inside}\n</svg>\n"
    )


def page(text: str) -> str:
    """docs/architecture.md with the list of today's imports."""
    assert HOUSE.search(text), "docs/architecture.md has lost the marks of its list"
    return HOUSE.sub(lambda found: f"{found[1]}```text\n{in_words()}\n```\n{found[2]}", text)


def main() -> None:
    if "--text" in sys.argv[1:]:
        print(in_words())
        return
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)} and {PAGE.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
