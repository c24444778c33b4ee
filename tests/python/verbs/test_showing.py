"""`assay show` of the files that the Python package reads."""

import json
from pathlib import Path

import numpy as np
import pytest

import assay
from assay.layers.damage_file import Measured, Subject
from assay_program import done, refused, report


@pytest.fixture
def made(tmp_path: Path) -> Path:
    subject = Subject("m", {}, "torch", {"kind": "zero"}, 2, 8, "00" * 32, ("a", "b"), (4, 4))
    (tmp_path / "damage.json").write_text(Measured(subject).to_json())
    entry = {"question": 0, "choice": 0, "without_proofs": "the cache held rows"}
    answers = {"format": "assay/vllm/proofs/v1", "id": "x", "answers": [entry]}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(tmp_path / "model.GGUF", "llama")
    writer.add_name("tiny")
    writer.add_tensor("w", np.zeros((2, 3), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path


def test_kinds_of_the_package_are_shown(made: Path) -> None:
    kinds = report(made, "show --kinds")["kinds"]
    listed = {one["kind"] for one in kinds if one["read_by"] == "assay-show"}
    shown = {}
    for name in ("damage.json", "answers.json", "model.GGUF"):
        shown[name] = report(made, "show", name)
        lines = done(made, "show", name).splitlines()
        assert lines[0] == f"{name}: {shown[name]['kind']}"
        assert len(lines) == len(shown[name]) - 1
    assert {one["kind"] for one in shown.values()} == listed
    assert shown["damage.json"]["layers"] == 2
    assert shown["answers.json"]["without_proofs"] == ["the cache held rows"]
    gguf = shown["model.GGUF"]
    assert (gguf["architecture"], gguf["name"], gguf["values"]) == ("llama", "tiny", 6)


@pytest.mark.parametrize("name", ["damage.json", "answers.json", "model.GGUF"])
def test_a_broken_file_is_named_as_broken(name: str, made: Path) -> None:
    data = (made / name).read_bytes()
    (made / name).write_bytes(data[: len(data) - len(data) // 4])
    assert name in refused(made, "show", name)


def test_layers_offers_the_reader(made: Path) -> None:
    assert assay.layers.read_damage(made / "damage.json").subject.model_name == "m"
