"""Layers of a folder, held against the modules of the model that was saved to it."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from assay import DecodeError, InputError
from assay.weights import Folder, StoredLayer
from tiny_models import FAMILIES, tiny


def walked(model: PreTrainedModel) -> list[StoredLayer]:
    """The linear layers of the blocks as a walk over the modules meets them."""
    found = []
    for name, module in model.named_modules():
        parts = name.split(".")
        number = next((i for i, part in enumerate(parts) if part.isdecimal()), None)
        if number is None or not isinstance(module, (torch.nn.Linear, Conv1D)):
            continue
        found.append(
            StoredLayer(
                int(parts[number]),
                ".".join(parts[number + 1 :]),
                "conv1d" if isinstance(module, Conv1D) else "linear",
                f"{name}.weight",
                "F32",
                tuple(module.weight.shape),
            )
        )
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_the_order_is_that_of_the_modules(family: str, tmp_path: Path) -> None:
    model = tiny(family)
    model.save_pretrained(tmp_path)
    folder = Folder(tmp_path)
    stack = folder.stack()
    assert list(stack.layers) == walked(model)
    assert stack.registered
    assert stack.blocks == max(layer.block for layer in stack.layers) + 1
    assert folder.model_type == model.config.model_type


def test_shards_have_the_same_layers(tmp_path: Path) -> None:
    model = tiny("llama_of_eleven")
    model.save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "many", max_shard_size="40KB")
    one, many = Folder(tmp_path / "one"), Folder(tmp_path / "many")
    assert len(many.shards) > 3
    assert one.stack() == many.stack()


def test_a_convolution_over_pictures(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    weights = {
        "vision.0.conv.weight": torch.zeros(4, 3, 2, 2),
        "vision.0.fc.weight": torch.zeros(2, 2),
    }
    save_file(weights, tmp_path / "model.safetensors")
    stack = Folder(tmp_path).stack("vision")
    assert [(one.name, one.kind, one.shape) for one in stack.layers] == [
        ("conv", "conv2d", (4, 3, 2, 2)),
        ("fc", "linear", (2, 2)),
    ]
    assert not stack.registered


def test_types_that_are_listed_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    small = torch.zeros(2, 2).to(torch.float8_e4m3fn)
    save_file({"layers.0.fc.weight": small}, tmp_path / "model.safetensors")
    (layer,) = Folder(tmp_path).stack().layers
    assert layer.dtype == "F8_E4M3"


def test_what_is_no_whole_model(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Folder(tmp_path)
    assert (caught.value.code, "config.json" in caught.value.place) == ("io", True)
    tiny("llama_of_eleven").save_pretrained(tmp_path, max_shard_size="40KB")
    index_file = tmp_path / "model.safetensors.index.json"
    index = json.loads(index_file.read_text())
    lost, shard = next(iter(index["weight_map"].items()))
    held = load_file(tmp_path / shard)
    del held[lost]
    save_file(held, tmp_path / shard)
    with pytest.raises(DecodeError, match="this tensor is missing"):
        Folder(tmp_path)
    index["weight_map"][lost] = "../elsewhere.safetensors"
    index_file.write_text(json.dumps(index))
    with pytest.raises(DecodeError, match="file of this folder is expected"):
        Folder(tmp_path)
