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


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"\\u0061": 1, "a": 2}}]'])
def test_a_key_twice_is_refused(text: str) -> None:
    with pytest.raises(DecodeError, match=r'place: .*the key "a" stands twice'):
        parse_json(text, "place")


@pytest.mark.parametrize("text", ["NaN", '{"a": -Infinity}', "[Infinity]"])
def test_what_is_no_number_in_json_is_refused(text: str) -> None:
    with pytest.raises(DecodeError, match="not JSON"):
        parse_json(text, "place")


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
