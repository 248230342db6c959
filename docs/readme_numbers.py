"""Write the README's numbers and picture anew: run its Python example, paste what it prints.

make docs        or        python docs/readme_numbers.py
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "img" / "qball.png"
BLOCK = re.compile(r"(<!-- output: begin -->\n).*?(<!-- output: end -->)", re.S)


def example(text: str) -> str:
    """The README's Python example."""
    found = re.search(r"```python\n(.*?)```", text, re.S)
    assert found, "the README has lost its Python example"
    return found[1]


def output(text: str) -> str:
    """What the README says that its example prints."""
    found = BLOCK.search(text)
    assert found, "the README has lost its output block"
    return found[0].split("```")[1].removeprefix("text\n") if "```" in found[0] else ""


def run(code: str) -> tuple[str, bytes]:
    """Run the example in an empty folder; what it printed and the picture that it saved."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
        return printed.getvalue(), Path("qball.png").read_bytes()


def main() -> None:
    os.environ.setdefault("MPLBACKEND", "Agg")
    text = README.read_text(encoding="utf-8")
    printed, picture = run(example(text))
    block = f"```text\n{printed}```\n"
    README.write_text(BLOCK.sub(lambda m: m[1] + block + m[2], text), encoding="utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture)
    print(f"{printed}written into {README.relative_to(ROOT)}, with {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
