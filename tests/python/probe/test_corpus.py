"""Corpora: the form of the one that the package carries, and what is refused."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from assay import InputError
from assay.errors import DecodeError
from assay.probe.corpus import Sample, parse_corpus, read_corpus

LINE = b'{"text":"It rains.","group":"one","label":0}\n'


def test_the_packaged_corpus_is_of_minimal_pairs() -> None:
    corpus = read_corpus("tense")
    assert len(corpus.samples) >= 400
    groups = defaultdict(list)
    for sample in corpus.samples:
        groups[sample.group].append(sample)
    differing = Counter[int]()
    for pair in groups.values():
        present, past = sorted(pair, key=lambda one: one.label)
        assert (present.label, past.label) == (0, 1)
        left, right = present.text.split(), past.text.split()
        assert len(left) == len(right), present.text
        differing[sum(a != b for a, b in zip(left, right, strict=True))] += 1
        # All but the verb is the same, the last word with it, behind which rows are read.
        assert left[0] == right[0]
        assert left[-1] == right[-1]
    assert set(differing) == {1}


def test_the_packaged_sentences_are_sentences_and_distinct() -> None:
    corpus = read_corpus("tense")
    texts = [sample.text for sample in corpus.samples]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert re.fullmatch(r"[A-Z][A-Za-z',]*( [A-Za-z',]+){3,11}\.", text), text
    assert max(map(len, texts)) < 80


def test_no_verb_of_the_packaged_corpus_is_in_two_groups() -> None:
    # Else a probe could know the tense of a test sentence by a word it was trained on.
    seen: dict[str, str] = {}
    by_group = defaultdict(list)
    for sample in read_corpus("tense").samples:
        by_group[sample.group].append(sample.text.split())
    for group, (left, right) in by_group.items():
        for a, b in zip(left, right, strict=True):
            for verb in (a, b) if a != b else ():
                assert seen.setdefault(verb, group) == group, verb
    assert len(seen) == 2 * len(by_group)


def test_lines_are_read_in_their_order() -> None:
    content = LINE + b'\n{"text":"It rained.\\u2028","group":"one","label":true}'
    assert parse_corpus(content, "c").samples == (
        Sample("It rains.", "one", 0), Sample("It rained.\u2028", "one", 1),
    )  # fmt: skip


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(LINE)
    assert read_corpus(str(path)).content == LINE


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        (b"", "c", "no samples"),
        (b"\xff", "c", "UTF-8"),
        (LINE + LINE, "line 2", "text of line 1 again"),
        (b"[]", "line 1", "object of text, group and label alone"),
        (b'{"text":"a","group":"g","label":0,"more":1}', "line 1", "alone"),
        (b'{"text":"a","group":"g"}', "line 1", "alone"),
        (b'{"text":" ","group":"g","label":0}', "line 1: text", "no text"),
        (b'{"text":"a","group":"","label":0}', "line 1: group", "name"),
        (b'{"text":"a","group":"g\\n","label":0}', "line 1: group", "name"),
        (b'{"text":"a","group":1,"label":0}', "line 1: group", "name"),
        (b'{"text":"a","group":"g","label":2}', "line 1: label", "0 or 1"),
        (b'{"text":"a","group":"g","label":1.0}', "line 1: label", "0 or 1"),
        (b'{"text":"a","group":"g","label":"1"}', "line 1: label", "0 or 1"),
        (b'{"text":"a","text":"b","group":"g","label":0}', "line 1", "twice"),
        (b"{", "line 1", "not JSON"),
    ],
)
def test_what_is_no_corpus(content: bytes, place: str, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parse_corpus(content, "c")
    assert place in caught.value.place
    assert reason in caught.value.reason


def test_a_group_of_too_many_bytes() -> None:
    line = json.dumps({"text": "a", "group": "g" * 256, "label": 0}).encode()
    assert parse_corpus(line, "c").samples[0].group == "g" * 256
    with pytest.raises(DecodeError, match="256 bytes"):
        parse_corpus(line.replace(b"ggg", b"gggg", 1), "c")


def test_a_name_that_is_no_file() -> None:
    with pytest.raises(InputError, match=r"no such file; give a \.jsonl .* or tense"):
        read_corpus("tens")
