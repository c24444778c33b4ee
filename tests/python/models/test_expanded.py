"""GGUF models that were expanded once, and are kept as safetensors."""

import os
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType

from assay import models
from assay.errors import ModelError
from assay.models import Engine, engine_of, expanded, load, loading

Q8_0 = GGMLQuantizationType.Q8_0


def write_gguf(path: Path, seed: int = 1) -> Path:
    """A llama of two blocks with weights of 8 bits, and a tokenizer of 40 tokens."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(8)
    writer.add_vocab_size(40)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(["w", *map(str, range(10)), "w1", *(f"x{i}" for i in range(28))])
    writer.add_token_types([1] * 40)
    writer.add_token_merges(["w 1"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    draw = np.random.default_rng(seed)

    def add(name: str, *shape: int) -> None:
        values = (draw.standard_normal(shape) * 0.3).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, gguf.quants.quantize(values, Q8_0), raw_dtype=Q8_0)

    add("token_embd.weight", 40, 32)
    add("output_norm.weight", 32)
    add("output.weight", 40, 32)
    for block in ("blk.0.", "blk.1."):
        add(block + "attn_norm.weight", 32)
        add(block + "ffn_norm.weight", 32)
        add(block + "attn_q.weight", 32, 32)
        add(block + "attn_k.weight", 16, 32)
        add(block + "attn_v.weight", 16, 32)
        add(block + "attn_output.weight", 32, 32)
        add(block + "ffn_gate.weight", 64, 32)
        add(block + "ffn_up.weight", 64, 32)
        add(block + "ffn_down.weight", 32, 64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def expanding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on, the GGUF files that are expanded."""
    seen: list[str] = []
    own = loading._pretrained

    def noted(location: str, dtype: object, options: dict[str, object]) -> object:
        if "gguf_file" in options:
            seen.append(str(options["gguf_file"]))
        return own(location, dtype, options)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "_pretrained", noted)
    return seen


def same_weights(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    ours, theirs = left.state_dict(), right.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[k], theirs[k]) for k in ours)


@pytest.mark.parametrize("dtype", ["auto", "bfloat16", "float16"])
def test_what_is_kept_has_the_same_bits(
    file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    engine = Engine(dtype, "sdpa", "cpu")
    monkeypatch.setenv("ASSAY_CACHE", "off")
    plain = load(str(file), engine)
    assert not cache.exists()
    monkeypatch.setenv("ASSAY_CACHE", str(cache))
    seen = expanding(monkeypatch)
    first, second = load(str(file), engine), load(str(file), engine)
    assert seen == ["tiny.gguf"]
    for kept in (first, second):
        assert same_weights(kept.model, plain.model)
        assert kept.model.dtype == plain.model.dtype
        assert kept.source == plain.source
        assert engine_of(kept.model) == engine_of(plain.model)
        assert engine_of(kept.model).settings["quantization"] == "gguf: tiny.gguf"
        assert kept.model.config.name_or_path == plain.model.config.name_or_path
        assert kept.model.generation_config.to_dict() == plain.model.generation_config.to_dict()
        text = "w3 1 x x 7"
        assert kept.tokenizer(text)["input_ids"] == plain.tokenizer(text)["input_ids"]
        assert kept.tokenizer.eos_token_id == plain.tokenizer.eos_token_id
        ids = torch.tensor([[3, 1, 4]])
        with torch.no_grad():
            assert torch.equal(kept.model(ids).logits, plain.model(ids).logits)


def test_another_file_of_the_name_is_another_model(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = expanding(monkeypatch)
    path = write_gguf(tmp_path / "a.gguf", seed=2)
    before = load(str(path)).model
    stamp = path.stat()
    write_gguf(path, seed=3)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    after = load(str(path)).model
    assert not same_weights(before, after)
    assert seen == ["a.gguf", "a.gguf"]
    path.rename(tmp_path / "b.gguf")
    assert same_weights(load(str(tmp_path / "b.gguf")).model, after)
    assert len(seen) == 2
    assert len(list((cache / "gguf").iterdir())) == 2


def test_a_cache_that_cannot_be_written_changes_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in_the_way").write_text("")
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "in_the_way"))
    seen = expanding(monkeypatch)
    assert load(str(file)).model.dtype == torch.float32
    assert seen == ["tiny.gguf"]


def test_nothing_is_left_of_what_could_not_be_kept(
    file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("transformers.LlamaForCausalLM.save_pretrained", full)
        assert load(str(file)).model.dtype == torch.float32
        assert list((cache / "gguf").iterdir()) == []

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("transformers.LlamaForCausalLM.save_pretrained", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(str(file))
        assert list((cache / "gguf").iterdir()) == []


def test_what_an_ended_process_left_is_removed_in_time(file: Path, cache: Path) -> None:
    old, new = cache / "gguf" / ".x.00.part", cache / "gguf" / ".y.00.part"
    for left in (old, new):
        left.mkdir(parents=True)
        (left / "model.safetensors").write_text("half")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    load(str(file))
    assert not old.exists()
    assert new.exists()


def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    place = expanded.place_of(models.resolve(str(file)))
    assert place is not None
    assert place.parent == tmp_path / "gguf"
    ((_, digest),) = models.digests(models.resolve(str(file)))
    assert place.name.startswith(f"{digest}-transformers-")
    assert expanded.place_of(models.resolve("owner/name")) is None
    monkeypatch.delenv("ASSAY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert expanded.cache_folder() == tmp_path / "xdg" / "assay"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded.cache_folder() == tmp_path / ".cache" / "assay"


def test_a_broken_file_is_refused_as_before(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="could not be loaded"):
        load(str(tmp_path / "broken.gguf"))
    assert list((cache / "gguf").iterdir()) == []
