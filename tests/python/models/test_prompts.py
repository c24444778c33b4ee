"""Prompts of a file, and made ones."""

import json
from pathlib import Path

import pytest

from assay import DecodeError, InputError
from assay.models import made_prompts, read_prompts


def test_made_prompts_differ() -> None:
    texts = made_prompts(200)
    assert len(set(texts)) == 200
    assert made_prompts(7) == texts[:7]
    for count in (0, 201):
        with pytest.raises(InputError, match="200"):
            made_prompts(count)


def test_prompts_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps(["one", {"prompt": "two"}, {"text": "three"}]))
    assert read_prompts(str(path), 2) == ["one", "two"]
    assert read_prompts(str(path), 9) == ["one", "two", "three"]
    for content in ("[]", "{}", "nothing", '[{"question": "x"}]', '[" "]', "[3]", "[" * 9000):
        path.write_text(content)
        with pytest.raises(DecodeError):
            read_prompts(str(path), 2)
    path = tmp_path / "marked.txt"
    path.write_text("one\ntwo\n", encoding="utf-8-sig")  # as some editors write
    assert read_prompts(str(path), 2) == ["one", "two"]
    path = tmp_path / "twice.jsonl"
    path.write_text('"one"\n{"prompt": "two", "prompt": "three"}\n')
    with pytest.raises(DecodeError, match=r"line 2: .*twice"):
        read_prompts(str(path), 2)
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DecodeError):
        read_prompts(str(tmp_path / "bytes.txt"), 2)
