"""The files of a capture: contents, determinism of the bytes, and what a failure leaves behind."""

import json
import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load

import assay
from assay.hidden_states import Capture, NonFiniteError, SaveError, capture_model
from assay.hidden_states.safetensors_file import write_safetensors
from assay.hidden_states.statistics import layer_stats
from assay.writing import write_together
from tiny_models import HIDDEN, tiny, tokenizer

PROMPT = "w3 w7 w11"


@pytest.fixture(scope="module")
def captured() -> Capture:
    return capture_model(
        tiny("llama", torch.bfloat16), tokenizer(), PROMPT, max_new_tokens=5, model_name="me/tiny"
    )


def test_safetensors_file(captured: Capture, tmp_path: Path) -> None:
    files = captured.save(tmp_path)
    assert files.activations == tmp_path / "me_tiny_activations.safetensors"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "me_tiny_activations.safetensors",
        "me_tiny_stats.json",
    ]
    with safe_open(files.activations, "pt") as file:
        assert set(file.keys()) == {"token_sequence", *captured.names}
        assert torch.equal(file.get_tensor("token_sequence"), captured.token_sequence)
        for name, state in zip(captured.names, captured.hidden_states, strict=True):
            assert torch.equal(file.get_tensor(name), state)
            assert file.get_tensor(name).dtype == torch.bfloat16
        metadata = file.metadata()
    assert metadata["format"] == "assay/capture/v1"
    assert metadata["model_name"] == "me/tiny"
    assert metadata["prompt"] == PROMPT
    assert metadata["generated_text"] == captured.generated_text != ""
    assert metadata["capture_mode"] == "decode"
    assert (metadata["rows"], metadata["tokens"], metadata["seed"]) == ("7", "8", "42")
    assert json.loads(metadata["taps"])[:2] == [
        {"name": "embedding", "tap": "embedding", "block": None},
        {"name": "layer_0", "tap": "residual", "block": 0},
    ]
    engine = json.loads(metadata["engine"])
    assert engine["torch"] == torch.__version__
    assert (engine["dtype"], engine["device"]) == ("torch.bfloat16", "cpu")
    assert (engine["attention"], engine["deterministic"]) == ("sdpa", False)
    assert json.loads(metadata["generation"])["max_new_tokens"] == 5
    assert json.loads(metadata["model_files"]) == []


def test_pt_file_is_the_plain_dictionary(captured: Capture, tmp_path: Path) -> None:
    files = captured.save(tmp_path, "pt")
    assert files.activations.name == "me_tiny_activations.pt"
    data = torch.load(files.activations, weights_only=True)
    assert set(data) == {
        "model_name",
        "prompt",
        "generated_text",
        "token_sequence",
        "hidden_states",
        "assay",
    }
    assert isinstance(data["hidden_states"], tuple)
    assert data["token_sequence"].dtype == torch.int64
    assert torch.equal(data["token_sequence"], captured.token_sequence)
    for got, state in zip(data["hidden_states"], captured.hidden_states, strict=True):
        assert torch.equal(got, state)
    assert data["assay"]["format"] == "assay/capture/v1"
    assert data["assay"]["rows"] == 7
    assert data["assay"]["taps"][-1] == {"name": "layer_2", "tap": "final_norm", "block": 2}


@pytest.mark.parametrize("mode", ["decode", "recompute"])
def test_both_files_are_the_same_thing_to_commit_to(mode: Any, tmp_path: Path) -> None:
    held = capture_model(tiny(), tokenizer(), PROMPT, max_new_tokens=5, mode=mode)
    first, second = (
        assay.Tensor.read(held.save(tmp_path, kind).activations) for kind in ("safetensors", "pt")
    )
    assert (first.capture_mode, first.layers) == (second.capture_mode, second.layers)
    assert (first.capture_mode, first.layers[-1].tap) == (mode, "final_norm")
    assert first.layout == second.layout


def test_a_pt_file_that_lost_a_layer_is_refused(captured: Capture, tmp_path: Path) -> None:
    files = captured.save(tmp_path, "pt")
    data = torch.load(files.activations, weights_only=True)
    states = data["hidden_states"]
    data["hidden_states"] = (states[0], *states[2:])
    torch.save(data, files.activations)
    lost = f"taps: of {len(states)} layers, the file has {len(states) - 1}"
    with pytest.raises(assay.InputError, match=lost):
        assay.Tensor.read(files.activations)


def test_stats_file(captured: Capture, tmp_path: Path) -> None:
    stats = json.loads(captured.save(tmp_path).stats.read_text(encoding="utf-8"))
    size = captured.rows * HIDDEN
    assert list(stats) == [
        "model_name",
        "prompt",
        "generated_text",
        "size_summary",
        "layer_stats",
    ]
    assert stats["size_summary"] == {"min_size": size, "max_size": size, "avg_size": float(size)}
    for layer, name, state in zip(
        stats["layer_stats"], captured.names, captured.hidden_states, strict=True
    ):
        wide = state.double()
        assert layer == {
            "layer": name,
            "shape": [1, captured.rows, HIDDEN],
            "num_elements": size,
            "min": wide.min().item(),
            "max": wide.max().item(),
            "mean": pytest.approx(wide.mean().item(), rel=1e-12),
            "dtype": "torch.bfloat16",
            "precision_bits": 16,
        }


def test_early_end_leaves_nothing_of_the_unused_rows(tmp_path: Path) -> None:
    model = tiny("llama")
    free = capture_model(model, tokenizer(), PROMPT, max_new_tokens=20)
    generated = free.token_sequence[0, 3:].tolist()
    end = generated[4]
    model.generation_config.eos_token_id = end
    ended = capture_model(model, tokenizer(), PROMPT, max_new_tokens=20)
    rows = 3 + generated.index(end)
    assert (ended.rows, ended.tokens) == (rows, rows + 1)
    for short, long in zip(ended.hidden_states, free.hidden_states, strict=True):
        assert torch.equal(short, long[:, :rows])
        assert short.untyped_storage().nbytes() == short.nbytes
    assert ended.save(tmp_path, "pt").activations.stat().st_size < 12_000


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mode", ["decode", "recompute"])
def test_non_finite_values_are_refused(bad: float, mode: str) -> None:
    model = tiny("llama")
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[5, 0] = bad
    with pytest.raises(NonFiniteError, match=r"layer_1: value at index \(0, \d+, \d+\) is"):
        capture_model(model, tokenizer(), PROMPT, max_new_tokens=2, mode=mode)


def test_non_finite_index_beyond_the_first_chunk() -> None:
    values = torch.zeros(1, 3, 200_000)
    values[0, 2, 17] = -math.inf
    with pytest.raises(NonFiniteError, match=r"layer_4: value at index \(0, 2, 17\) is -inf"):
        layer_stats("layer_4", values)


def test_statistics_over_several_chunks() -> None:
    values = torch.randn(1, 7, 100_003)
    stats = layer_stats("x", values)
    assert (stats.min, stats.max) == (values.min().item(), values.max().item())
    assert stats.mean == pytest.approx(values.double().mean().item(), abs=1e-15)


def test_a_full_disk_leaves_the_old_files(captured: Capture, tmp_path: Path) -> None:
    for format in ("safetensors", "pt"):
        files = captured.save(tmp_path, format)
        old = files.activations.read_bytes()
        # No other generated text can make this one equal to the file that is there.
        other = replace(captured, generated_text="other")
        with file_size_limit(1000), pytest.raises(SaveError) as raised:
            other.save(tmp_path, format)
        assert str(files.activations) in str(raised.value)
        assert "\n" not in str(raised.value)
        assert files.activations.read_bytes() == old
    assert not list(tmp_path.glob(".*"))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_ctrl_c_in_the_second_file_leaves_neither(tmp_path: Path) -> None:
    def interrupted(file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_together({tmp_path / "a": lambda f: f.write(b"whole"), tmp_path / "b": interrupted})
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder(captured: Capture, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveError, match="file/sub: could not be made"):
        captured.save(tmp_path / "file" / "sub")


def test_new_files_get_the_usual_permissions(captured: Capture, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    saved = captured.save(tmp_path / "new" / "deep").activations
    assert saved.stat().st_mode == (tmp_path / "plain").stat().st_mode


dtypes = st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64])
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z_0-9]{1,8}", fullmatch=True),
        st.tuples(dtypes, shapes, st.integers(0, 2**31)),
        min_size=1,
        max_size=5,
    ),
    st.dictionaries(text, text, max_size=4),
)
def test_writer_round_trip(
    specs: dict[str, tuple[torch.dtype, list[int], int]], metadata: dict[str, str]
) -> None:
    tensors = {
        name: torch.randint(-99, 99, shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
        for name, (dtype, shape, seed) in specs.items()
    }
    file = BytesIO()
    write_safetensors(file, tensors, metadata)
    data = file.getvalue()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    assert header["__metadata__"] == metadata
    for name, tensor in tensors.items():
        assert header[name]["data_offsets"][0] % tensor.element_size() == 0
    loaded = load(data)
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_saving_twice_gives_the_same_bytes(captured: Capture, tmp_path: Path) -> None:
    for format in ("safetensors", "pt"):
        first = captured.save(tmp_path / "a", format)
        second = captured.save(tmp_path / "b", format)
        assert first.activations.read_bytes() == second.activations.read_bytes()
        assert first.stats.read_bytes() == second.stats.read_bytes()
        assert first.activations.stat().st_size > captured.rows * HIDDEN * 2 * 4
