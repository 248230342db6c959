"""An extension of griffe: this project's docstrings say "name : what it is", where NumPy's style has the type there.

Annotations have the types. Here the text moves to the line below, so that it is shown as the description; and examples
(>>>) get the heading that they have no need of in the source.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

_SECTION = re.compile(r"^(Parameters|Returns|Raises|Yields)$")
_ENTRY = re.compile(r"^(\S[^:]*?) : (.*)$")


def rewritten(text: str) -> str:
    """The docstring in NumPy's own style."""
    out: list[str] = []
    lines, inside = text.splitlines(), ""
    for i, line in enumerate(lines):
        following = lines[i + 1] if i + 1 < len(lines) else ""
        if following and set(following) == {"-"}:
            inside = line if _SECTION.match(line) else ""
        elif line.startswith(">>>") and inside:
            out += ["Examples", "--------"]
            inside = ""
        entry = _ENTRY.match(line)
        if inside and entry:
            name = f"_ : {entry[1]}" if inside == "Returns" else entry[1]
            out += [name, f"    {entry[2]}"]
        else:
            out.append(line)
    return "\n".join(out)


class Entries(Extension):
    def on_instance(self, *, obj: Any, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = rewritten(obj.docstring.value)
