"""Shows the examples of docstrings as code: `>>>` would begin a quotation in Markdown."""

import re
from typing import Any

import griffe

# From a prompt to the next empty line.
EXAMPLE = re.compile(r"^( *)>>> .*?(?=\n\s*\n|\s*\Z)", re.MULTILINE | re.DOTALL)


def fenced(text: str) -> str:
    """The text with its examples between fences."""
    return EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)


class FenceDoctests(griffe.Extension):
    """Changes the docstring of each object that is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the examples of one object."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
