"""Files that `solve` and `branch` write: named after their configuration, and never in place of another's."""

from __future__ import annotations

import warnings
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SOURCE = "Source"  # a key of PNG files for what they were made from


class Outputs:
    """NAME.png, which says what it was made from, and a file of data of the same name.

    Raises ValueError before anything is computed if either exists and was not made from the same configuration.
    """

    def __init__(self, config: Path, folder: Path, name: str, ending: str) -> None:
        self._source = str(config.resolve())
        self.data, self.picture = folder / f"{name}{ending}", folder / f"{name}.png"
        there = [path for path in (self.data, self.picture) if path.exists()]
        if there and self._made_from() != self._source:
            raise ValueError(
                f"{there[0]} exists and was not made from {config}: move it away, or give another folder with --out."
            )

    def save(self, figure: Figure) -> list[str]:
        """Save the picture. Returns the paths of both files."""
        from ..plotting import save_figure

        save_figure(figure, self.picture, {_SOURCE: self._source})
        return [str(self.data), str(self.picture)]

    def _made_from(self) -> str:
        from PIL import Image

        try:
            with Image.open(self.picture) as picture:
                return str(picture.info.get(_SOURCE, ""))
        except OSError:  # there is no picture, or it is none
            return ""


def open_it(what: Path | str) -> None:
    """Open a file or an address as the desktop does."""
    address = what.resolve().as_uri() if isinstance(what, Path) else what
    if not webbrowser.open(address):
        warnings.warn(f"found no browser to open {address} with.", stacklevel=2)
