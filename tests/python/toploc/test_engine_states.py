"""States that engines wrote: vLLM's connector, responses of SGLang."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel

import assay
import tiny_models
from assay import DecodeError, InputError, toploc
from assay.models import Engine, final_norm, load
from assay.toploc import Signature
from assay.toploc.chunks import Shape
from assay.toploc.engine_states import read_sglang_states, read_states, read_vllm_states
from assay.toploc.producing import produce
from assay_program import DONE, FAILED, refused, report

K = 16
SHAPE = Shape(chunk=4, k=K)
PROMPT = [3, 1, 4, 1, 5, 9, 2, 6]
# The published bounds want 32 tokens at least.
BOUNDS = toploc.Profile.from_json(
    json.dumps({**json.loads(toploc.Profile.published().to_json()), "minimum_points": 5})
)


def model(layout: str = "llama") -> PreTrainedModel:
    return tiny_models.tiny(layout, torch.bfloat16)


def before_norm(made: PreTrainedModel, prompt: list[int], output: list[int]) -> torch.Tensor:
    """The states of every token but the last, before the final norm."""
    seen: list[torch.Tensor] = []
    handle = final_norm(made).register_forward_pre_hook(
        lambda _, args: seen.append(args[0].detach())
    )
    with torch.no_grad():
        made(torch.tensor([[*prompt, *output[:-1]]]))
    handle.remove()
    return seen[-1][0]


def head_input(made: PreTrainedModel, prompt: list[int], output: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return final_norm(made)(before_norm(made, prompt, output))


def response_of(prompt: list[int], output: list[int], states: torch.Tensor) -> dict[str, Any]:
    """As SGLang's /generate answers."""
    rows = states.float().tolist()
    return {
        "text": " w5",
        "output_ids": output,
        "meta_info": {
            "id": "6f0c",
            "finish_reason": {"type": "length", "length": len(output)},
            "prompt_tokens": len(prompt),
            "completion_tokens": len(output),
            "cached_tokens": 0,
            "hidden_states": [rows[: len(prompt)], *rows[len(prompt) :]],
        },
    }


@pytest.mark.parametrize("layout", ["llama", "gemma", "gpt_neox", "gpt2", "opt"])
def test_states_before_the_final_norm(layout: str, tmp_path: Path) -> None:
    made = model(layout)
    (found,) = produce(made, [PROMPT], max_new_tokens=8, shape=SHAPE)
    fed = found.prompt + found.output[:-1]
    before = before_norm(made, found.prompt, found.output)
    own = toploc.recompute(made, found.prompt, found.output)
    path = tmp_path / "request.safetensors"
    layers = torch.stack([before.flip(0), before], dim=1).contiguous()
    save_file({"hidden_states": layers, "token_ids": torch.tensor(fed)}, path)
    states, ids = read_vllm_states(path, made)
    assert ids == fed
    assert torch.equal(states[len(PROMPT) - 1 :], own)
    assert toploc.verify(states[len(PROMPT) - 1 :], found.proofs, BOUNDS, chunk=4, k=K)
    assert not torch.equal(read_vllm_states(path, made, layer=0)[0], states)
    # In another dtype than the model's, the states come back in that of the file.
    wide = {"hidden_states": layers.float().contiguous(), "token_ids": torch.tensor(fed)}
    save_file(wide, path)
    widened = read_vllm_states(path, made)[0]
    assert widened.dtype == torch.float32
    assert torch.equal(widened, states.float())


def test_files_that_vllm_does_not_write(tmp_path: Path) -> None:
    made = model()
    path = tmp_path / "request.safetensors"
    good = {"hidden_states": torch.ones(4, 2, 32).bfloat16(), "token_ids": torch.arange(4)}

    def refused_as(error: type[InputError], reason: str, **changes: torch.Tensor) -> None:
        save_file({**good, **changes}, path)
        with pytest.raises(error, match=reason):
            read_vllm_states(path, made)

    refused_as(DecodeError, "prefix caching", token_ids=torch.arange(5))
    refused_as(DecodeError, "prefix caching", token_ids=torch.arange(3))
    wanted = "tokens, layers, width"
    refused_as(DecodeError, wanted, token_ids=torch.zeros(4, 1, dtype=torch.int64))
    refused_as(DecodeError, wanted, hidden_states=torch.ones(4, 32))
    refused_as(DecodeError, wanted, token_ids=torch.zeros(4))
    refused_as(InputError, "wide", hidden_states=torch.ones(4, 2, 33).bfloat16())
    # As hybrid models were seen to have them.
    lost = good["hidden_states"].clone()
    lost[2, 1] = 0
    refused_as(DecodeError, "layer 1, row 2 is all zeros", hidden_states=lost)
    save_file(good, path)
    for layer in (2, -3):
        with pytest.raises(InputError, match="layer"):
            read_vllm_states(path, made, layer=layer)
    save_file({"hidden_states": good["hidden_states"]}, path)
    with pytest.raises(DecodeError, match="token_ids"):
        read_vllm_states(path, made)
    path.write_bytes(b"nothing")
    with pytest.raises(DecodeError):
        read_vllm_states(path, made)
    with pytest.raises(InputError):
        read_vllm_states(tmp_path / "none", made)


def test_a_response_of_sglang(tmp_path: Path) -> None:
    made = model()
    (found,) = produce(made, [PROMPT], max_new_tokens=8, shape=SHAPE)
    states = head_input(made, found.prompt, found.output)
    path = tmp_path / "response.json"
    response = response_of(PROMPT, found.output, states)
    for written in (response, [response]):
        path.write_text(json.dumps(written))
        read = read_sglang_states(path)
        assert read[1:] == (len(PROMPT), 8, found.output)
        assert read.states.dtype == torch.bfloat16
        assert torch.equal(read.states, states)
        own = read.states[len(PROMPT) - 1 :]
        assert toploc.verify(own, found.proofs, BOUNDS, chunk=4, k=K)
    assert toploc.build(own, chunk=4, k=K) == found.proofs
    save_file({"x": torch.ones(2, 2)}, tmp_path / "x.safetensors")
    with pytest.raises(DecodeError, match="no states that SGLang wrote"):
        read_sglang_states(tmp_path / "x.safetensors")
    with pytest.raises(DecodeError, match="no states that vLLM wrote"):
        read_vllm_states(path, made)


Change = Callable[[dict[str, Any], torch.Tensor], object]


def shorter(response: dict[str, Any], _: torch.Tensor) -> None:
    response["meta_info"]["hidden_states"].pop()


def zeros(response: dict[str, Any], states: torch.Tensor) -> None:
    response["meta_info"]["hidden_states"][3] = [0.0] * states.shape[1]


def rows_of_another(response: dict[str, Any], states: torch.Tensor) -> None:
    other = torch.randn(states.shape, generator=torch.Generator().manual_seed(1)).bfloat16()
    response["meta_info"]["hidden_states"][1:] = other[len(PROMPT) :].float().tolist()
    response["meta_info"]["hidden_states"][0] = other[: len(PROMPT)].float().tolist()


def shifted(response: dict[str, Any], states: torch.Tensor) -> None:
    rows = states.roll(1, 0).float().tolist()
    response["meta_info"]["hidden_states"] = [rows[: len(PROMPT)], *rows[len(PROMPT) :]]


def other_ids(response: dict[str, Any], _: torch.Tensor) -> None:
    response["output_ids"][2] = (response["output_ids"][2] + 1) % 40


def other_length(response: dict[str, Any], _: torch.Tensor) -> None:
    response["meta_info"]["prompt_tokens"] -= 1
    response["meta_info"]["completion_tokens"] += 1
    del response["output_ids"]


def narrower(response: dict[str, Any], _: torch.Tensor) -> None:
    states = response["meta_info"]["hidden_states"]
    states[0] = [row[:-1] for row in states[0]]
    states[1:] = [row[:-1] for row in states[1:]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (shorter, "14 rows for 8 tokens of the prompt and 8 produced, 15 are needed"),
        (zeros, "row 10 is all zeros"),
        (rows_of_another, "rows of another request"),
        (shifted, "rows of another request"),
        (other_ids, "states of other tokens"),
        (other_length, "states of other tokens"),
        (narrower, "31 values wide, where the model has 32"),
    ],
)
def test_faulty_responses_are_refused_by_name(change: Change, reason: str, tmp_path: Path) -> None:
    made = model()
    (found,) = produce(made, [PROMPT], max_new_tokens=8, shape=SHAPE)
    states = head_input(made, found.prompt, found.output)
    path = tmp_path / "response.json"
    response = response_of(PROMPT, list(found.output), states)
    path.write_text(json.dumps(response))
    read, engine = read_states(path, made, PROMPT, found.output)
    assert (engine, torch.equal(read, states)) == ("SGLang", True)
    change(response, states)
    path.write_text(json.dumps(response))
    with pytest.raises(InputError, match=reason):
        read_states(path, made, PROMPT, found.output)


def test_verify_takes_a_response(run: Any, signed: Path, tmp_path: Path) -> None:
    signature = Signature.read(str(signed / "one_0000.json"))
    made, *_ = load("one", Engine())
    prompt, output = signature.prompt_token_ids, signature.output_token_ids
    states = head_input(made, prompt, output)
    path = tmp_path / "response.json"
    path.write_text(json.dumps(response_of(prompt, output, states.bfloat16())))
    line = ("verify --model one --tokens", signed / "one_0000.json", "--hidden-states", path)
    assert run(*line)[0] == DONE
    fields = {**json.loads(toploc.Profile.published().to_json()), "kernel": "sdpa"}
    (tmp_path / "sdpa.profile").write_text(json.dumps(fields))
    _, out, _ = run(*line, "--profile", tmp_path / "sdpa.profile")
    assert "of attention 'sdpa', here it is 'SGLang'" in out
    path.write_text(json.dumps(response_of(prompt, output, states.roll(1, 0).bfloat16())))
    code, _, err = run(*line)
    assert (code, "rows of another request" in err) == (FAILED, True)


def test_the_command_takes_a_response(tmp_path: Path) -> None:
    states = torch.randn(40, 128, generator=torch.Generator().manual_seed(2)).bfloat16()
    response = response_of(list(range(9)), list(range(32)), states)
    (tmp_path / "response.json").write_text(json.dumps(response))
    np.save(tmp_path / "states.npy", states.view(torch.int16).numpy().view(np.uint16))
    parameters = "--topk 64 --decode-batching-size 8"
    line = f"toploc build {parameters} --states"
    made = report(tmp_path, line, "response.json", "--out", "proofs")
    assert (made["rows"], made["hidden"]) == (40, 128)
    report(tmp_path, line, "states.npy", "--out", "same")
    assert (tmp_path / "proofs").read_bytes() == (tmp_path / "same").read_bytes()
    fed = {"hidden_states": states[:, None].contiguous(), "token_ids": torch.arange(40)}
    save_file(fed, tmp_path / "vllm.safetensors")
    said = refused(tmp_path, line, "vllm.safetensors", "--out", "never")
    assert "before the final norm" in said

    # And so does the comparison: of one engine with another, or with arrays.
    same = report(tmp_path, "compare response.json vllm.safetensors --by-order")
    assert (same["within"], same["layers"][0]["name"]) == (True, "hidden_states")
    moved = fed["hidden_states"].clone()
    moved[7, 0, 3] += 1
    both = torch.cat([fed["hidden_states"], moved], 1).contiguous()
    save_file({**fed, "hidden_states": both}, tmp_path / "two.safetensors")
    found = assay.compare({"layer_0": states, "layer_1": states}, tmp_path / "two.safetensors")
    assert found.first() == ("layer_1", 7)
    response["meta_info"]["hidden_states"].pop()
    (tmp_path / "response.json").write_text(json.dumps(response))
    for words in ("compare response.json vllm.safetensors", f"{line} response.json --out never"):
        assert "39 rows for 9 tokens" in refused(tmp_path, words)
