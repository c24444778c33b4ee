"""What notebooks show of objects: a small table, in which text of strangers is text."""

import json
from collections.abc import Iterable
from html import escape

from .printing import printable

_MOST = 300  # characters of a value


def table(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """A table of names and values under a title."""
    lines = "".join(
        f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows
    )
    return f"<table><caption>{_text(title)}</caption><tbody>{lines}</tbody></table>"


def of_lines(title: str, lines: list[str]) -> str:
    """A table with a row for each line."""
    rows = "".join(f"<tr><td>{_text(line.strip())}</td></tr>" for line in lines)
    return f"<table><caption>{_text(title)}</caption><tbody>{rows}</tbody></table>"


def of_json(title: str, text: str) -> str:
    """A table of the fields of a JSON object."""
    return table(title, json.loads(text).items())


def _text(value: object) -> str:
    text = printable("" if value is None else str(value))
    return escape(text if len(text) <= _MOST else text[: _MOST - 2] + "..")
