"""What `encode` takes and makes: arrays, uncopied, of numpy and torch; lists, captures, layouts."""

import decimal
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import assay
from assay.hidden_states import Capture, capture_model
from tiny_models import HIDDEN, LAYERS, tiny, tokenizer

R = assay.R
STATES = torch.linspace(-4, 4, 2 * 3 * 24).reshape(2, 3, 24)


def bits(dtype: torch.dtype) -> torch.dtype:
    return torch.int32 if dtype == torch.float32 else torch.int16


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_torch_floats_as_bits_without_a_copy(dtype: torch.dtype) -> None:
    array = STATES[0].to(dtype)
    tensor = assay.encode(array, "bits", "flat")
    assert tensor.dtype == str(dtype).removeprefix("torch.")
    assert (tensor.values == array.view(bits(dtype)).numpy()).all()
    assert tensor.values.ctypes.data == array.data_ptr()
    assert not tensor.values.flags.writeable


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_numpy_floats_as_bits_without_a_copy(dtype: type) -> None:
    array = STATES[1].numpy().astype(dtype)
    tensor = assay.encode(array, "bits", "flat")
    assert tensor.dtype == np.dtype(dtype).name
    assert tensor.values.ctypes.data == array.ctypes.data
    assert (tensor.values == array.view(f"i{array.itemsize}")).all()


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
def test_integers_without_a_copy(dtype: str) -> None:
    array = np.arange(-6, 6, dtype=dtype).reshape(3, 4)
    tensor = assay.encode(array, "int", "flat")
    assert (tensor.dtype, tensor.axes) == (dtype, (3, 4))
    assert tensor.values.ctypes.data == array.ctypes.data
    torched = assay.encode(torch.from_numpy(array), "int", "flat")
    assert torched.values.ctypes.data == array.ctypes.data
    assert tensor[2, 3] == 5


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "uint32", "uint64"])
def test_unsigned_integers(dtype: str) -> None:
    array = np.array([0, 1, np.iinfo(dtype).max if dtype != "bool" else 1], dtype)
    tensor = assay.encode(array, "int", "flat")
    assert tensor.dtype == dtype
    assert [tensor[(i,)] for i in range(3)] == array.astype(object).tolist()
    if dtype in ("bool", "uint8"):
        assert assay.encode(torch.from_numpy(array), "int", "flat")[(2,)] == array[2]


def test_memory_lives_as_long_as_the_tensor() -> None:
    tensor = assay.encode(np.arange(1000), "int", "flat")
    values = tensor.values
    del tensor
    junk = [np.zeros(1000, np.int64) for _ in range(50)]
    assert (values == np.arange(1000)).all()
    assert len(junk) == 50


def test_bfloat16_bits_in_a_numpy_array() -> None:
    array = STATES[0].to(torch.bfloat16)
    for view in (array.view(torch.int16).numpy(), array.view(torch.int16).numpy().view("u2")):
        tensor = assay.encode(view, "bits", "flat", dtype="bfloat16")
        assert tensor.dtype == "bfloat16"
        assert (tensor.values == assay.encode(array, "bits", "flat").values).all()
    with pytest.raises(assay.InputError, match="cannot be read as bfloat16"):
        assay.encode(np.zeros(3, np.int32), "bits", "flat", dtype="bfloat16")
    with pytest.raises(assay.InputError, match="cannot be read as bfloat16"):
        assay.encode(np.zeros(3, np.float16), "bits", "flat", dtype="bfloat16")
    with pytest.raises(assay.InputError, match="no dtype is called"):
        assay.encode(np.zeros(3, np.int16), "bits", "flat", dtype="bf16")


def test_other_orders_of_memory() -> None:
    array = np.arange(24, dtype=np.int32).reshape(4, 6)
    for other in (np.asfortranarray(array), array.astype(">i4"), torch.from_numpy(array).t().t()):
        assert (assay.encode(other, "int", "flat").values == array).all()
    assert (assay.encode(array[::-2, 1:], "int", "flat").values == array[::-2, 1:]).all()
    turned = torch.from_numpy(array).t()
    assert (assay.encode(turned, "int", "flat").values == array.T).all()


def test_read_only_and_differentiated_arrays() -> None:
    array = np.arange(4)
    array.setflags(write=False)
    assert assay.encode(array, "int", "flat")[(3,)] == 3
    grown = torch.ones(2, 3, requires_grad=True) * 2
    assert assay.encode(grown, "decimal:0", "flat")[1, 2] == 2


def test_python_integers() -> None:
    tensor = assay.encode([[R // 2, -(R // 2)], [2**63, -1]], "int", "flat")
    assert tensor.dtype is None
    assert tensor.axes == (2, 2)
    assert tensor.values.shape == (2, 2, 32)
    assert [tensor[p] for p in np.ndindex(2, 2)] == [R // 2, -(R // 2), 2**63, -1]
    objects = np.array([[1, -(10**30)]], object)
    assert assay.encode(objects, "int", "flat")[0, 1] == -(10**30)


@pytest.mark.parametrize("bad", [R // 2 + 1, -(R // 2) - 1, R])
def test_integers_too_large_to_be_told_from_negative_ones(bad: int) -> None:
    with pytest.raises(assay.InputError, match="value 1") as raised:
        assay.encode([0, bad], "int", "flat")
    assert raised.value.code == "out_of_range"


@pytest.mark.parametrize(
    "bad",
    [
        [1, 2.5],
        [[1, 2], [3]],
        ["a"],
        [None],
        np.array(["a"]),
        np.zeros(2, complex),
        np.zeros(2, "g"),
    ],
)
def test_what_is_no_number(bad: object) -> None:
    with pytest.raises((assay.InputError, ValueError)):
        assay.encode(bad, "int", "flat")


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("encoding", ["bits", "decimal:8"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_infinity_and_nan_are_refused_by_layer_and_index(
    bad: float, encoding: str, dtype: torch.dtype
) -> None:
    states = STATES[0].to(dtype, copy=True)
    states[1, 5] = bad
    with pytest.raises(assay.InputError, match="layer_7") as raised:
        assay.encode({"layer_6": STATES[0].to(dtype), "layer_7": states}, encoding)
    assert raised.value.code == "out_of_range"
    assert "29" in str(raised.value)


@settings(max_examples=60)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=9),
    st.integers(0, 30),
)
def test_decimal_is_exact(values: list[float], scale: int) -> None:
    tensor = assay.encode(np.array(values, np.float32), f"decimal:{scale}", "flat")
    with decimal.localcontext(prec=400):
        exact = [Decimal(value).scaleb(scale).quantize(Decimal(1)) for value in values]
    assert [tensor[(index,)] for index in range(len(values))] == exact


@pytest.mark.parametrize(
    ("array", "encoding"),
    [
        (np.zeros(3), "bits"),
        (np.zeros(3, np.int32), "bits"),
        (np.zeros(3, np.float32), "int"),
        (np.zeros(3, np.int32), "decimal:8"),
        ([1, 2], "bits"),
    ],
)
def test_encodings_that_do_not_fit(array: object, encoding: str) -> None:
    with pytest.raises(assay.InputError) as raised:
        assay.encode(array, encoding, "flat")
    assert raised.value.code == "unsupported"


@pytest.mark.parametrize("encoding", ["", "float", "decimal", "decimal:", "decimal:201"])
def test_encodings_that_there_are_not(encoding: str) -> None:
    with pytest.raises(assay.InputError, match="encoding"):
        assay.encode(np.zeros(3, np.float32), encoding, "flat")


def test_layouts() -> None:
    layers = {"embedding": STATES[0], "layer_0": STATES[1]}
    model = assay.encode(layers)
    assert (model.layout, model.axes) == ("model", (2, 3, 6, 4))
    assert (model.real_count, model.padding) == (144, 0)
    assert [layer.name for layer in model.layers] == ["embedding", "layer_0"]
    assert model.layers[1] == ("layer_0", (3, 24), "", 72)
    cube = assay.encode(layers, layout="cube")
    assert (cube.layout, cube.axes, cube.padding) == ("cube", (6, 6, 6), 72)
    assert set(cube.values.ravel()[144:].tolist()) <= set(cube.values.ravel()[:144].tolist())
    other = assay.encode(layers, layout="cube", pad_seed=43)
    assert (other.values.ravel()[:144] == cube.values.ravel()[:144]).all()
    assert (other.values != cube.values).any()
    assert assay.encode(layers, layout="cube", cube_sizes=(4, 4)).axes == (4, 4, 4, 4)
    assert assay.encode(layers, layout="cube", cube_dims=2, cube_sizes=(2, 20)).axes == (12, 12)
    assert assay.encode(layers, layout="flat").axes == (144,)
    assert assay.encode(layers, "bits", "flat", (12, 12)).axes == (12, 12)


def test_a_row_of_the_model_layout_is_padded_with_zeros() -> None:
    tensor = assay.encode(np.ones((2, 17), np.float32))
    assert tensor.axes == (1, 2, 6, 3)
    assert tensor.padding == 2
    assert (tensor.values.reshape(2, 18)[:, 17] == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "torus"}, "no layout is called"),
        ({"layout": "cube", "axes": (6, 6, 4)}, "choose flat"),
        ({"layout": "flat", "axes": (6, 6)}, "axes"),
        ({"layout": "flat", "axes": (0,)}, "axes"),
        ({"layout": "cube", "cube_sizes": (1, 1)}, "dim"),
        ({"capture_mode": "guess"}, "capture mode"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(assay.InputError, match=message):
        assay.encode({"a": STATES[0], "b": STATES[1]}, **options)


def test_layers_of_different_kinds() -> None:
    with pytest.raises(assay.InputError, match=r"'b' is torch\.bfloat16"):
        assay.encode({"a": STATES[0], "b": STATES[1].to(torch.bfloat16)})
    with pytest.raises(assay.InputError) as raised:
        assay.encode({"a": STATES[0], "b": STATES[1][:2]})
    assert raised.value.code == "mismatch"
    with pytest.raises(assay.InputError):
        assay.encode({})
    with pytest.raises(assay.InputError):
        assay.encode(np.zeros((0, 4), np.float32))


# ---- A capture


@pytest.fixture(scope="module")
def captured() -> Capture:
    return capture_model(
        tiny("llama", torch.bfloat16), tokenizer(), "w3 w7", max_new_tokens=4, model_name="tiny"
    )


def test_a_capture_is_committed_with_names_taps_and_mode(captured: Capture) -> None:
    tensor = assay.encode(captured)
    assert tensor.axes[:2] == (LAYERS + 1, captured.rows)
    assert math.prod(tensor.axes[2:]) == HIDDEN
    assert [layer.tap for layer in tensor.layers] == [
        "embedding",
        *(f"block:{i}" for i in range(LAYERS - 1)),
        "final_norm",
    ]
    srs = assay.Srs.dev(tensor.axes, 1)
    commitment = assay.commit(tensor, srs)
    assert commitment.header.capture_mode == "decode"
    assert commitment.header.dtype == "bfloat16"
    assert commitment.header.srs_digest == srs.verifier_key.digest
    assert commitment.header.layers == tensor.layers

    point = commitment.point_of("layer_1", (0, 2, 17))
    place = commitment.place(point)
    assert str(place) == "layer_1[0, 2, 17]"
    assert (place.tap, place.is_padding) == ("block:1", False)
    (opening,) = commitment.open([point])
    assert opening.place == place
    assert opening.value == captured.hidden_states[2].view(torch.int16)[0, 2, 17].item()

    challenge = assay.Challenge.draw(commitment, 5)
    proofs = commitment.open(challenge)
    verdict = assay.verify(
        commitment, proofs, srs.verifier_key, challenge=challenge, captured=captured
    )
    assert verdict
    # Arrays by the same names are the same layers; without one name they are not.
    states = dict(zip(captured.names, captured.hidden_states, strict=True))
    assert assay.verify(commitment, proofs, srs.verifier_key, captured=states)
    states["renamed"] = states.pop("layer_2")
    wrong = assay.verify(commitment, proofs, srs.verifier_key, captured=states)
    assert wrong.step == "captured tensor"


def test_captures_in_the_other_layouts_and_encodings(captured: Capture) -> None:
    for layout, encoding in (("cube", "decimal:8"), ("flat", "bits"), ("cube", "bits")):
        tensor = assay.encode(captured, encoding, layout, cube_sizes=(3, 7), pad_seed=7)
        srs = assay.Srs.dev(tensor.axes, 1)
        commitment = assay.commit(tensor, srs)
        proofs = commitment.open(assay.Challenge.draw(commitment, 3))
        expect = {"encoding": encoding, "dtype": "bfloat16", "mode": "decode"}
        assert assay.verify(commitment, proofs, srs.verifier_key, expect=expect, captured=captured)


@pytest.mark.parametrize(
    ("layer", "coordinates"),
    [
        ("layer_9", (0, 0, 0)),
        ("layer_0", (0, 0)),
        ("layer_0", (0, 0, HIDDEN)),
        ("layer_0", (0, -1, 0)),
    ],
)
def test_places_that_there_are_not(
    captured: Capture, layer: str, coordinates: tuple[int, ...]
) -> None:
    tensor = assay.encode(captured)
    commitment = assay.commit(tensor, assay.Srs.dev(tensor.axes, 1))
    with pytest.raises(assay.InputError) as raised:
        commitment.point_of(layer, coordinates)
    assert raised.value.code == "out_of_range"
    with pytest.raises(assay.InputError):
        commitment.place((99, 0, 0, 0))


def test_padding_has_a_place() -> None:
    tensor = assay.encode(np.ones((2, 17), np.float32))
    commitment = assay.commit(tensor, assay.Srs.dev(tensor.axes, 1))
    place = commitment.place((0, 1, 5, 2))
    assert place.is_padding
    assert str(place) == "padding"


# ---- Files


def test_the_file_of_a_capture_is_the_capture(captured: Capture, tmp_path: Path) -> None:
    held = assay.encode(captured)
    srs = assay.Srs.dev(held.axes, 1)
    files = captured.save(tmp_path)
    read = assay.Tensor.read(files.activations)
    assert assay.commit(read, srs) == assay.commit(held, srs)
    cube = assay.Tensor.read(files.activations, "decimal:8", "cube")
    other = assay.encode(captured, "decimal:8", "cube")
    srs = assay.Srs.dev(cube.axes, 1)
    assert assay.commit(cube, srs) == assay.commit(other, srs)
    with pytest.raises(assay.InputError, match="decode"):
        assay.Tensor.read(files.activations, capture_mode="recompute")


def test_arrays_of_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(24).reshape(2, 3, 4))
    tensor = assay.Tensor.read(tmp_path / "a.npy")
    assert (tensor.axes, tensor.layout, tensor.encoding) == ((2, 3, 4), "flat", "int")
    assert (tensor.dtype, tensor[1, 2, 3]) == ("int64", 23)
    assert assay.Tensor.read(tmp_path / "a.npy", axes=(6, 4)).axes == (6, 4)
    np.save(tmp_path / "o.npy", np.array([[1, -(2**100)]], object))
    assert assay.Tensor.read(str(tmp_path / "o.npy"))[0, 1] == -(2**100)
    torch.save({"a": STATES[0], "b": STATES[1]}, tmp_path / "s.pt")
    tensor = assay.Tensor.read(tmp_path / "s.pt", capture_mode="prefill")
    assert (tensor.axes, tensor.layout, tensor.encoding) == ((2, 3, 6, 4), "model", "bits")
    assert tensor.capture_mode == "prefill"


@pytest.mark.parametrize(
    "options", [{"layout": "torus"}, {"encoding": "float"}, {"capture_mode": "guess"}]
)
def test_bad_options_for_files(tmp_path: Path, options: dict) -> None:
    np.save(tmp_path / "a.npy", np.arange(24))
    with pytest.raises(assay.InputError) as raised:
        assay.Tensor.read(tmp_path / "a.npy", **options)
    assert not isinstance(raised.value, assay.DecodeError)
    with pytest.raises(assay.InputError, match="axes"):
        assay.Tensor.read(tmp_path / "a.npy", axes=(5, 5))
    with pytest.raises(assay.InputError, match="axis 1"):
        assay.Tensor.read(tmp_path / "a.npy", axes=(5, -5))


def test_a_directory_of_reshape() -> None:
    path = Path(__file__).parents[3] / "vectors/tensor/seed_int_activations_hypercube"
    tensor = assay.Tensor.read(path)
    assert tensor.layout == "cube"
    assert tensor.values.shape[: len(tensor.axes)] == tensor.axes
    with pytest.raises(assay.InputError, match="own"):
        assay.Tensor.read(path, "bits")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(assay.InputError) as raised:
        assay.Tensor.read(tmp_path / "none")
    assert raised.value.code == "io"
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(assay.DecodeError, match="junk"):
        assay.Tensor.read(tmp_path / "junk")
    for taps in ("{", "[1]", '[{"name": 7}]'):
        save_file(
            {"a": STATES[0]},
            tmp_path / "taps",
            {"format": "assay/capture/v1", "capture_mode": "decode", "taps": taps},
        )
        with pytest.raises(assay.DecodeError, match="taps"):
            assay.Tensor.read(tmp_path / "taps")


@pytest.mark.parametrize(
    "own", [torch.tensor([1 + 2j]).conj().imag, torch._neg_view(torch.tensor([2.0]))]
)
def test_a_sign_that_is_a_flag_of_a_torch_tensor(own: torch.Tensor) -> None:
    assert own.is_neg()
    assert own.is_contiguous() or own.ndim == 1
    tensor = assay.encode(own, "bits", "flat")
    assert tensor.values.view(np.float32).tolist() == [-2.0]
    srs = assay.Srs.dev((1,), seed=1)
    for value, accepted in ((-2.0, True), (2.0, False)):
        commitment = assay.commit(assay.encode(torch.tensor([value]), "bits", "flat"), srs)
        proofs = commitment.open([(0,)])
        verdict = assay.verify(commitment, proofs, srs.verifier_key, captured=own)
        assert bool(verdict) is accepted
        assert verdict.step == ("" if accepted else "captured values")


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (torch.eye(2).to_sparse(), "sparse_coo"),
        (torch.eye(2, device="meta"), "meta"),
        (np.ma.masked_array(np.eye(2), [[0, 1], [0, 0]]), "masked"),
    ],
)
def test_arrays_whose_memory_does_not_hold_their_values(array: Any, kind: str) -> None:
    for act in (
        lambda: assay.encode(array, "bits", "flat"),
        lambda: assay.toploc.build(array, chunk=1, k=1),
        lambda: assay.toploc.fingerprint.project(array, bytes(32)),
    ):
        with pytest.raises(assay.InputError, match=kind) as caught:
            act()
        assert caught.value.code == "unsupported"
