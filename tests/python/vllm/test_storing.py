"""Where a server puts proofs: a folder of signatures, a SQLite file; and what it says of them."""

import base64
import errno
import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

import assay
from assay import DecodeError, InputError, toploc
from assay.toploc import Shape, Signature
from assay.vllm import Answer, Settings, read_answers
from assay.vllm.answers import FORMAT, told, told_bytes
from assay.vllm.storing import Database, Folder, NoStore, Store, store_of

IDS = ["cmpl-1", "../../etc/passwd", "a/b", "", ".", "..", "a.0", "x" * 500, "ünïcode", "sha256-00"]


def signature(token: int = 3) -> Signature:
    return Signature(
        model="m", dtype="bfloat16", attention="vllm-cpu_attn", prompt="Why?\u2028",
        prompt_token_ids=[1, 2], output_token_ids=[token], parameters=Shape(8, 4),
        proofs=[bytes.fromhex("ffd90001000200030004")],
    )  # fmt: skip


def whole(token: int = 3) -> Answer:
    """An answer with all that there can be."""
    rows = {"layer_0": torch.randn(1, 3, 4), "layer_1": torch.randn(1, 3, 4)}
    tensor = assay.encode(rows, capture_mode="decode")
    made = signature(token)
    seed = toploc.fingerprint.answer_seed([1, 2], [token], made.proofs)
    return Answer(
        0, made,
        fingerprint=toploc.fingerprint.project(torch.randn(3, 4), seed).to_bytes(),
        commitment=assay.commit(tensor, assay.Srs.dev(tensor.axes, 3)),
        rows=save(rows),
    )  # fmt: skip


SAID = whole()


@pytest.mark.parametrize("kind", [0, 1])
def test_all_that_there_is_of_an_answer_is_kept_together(tmp_path: Path, kind: int) -> None:
    store = stores(tmp_path)[kind]
    answer = whole()
    lacking = Answer(1, signature(), without={"commitment": "too long", "fingerprint": "NaN"})
    store.write("cmpl-1", answer)
    store.write("cmpl-1", lacking)
    store.write("cmpl-1", whole(4))
    first, *rest = sorted(store.read("cmpl-1"), key=lambda one: one.choice)
    same = [first, *rest]
    assert replace(answer, rows=None) in same
    assert lacking in same
    assert [one.rows for one in same] == [None] * 3
    if kind == 0:
        names = {path.name for path in (tmp_path / "signatures").iterdir()}
        ends = {"json", "fingerprint", "commitment", "safetensors"}
        assert names == {
            *(f"cmpl-1.0.0.{end}" for end in ends),
            *(f"cmpl-1.0.0-2.{end}" for end in ends),
            "cmpl-1.0.1.json",
            "cmpl-1.0.1.without.json",
        }
        kept = (tmp_path / "signatures" / "cmpl-1.0.0.safetensors").read_bytes()
    else:
        with closing(sqlite3.connect(tmp_path / "proofs.sqlite")) as database:
            query = "SELECT answer, file FROM rows ORDER BY answer"
            (at, kept), (other, _) = database.execute(query).fetchall()
            assert (at, other) == (1, 3)
    assert kept == answer.rows


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_no_part_of_an_answer_is_kept_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    store = Folder(str(tmp_path))
    written = []

    def fsync(_: int) -> None:
        written.append(1)
        if len(written) > failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(InputError, match="No space left"):
        store.write("cmpl-1", whole())
    assert list(tmp_path.iterdir()) == []


def stores(folder: Path) -> list[Store]:
    return [Folder(str(folder / "signatures")), Database(str(folder / "proofs.sqlite"))]


@pytest.mark.parametrize("kind", [0, 1])
def test_answers_come_back_under_their_own_names(tmp_path: Path, kind: int) -> None:
    store = stores(tmp_path)[kind]
    for number, name in enumerate(IDS):
        store.write(name, Answer(0, signature(number)))
        store.write(name, Answer(1, None, "it was aborted", question=2))
    before = {path for path in tmp_path.rglob("*")}
    for number, name in enumerate(IDS):
        good, bad = store.read(name)
        assert good.signature == signature(number)
        assert (good.question, good.choice, good.reason) == (0, 0, "")
        assert (bad.question, bad.choice, bad.reason) == (2, 1, "it was aborted")
        assert bad.signature is None
    assert store.read("cmpl-2") == []
    assert store.read("a") == []
    assert {path for path in tmp_path.rglob("*")} == before
    assert all(path.is_relative_to(tmp_path) for path in before)
    assert store_of(Settings()).read("cmpl-1") == []
    assert isinstance(store_of(Settings()), NoStore)


@pytest.mark.parametrize("kind", [0, 1])
def test_an_id_that_is_asked_twice_keeps_both(tmp_path: Path, kind: int) -> None:
    store = stores(tmp_path)[kind]
    for token in range(3):
        store.write("same", Answer(0, signature(token)))
    store.write("same", Answer(0, None, "no rows"))
    found = store.read("same")
    tokens = sorted(one.signature.output_token_ids[0] for one in found if one.signature)
    assert tokens == [0, 1, 2]
    assert [one.reason for one in found if not one.signature] == ["no rows"]


@pytest.mark.parametrize("kind", [0, 1])
def test_many_at_once(tmp_path: Path, kind: int) -> None:
    store = stores(tmp_path)[kind]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: store.write(f"id{i % 5}", Answer(0, signature(i))), range(40)))
    assert sum(len(store.read(f"id{i}")) for i in range(5)) == 40


def test_files_of_a_folder_are_signatures(tmp_path: Path) -> None:
    store = Folder(str(tmp_path))
    store.write("cmpl-1", Answer(0, signature()))
    (path,) = tmp_path.iterdir()
    assert path.name == "cmpl-1.0.0.json"
    assert Signature.read(str(path)) == signature()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written there"):
        Folder(str(tmp_path / "inside"))


def test_places_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder, and no database at all" * 100)
    with pytest.raises(InputError, match="cannot be written there") as caught:
        store_of(Settings(folder=str(file)))
    assert str(file) in str(caught.value)
    with pytest.raises(InputError, match="cannot be written there"):
        store_of(Settings(folder=str(file / "inside")))
    with pytest.raises(InputError, match="cannot be kept there"):
        store_of(Settings(database=str(file)))
    with pytest.raises(InputError, match="cannot be kept there"):
        store_of(Settings(database=str(tmp_path / "none" / "file")))


def test_what_a_server_says_is_read_back() -> None:
    answers = [Answer(0, signature(), "", 5, "adapter", 1), Answer(1, None, "aborted")]
    lacking = Answer(2, signature(), without={"commitment": "too long"})
    answers += [replace(whole(), rows=None), lacking]
    assert read_answers(told_bytes(answers, "x")) == answers
    assert read_answers(told(answers, "x")) == answers
    assert read_answers(json.dumps(told(answers, "x"))) == answers


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fingerprint": 3}, "the fingerprint of one of them is not base64"),
        ({"fingerprint": "%"}, "the fingerprint of one of them is not base64"),
        ({"fingerprint": base64.b64encode(b"none").decode()}, "fingerprint"),
        ({"commitment": "ü"}, "the commitment of one of them is not base64"),
        ({"commitment": base64.b64encode(b"none").decode()}, "commitment"),
        ({"without": ["commitment"]}, "does not say in words"),
        ({"without": {"commitment": 3}}, "does not say in words"),
        ({"missing_prompt_rows": -1}, "neither a signature nor a reason"),
    ],
)
def test_what_no_server_says_of_an_answer(change: dict[str, Any], reason: str) -> None:
    (entry,) = told([Answer(0, signature())], "x")["answers"]  # type: ignore[misc]
    with pytest.raises(DecodeError, match=reason):
        read_answers({"format": FORMAT, "answers": [{**entry, **change}]})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "assay/vllm/proofs/v2"}, "not an object with"),
        ({"answers": None}, "not an object with"),
        ({"answers": ""}, "not an object with"),
        ({"answers": [3]}, "not an object"),
        ({"answers": [{"question": 0}]}, "no numbers"),
        ({"answers": [{"question": 0, "choice": True}]}, "no numbers"),
        ({"answers": [{"question": -1, "choice": 0}]}, "no numbers"),
        ({"answers": [{"question": 0, "choice": 0}]}, "neither a signature nor a reason"),
        (
            {"answers": [{"question": 0, "choice": 0, "signature": "{}",
              "missing_prompt_rows": 0, "adapter": ""}]},
            "answer 0",
        ),
    ],
)  # fmt: skip
def test_what_no_server_says(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        read_answers({"format": FORMAT, "answers": [], **change})
    with pytest.raises(DecodeError, match="not JSON"):
        read_answers("{")
    with pytest.raises(DecodeError, match="not an object"):
        read_answers(b"[1]")


# What JSON may hold, and what comes near to the fields.
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)


def changed(old: Any) -> st.SearchStrategy[Any]:
    """Something else; of a text also itself with another character, or cut short."""
    if not isinstance(old, str) or not old:
        return _VALUES
    at = st.integers(0, len(old) - 1)
    character = st.characters(codec="utf-8")
    near = st.tuples(at, character).map(lambda one: old[: one[0]] + one[1] + old[one[0] + 1 :])
    return st.one_of(_VALUES, near, at.map(lambda end: old[:end]))


# What is drawn grows with the answer, and a busy machine draws it slowly.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_whatever_is_in_a_field_is_an_answer_or_refused(data: st.DataObject) -> None:
    said = json.loads(told_bytes([replace(SAID, rows=None), Answer(1, None, "aborted")], "x"))
    for place in (said, *said["answers"]):
        if data.draw(st.booleans()):
            name = data.draw(st.sampled_from([*place, "without", "head"]))
            place[name] = data.draw(changed(place.get(name)))
    for given_as in (said, json.dumps(said)):
        found = None
        with suppress(DecodeError):
            found = read_answers(given_as)
        if found is not None:
            # What was taken for answers is told again as it was understood.
            assert read_answers(told_bytes(found, "x")) == found
