"""Where a server puts proofs: a folder of signatures, a SQLite file; and what it says of them."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assay import DecodeError, InputError
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
    assert read_answers(told_bytes(answers, "x")) == answers
    assert read_answers(told(answers, "x")) == answers
    assert read_answers(json.dumps(told(answers, "x"))) == answers


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "assay/vllm/proofs/v2"}, "not an object with"),
        ({"answers": None}, "not an object with"),
        ({"answers": [3]}, "no object"),
        ({"answers": [{"question": 0}]}, "no numbers"),
        ({"answers": [{"question": 0, "choice": True}]}, "no numbers"),
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
