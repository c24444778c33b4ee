"""The file of a signature, as a stranger may have written it."""

import json
from pathlib import Path
from typing import Any

import pytest

from assay import DecodeError, InputError
from assay.toploc import Signature
from assay.toploc.chunks import Shape
from toploc_signatures import written

GOOD: dict[str, Any] = {
    "format": "assay/toploc/signature/v2",
    "model": "m",
    "dtype": "bfloat16",
    "attention": "sdpa",
    "prompt": "Why?",
    "prompt_token_ids": [1, 2],
    "output_token_ids": [3],
    "topk": 4,
    "decode_batching_size": 32,
    "prefill_rows": 0,
    "merge_tail_below": 0,
    "ties": "libstdc++",
    "proofs": ["/9kAAQACAAMABA=="],
}


def test_a_signature_is_what_json_gives_on_one_line() -> None:
    signature = Signature.decode(written(GOOD).encode(), "text")
    assert signature.encode() == written(GOOD).encode()
    assert (signature.prompt_token_ids, signature.output_token_ids) == ([1, 2], [3])
    assert signature.parameters == Shape(k=4)
    assert signature.proofs == [bytes.fromhex("ffd90001000200030004")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"format": "assay/toploc/signature/v1"}, "format"),
        ({"format": "assay/toploc/signature/v3"}, "format"),
        ({"model": 3}, "model"),
        ({"prompt_token_ids": None}, "prompt_token_ids"),
        ({"prompt_token_ids": []}, "prompt_token_ids"),
        ({"prompt_token_ids": 3}, "prompt_token_ids"),
        ({"prompt_token_ids": [1] * (2**20 + 1)}, "prompt_token_ids"),
        ({"prompt_token_ids": [1.0]}, "prompt_token_ids"),
        ({"prompt_token_ids": [True]}, "prompt_token_ids"),
        ({"output_token_ids": [-1]}, "output_token_ids"),
        ({"output_token_ids": [2**31]}, "output_token_ids"),
        ({"output_token_ids": "3"}, "output_token_ids"),
        ({"decode_batching_size": 0}, "decode_batching_size"),
        ({"decode_batching_size": True}, "decode_batching_size"),
        ({"topk": 4097}, "topk"),
        ({"merge_tail_below": -1}, "merge_tail_below"),
        ({"ties": "random"}, "ties"),
        ({"proofs": "AAAA"}, "proofs"),
        ({"proofs": {"AAAA": 1}}, "proofs"),
        ({"proofs": 3}, "proofs"),
        ({"proofs": ["AAAA"] * (2**20 + 1)}, "proofs"),
        ({"proofs": ["A"]}, "proofs"),
        ({"proofs": ["*AAA"]}, "proofs"),
        ({"proofs": [3]}, "proofs"),
        ({"unknown": 3}, "unknown"),
        *[({name: ...}, name) for name in GOOD],
    ],
)
def test_what_is_no_signature(changes: dict[str, Any], field: str) -> None:
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    with pytest.raises(DecodeError) as caught:
        Signature.decode(written(fields).encode(), "text")
    assert caught.value.place.startswith("text: " + field)


@pytest.mark.parametrize("name", GOOD)
def test_a_field_that_stands_twice(name: str) -> None:
    again = f",{json.dumps(name)}:{json.dumps(GOOD[name])}}}"
    with pytest.raises(DecodeError, match=f'the key "{name}" stands twice'):
        Signature.decode(written(GOOD).replace("}", again).encode(), "text")
    # The format stands first, whatever comes then.
    with pytest.raises(DecodeError, match=r"format: this field is missing|twice"):
        Signature.decode(written(GOOD).replace("{", "{" + again[1:-1] + ",").encode(), "text")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2**25 + 1)
    with pytest.raises(DecodeError) as caught:
        Signature.read(str(path))
    assert caught.value.code == "too_large"
    with pytest.raises(InputError) as missing:
        Signature.read(str(tmp_path / "none"))
    assert missing.value.code == "io"


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 100_000, "\ufeff{}", b"\xff"])
def test_what_is_no_json_object(text: str | bytes) -> None:
    with pytest.raises(DecodeError):
        Signature.decode(text if isinstance(text, bytes) else text.encode(), "text")
