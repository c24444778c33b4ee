"""What people are shown: text that strangers wrote by the one rule of the native code."""

import json
import sys

from . import _core


def printable(text: str) -> str:
    """One line of text without what moves a terminal's cursor, turns text or is not seen.

    In its place stand escapes: "\\n", "\\u202e".
    """
    return _core.printable(_bytes(text))


def error_line(text: str, before: int = 0) -> str:
    """`printable` of an error, in at most 300 characters: its beginning and its end.

    So many of them are left for what stands `before` it in the line.
    """
    return _core.error_line(_bytes(text), before)


def show(words: str = "", *, error: bool = False, flush: bool = False) -> None:
    """Print words, each line of them printable, on standard output or error.

    Line breaks are the caller's own: a stranger's text within must have been made `printable`.
    """
    lines = "\n".join(map(printable, words.split("\n")))
    print(lines, file=sys.stderr if error else sys.stdout, flush=flush)


def show_json(report: object) -> None:
    """Print a report as JSON in UTF-8, with escapes for what `printable` does not show."""
    text = json.dumps(report, indent=2, ensure_ascii=False)
    print(_core.printable_json(text.encode("utf-8", "replace")))


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")  # a path's bytes as they are
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
