"""The Python functions: results, options, events, and the state they leave behind."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

import assay.hidden_states
from assay.hidden_states import CaptureError, ModelError, Progress, capture, capture_model
from tiny_models import VOCAB, folder, tiny, tokenizer

PROMPT = "w3 w7 w11"
IDS = torch.tensor([[3, 7, 11]])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(folder(tmp_path_factory.mktemp("models")))


def test_a_folder_and_its_loaded_model_give_the_same(model: str) -> None:
    loaded = capture_model(tiny(), tokenizer(), PROMPT, max_new_tokens=5)
    named = capture(model, PROMPT, max_new_tokens=5)
    assert named.model_name == "tiny"
    assert named.generated_text == loaded.generated_text
    assert torch.equal(named.token_sequence, loaded.token_sequence)
    for left, right in zip(named.hidden_states, loaded.hidden_states, strict=True):
        assert torch.equal(left, right)


def test_text_is_the_continuation_only() -> None:
    got = capture_model(tiny(), tokenizer(), PROMPT, max_new_tokens=4)
    words = [f"w{i}" for i in got.token_sequence[0, 3:].tolist()]
    assert got.generated_text.split() == words
    assert torch.equal(got.token_sequence[:, :3], IDS)


def test_token_ids_in_place_of_a_tokenizer() -> None:
    got = capture_model(tiny(), IDS, max_new_tokens=4, model_name="mine")
    assert (got.model_name, got.prompt, got.generated_text) == ("mine", "", "")
    assert got.tokens == 7


def test_global_state_comes_back(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    before = _state()
    capture(model, PROMPT, max_new_tokens=3, do_sample=True, seed=9)
    assert _state() == before
    capture(model, PROMPT, max_new_tokens=3, deterministic=True)
    assert _state() == before
    with pytest.raises(CaptureError):
        capture(model, PROMPT, max_new_tokens=99, deterministic=True)
    assert _state() == before


def _state() -> tuple[object, ...]:
    numpy_state = np.random.get_state()
    return (
        random.getstate(),
        numpy_state[1].tobytes(),
        numpy_state[2],
        torch.get_rng_state().numpy().tobytes(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        torch.is_grad_enabled(),
    )


def test_deterministic_settings_hold_while_the_model_runs() -> None:
    seen = []

    def look(progress: Progress) -> None:
        seen.append(
            (
                torch.are_deterministic_algorithms_enabled(),
                torch.backends.cudnn.deterministic,
                os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
            )
        )

    got = capture_model(tiny(), IDS, max_new_tokens=2, deterministic=True, on_progress=look)
    assert set(seen) == {(True, True, ":4096:8")}
    assert got.engine["deterministic"] is True


def test_sampling_follows_the_seed() -> None:
    def tokens(**options: object) -> list[int]:
        got = capture_model(tiny(), IDS, max_new_tokens=20, **options)
        return got.token_sequence[0].tolist()

    greedy = tokens()
    hot = tokens(do_sample=True, temperature=3.0, seed=1)
    assert hot == tokens(do_sample=True, temperature=3.0, seed=1)
    assert hot != tokens(do_sample=True, temperature=3.0, seed=2)
    assert hot != greedy
    assert greedy == tokens(do_sample=True, temperature=3.0, deterministic=True)


def test_settings_shipped_with_the_model() -> None:
    """Those that change what is run are overridden, those of the sampling are kept."""
    model = tiny()
    plain = capture_model(model, IDS, max_new_tokens=6)
    model.generation_config.update(
        num_beams=3,
        do_sample=True,
        top_k=7,
        cache_implementation="static",
        max_length=9,
        return_dict_in_generate=True,
        output_hidden_states=True,
        use_cache=False,
    )
    again = capture_model(model, IDS, max_new_tokens=6)
    assert torch.equal(again.token_sequence, plain.token_sequence)
    for left, right in zip(again.hidden_states, plain.hidden_states, strict=True):
        assert torch.equal(left, right)
    sampled = capture_model(model, IDS, max_new_tokens=6, do_sample=True)
    assert sampled.generation["top_k"] == 7


def test_progress() -> None:
    seen: list[Progress] = []
    capture_model(tiny(), IDS, max_new_tokens=3, on_progress=seen.append)
    assert seen == [
        *(Progress("generate", i, 3) for i in range(4)),
        *(Progress("check", i, 4) for i in range(1, 5)),
    ]
    seen.clear()
    capture_model(tiny(), IDS, max_new_tokens=1, mode="recompute", on_progress=seen.append)
    assert [p for p in seen if p.stage == "forward"] == [
        Progress("forward", 0, 1),
        Progress("forward", 1, 1),
    ]


def test_training_mode_comes_back() -> None:
    model = tiny("gpt2").train()
    assert model.config.resid_pdrop > 0
    first = capture_model(model, IDS, max_new_tokens=3)
    second = capture_model(model, IDS, max_new_tokens=3)
    assert model.training
    assert torch.equal(first.hidden_states[-1], second.hidden_states[-1])


@pytest.mark.parametrize("ids", [torch.tensor([1, 2]), torch.ones(2, 3), torch.ones(1, 0)])
def test_ids_of_the_wrong_shape(ids: torch.Tensor) -> None:
    with pytest.raises(CaptureError, match=r"token ids: have shape .*give \(1, n\)"):
        capture_model(tiny(), ids)


def test_ids_outside_the_vocabulary() -> None:
    with pytest.raises(ModelError, match="could not run"):
        capture_model(tiny(), torch.tensor([[VOCAB]]), max_new_tokens=1)


def test_wrong_names() -> None:
    with pytest.raises(CaptureError, match="mode second: unknown"):
        capture_model(tiny(), IDS, mode="second")
    with pytest.raises(CaptureError, match="dtype int8: unknown"):
        capture("smollm2", PROMPT, dtype="int8")
    with pytest.raises(CaptureError, match="device nowhere: unknown"):
        capture("smollm2", PROMPT, device="nowhere")


def test_every_public_name_is_there() -> None:
    for name in assay.hidden_states.__all__:
        assert getattr(assay.hidden_states, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = assay.hidden_states.absent


def test_names_of_files_do_not_hold_a_path(tmp_path: Path, model: str) -> None:
    got = capture(f"{model}/../tiny/", PROMPT, max_new_tokens=1)
    assert got.save(tmp_path).stats.name == "tiny_stats.json"
    own = tiny()
    own.config.name_or_path = "/somewhere/else/big"
    assert capture_model(own, IDS, max_new_tokens=1).model_name == "big"
