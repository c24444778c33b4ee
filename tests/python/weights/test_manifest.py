"""One root for a folder, its shards and the model loaded from it; rows that open against it."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from assay import DecodeError, InputError
from assay.models import load
from assay.weights import Folder, Manifest, RowOpening, manifest, open_row, verify_row
from tiny_models import CONFIGS, folder, tiny

EMBEDDING = "model.embed_tokens.weight"


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def tree(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return sha(b"\x00" + leaves[0])
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return sha(b"\x01" + tree(leaves[:half]) + tree(leaves[half:]))


def text(value: str) -> bytes:
    return struct.pack("<I", len(value.encode())) + value.encode()


def defined_root(file: Path) -> str:
    """The root of a safetensors file as docs/weights.md has it, from the file's bytes."""
    data = file.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    leaves = []
    with safe_open(file, "np") as opened:
        names = sorted(opened.keys(), key=str.encode)
        for name in names:
            part = opened.get_slice(name)
            shape = part.get_shape()
            begin, end = json.loads(data[8 : 8 + length])[name]["data_offsets"]
            held = data[8 + length + begin : 8 + length + end]
            chunks = [held[at : at + 65536] for at in range(0, len(held), 65536)]
            leaves.append(
                b"assay/tensor/v1" + text(name) + text(part.get_dtype())
                + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + tree(chunks)
            )  # fmt: skip
    return sha(b"\x02" + struct.pack("<QQ", 2, len(leaves)) + tree(leaves)).hex()


@pytest.mark.parametrize("layout", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_folder_and_the_model_loaded_from_it(
    layout: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    whole, sharded = tmp_path / "whole", tmp_path / "sharded"
    model = tiny(layout, dtype)
    model.save_pretrained(whole)
    model.save_pretrained(sharded, max_shard_size="10KB")
    assert len(Folder(sharded).shards) >= 3
    again = type(model).from_pretrained(whole)
    roots = {manifest(one).root for one in (whole, sharded, model, again)}
    assert roots == {defined_root(whole / "model.safetensors")}
    # In memory its head is called lm_head, in files embed_out.
    renamed = layout == "gpt_neox"
    assert (manifest(again.state_dict()).root in roots) != renamed


def test_a_folder_that_stores_the_tied_head_too(tmp_path: Path) -> None:
    path = folder(tmp_path, layout="gemma")
    held = load_file(path / "model.safetensors")
    root = manifest(path).root
    held["lm_head.weight"] = held[EMBEDDING].clone()
    save_file(held, path / "model.safetensors", {"format": "pt"})
    assert manifest(path).root == root == manifest(load(str(path)).model).root


def test_the_files_beside_the_weights(tmp_path: Path) -> None:
    path = folder(tmp_path)
    found = manifest(path)
    assert found.files["config.json"] == sha((path / "config.json").read_bytes()).hex()
    assert {"config.json", "generation_config.json", "tokenizer.json"} <= found.files.keys()
    assert manifest(tiny()).files == {}
    assert found.root == manifest(tiny()).root
    assert found.digest != manifest(tiny()).digest
    (entry,) = (one for one in found.tensors if one.name == EMBEDDING)
    assert (entry.dtype, entry.shape) == ("F32", tuple(tiny().model.embed_tokens.weight.shape))


def test_all_types_of_elements() -> None:
    bits = torch.arange(16, dtype=torch.uint8)
    types = [
        "bfloat16",
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
    ]
    types += [
        "float8_e4m3fn",
        "float8_e5m2",
        "float8_e8m0fnu",
        "float8_e4m3fnuz",
        "float8_e5m2fnuz",
    ]
    roots = {manifest({"a": bits.view(getattr(torch, name))}).root for name in types}
    assert len(roots) == len(types)
    for name in ("float16", "float32", "int64", "uint8"):
        held = bits.view(getattr(torch, name))
        assert manifest({"a": held}).root == manifest({"a": held.numpy()}).root
    # Values, not how they lie in memory.
    square = torch.arange(6.0).reshape(2, 3)
    assert manifest({"a": square.T}).root == manifest({"a": square.T.contiguous()}).root
    assert manifest({"a": square.T}).root != manifest({"a": square.reshape(3, 2)}).root
    for empty in (torch.zeros(0, 3), torch.zeros(())):
        assert manifest({"a": empty}).tensors[0].shape == tuple(empty.shape)


def test_what_has_no_root() -> None:
    for model, code, place in (
        ({}, "out_of_range", "tensors"),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, "unsupported", "a"),
        ({"a": np.zeros(2, ">f4")}, "unsupported", "a"),
        ({"a": torch.zeros(2, device="meta")}, "unsupported", "a"),
        (3, "unsupported", "model"),
    ):
        with pytest.raises(InputError) as caught:
            manifest(model)
        assert (caught.value.code, caught.value.place) == (code, place)


def test_a_row_opens_against_the_root(tmp_path: Path) -> None:
    path = folder(tmp_path)
    model = tiny()
    root = manifest(path).root
    for source in (path, model, model.state_dict()):
        opening = open_row(source, EMBEDDING, 17)
        assert verify_row(opening, root, EMBEDDING, 17)
        row = np.frombuffer(opening.values, np.float32)
        assert torch.equal(torch.from_numpy(row.copy()), model.model.embed_tokens.weight[17])
    sent = open_row(path, EMBEDDING, 17, manifest(path)).to_bytes()
    assert sent == opening.to_bytes()
    assert verify_row(sent, root).checks[0] == ("expectation", "missing")
    assert verify_row(sent, root, EMBEDDING, 18).step == "expectation"
    assert verify_row(sent, root, "lm_head.weight").step == "expectation"
    assert verify_row(sent, "00" * 32).step == "root"
    changed = bytearray(sent)
    changed[-100] ^= 1
    assert verify_row(bytes(changed), root, EMBEDDING, 17).step in {"chunks", "row"}
    with pytest.raises(DecodeError):
        verify_row(sent[:-1], root)
    for digest in ("0", "00" * 31, "zz" * 32):
        with pytest.raises(InputError) as caught:
            verify_row(sent, digest)
        assert (caught.value.code, caught.value.place) == ("malformed", "root")
    opening.write(tmp_path / "row")
    assert RowOpening.read(tmp_path / "row").to_bytes() == sent
    assert (opening.tensor, opening.row, opening.dtype) == (EMBEDDING, 17, "F32")
    assert opening.shape == tuple(model.model.embed_tokens.weight.shape)


def test_rows_that_there_are_not(tmp_path: Path) -> None:
    path = folder(tmp_path)
    for model in (path, tiny()):
        for tensor, row, code in (
            ("nothing", 0, "mismatch"),
            (EMBEDDING, 40, "out_of_range"),
            (EMBEDDING, -1, "out_of_range"),
        ):
            with pytest.raises(InputError) as caught:
                open_row(model, tensor, row)
            assert caught.value.code == code
    other = manifest(tiny("mistral"))
    with pytest.raises(InputError, match="is not the tensor of the manifest"):
        open_row(tiny(dtype=torch.bfloat16), EMBEDDING, 1, other)


def test_a_folder_is_checked_against_a_manifest(tmp_path: Path) -> None:
    path = folder(tmp_path)
    expected = manifest(path)
    expected.write(tmp_path / "m")
    assert Manifest.read(tmp_path / "m") == expected == Manifest.from_bytes(expected.to_bytes())
    assert Folder(path).check(expected)
    assert expected.check_root(expected.root)
    assert expected.check_root("00" * 32).step == "root"
    held = load_file(path / "model.safetensors")
    held[EMBEDDING][3, 3] += 1
    save_file(held, path / "model.safetensors", {"format": "pt"})
    assert Folder(path).check(expected).step == "bytes"
    held[EMBEDDING] = held[EMBEDDING].bfloat16()
    save_file(held, path / "model.safetensors", {"format": "pt"})
    assert Folder(path).check(expected).step == "dtype"
    del held[EMBEDDING]
    save_file(held, path / "model.safetensors", {"format": "pt"})
    assert Folder(path).check(expected).step == "tensors"


def test_each_part_is_in_the_root() -> None:
    state = dict(tiny().state_dict())
    root = manifest(state).root
    flipped = state[EMBEDDING].clone()
    flipped.view(torch.int32)[0, 0] ^= 1
    rows, width = flipped.shape
    for name, value in (
        (EMBEDDING, flipped),
        (EMBEDDING, state[EMBEDDING].view(torch.int32)),
        (EMBEDDING, state[EMBEDDING].reshape(width, rows)),
        ("another.name", state[EMBEDDING]),
    ):
        changed = {key: held for key, held in state.items() if key != EMBEDDING} | {name: value}
        assert manifest(changed).root != root
    assert manifest({key: held for key, held in state.items() if key != EMBEDDING}).root != root
