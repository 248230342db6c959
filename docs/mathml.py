"""A hook of mkdocs: formulas of pages and docstrings become MathML when the site is built.

Browsers draw MathML themselves, so the site needs no script and no network. Pages use what GitHub also understands, a
fenced block of the language "math" and $`...`$ within a line; docstrings ``.. math::`` and :math:`...`. The other
roles of docstrings, :class:`X` and the like, become code.
"""

from __future__ import annotations

import re
from typing import Any

from latex2mathml.converter import convert
from markdown import Extension, Markdown
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor

_DIRECTIVE = re.compile(r"^(\s*)\.\. math::\s*(.*)$")
_FENCE = re.compile(r"^(\s*)```math\s*$")
_PRIME = re.compile(r"<msup><mi>([^<]*)</mi><mi>(&#x0203[2-4];)</mi></msup>")


def _mathml(formula: str, display: str) -> str:
    """Fonts for mathematics have primes that are small and high already: as exponents they would all but vanish."""
    return _PRIME.sub(r'<mi>\1</mi><mo lspace="0" rspace="0">\2</mo>', convert(formula, display=display))


class _Blocks(Preprocessor):
    """``.. math::`` with the indented lines after it, and fenced blocks of the language "math"."""

    def run(self, lines: list[str]) -> list[str]:
        out: list[str] = []
        rest = iter([*lines, ""])
        line = next(rest, None)
        while line is not None:
            if found := _FENCE.match(line):
                body = []
                line = next(rest, None)
                while line is not None and line.strip() != "```":
                    body.append(line)
                    line = next(rest, None)
                line = next(rest, None)
                out += self._formula(found[1], body)
            elif found := _DIRECTIVE.match(line):
                body = [found[2]]
                line = next(rest, None)
                while line is not None and (not line.strip() or len(line) - len(line.lstrip()) > len(found[1])):
                    body.append(line)
                    line = next(rest, None)
                out += self._formula(found[1], body)
            else:
                out.append(line)
                line = next(rest, None)
        return out

    def _formula(self, indent: str, body: list[str]) -> list[str]:
        html = _mathml(" ".join(" ".join(body).split()), "block")
        return ["", indent + self.md.htmlStash.store(html), ""]


class _Inline(InlineProcessor):
    """$`...`$ and the roles of docstrings."""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[Any, int, int]:  # type: ignore[override]
        role, text = m["role"], m["text"]
        html = _mathml(text, "inline") if role in (None, "math") else f"<code>{text.lstrip('.~')}</code>"
        return self.md.htmlStash.store(html), m.start(0), m.end(0)


class MathML(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.preprocessors.register(_Blocks(md), "mathml_blocks", 28)  # before superfences, which takes any fence
        role = r"(?::(?P<role>math|class|func|meth|mod|attr|data|exc):|\$)`(?P<text>[^`]+)`\$?"
        md.inlinePatterns.register(_Inline(role, md), "mathml_inline", 195)  # before backticks, which are code


def on_config(config: Any) -> Any:
    config.markdown_extensions.append(MathML())
    return config
