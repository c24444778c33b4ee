"""JSON that strangers wrote, as the package reads it."""

import sys

import pytest

from assay.errors import DecodeError
from assay.json_text import parse_json


def test_brackets_in_strings_are_text() -> None:
    text = '{"a": "' + "[" * 1000 + '\\"' + "{" * 1000 + '", "b": [1, [2]]}'
    assert parse_json(text, "text") == {"a": "[" * 1000 + '"' + "{" * 1000, "b": [1, [2]]}
    deep = "[" * 100 + "]" * 100
    assert parse_json(deep, "text") is not None
    assert parse_json("[[]," * 99 + "[]" + "]" * 99, "text") is not None


@pytest.mark.parametrize(
    "text", ["", "{", '"', '["\\', "[" * 200_000, '{"a":' * 200_000, "[" * 101 + "]" * 101]
)
def test_refusals_whatever_the_recursion_limit(text: str) -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(DecodeError, match="place"):
            parse_json(text, "place")
    finally:
        sys.setrecursionlimit(before)
