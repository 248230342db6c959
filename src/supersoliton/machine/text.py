"""Text without control characters: an error message or a file of somebody else must not steer the user's terminal."""

from __future__ import annotations

# C0 and C1 but tabs and line ends, and the marks that turn the direction of writing
_CODES = (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_VISIBLE = {code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" for code in _CODES}


def plain(text: str) -> str:
    """The text with its control characters written out, an escape as ``\\x1b``."""
    return text.translate(_VISIBLE)
