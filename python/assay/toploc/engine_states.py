"""Hidden states that an inference engine handed out while it ran the model: vLLM, SGLang."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from .. import _core
from ..arguments import path_of
from ..errors import DecodeError, InputError
from ..models import final_norm, head_of

# Of the vocabulary; the largest logits are among these where a token was drawn from them.
_LIKELY_SHARE = 0.01
# Of the tokens, that must be likely. Of another request's rows a tenth is.
_LEAST_LIKELY = 0.5
_ROWS_AT_ONCE = 64


class SglangStates(NamedTuple):
    """A response of SGLang.

    Attributes:
        states: What the head read, (tokens, width): row j belongs to the token behind the j-th. Of
            dtype bfloat16 where all values are such, else float32.
        prompt_tokens: How many tokens the prompt has.
        completion_tokens: How many were produced; the last was not fed, and has no row.
        output_ids: Of the tokens that were produced; empty where the response does not say them.
    """

    states: Tensor
    prompt_tokens: int
    completion_tokens: int
    output_ids: list[int]


def read_vllm_states(
    path: str | PathLike[str], model: PreTrainedModel, layer: int = -1
) -> tuple[Tensor, list[int]]:
    """The states that the head sees, of a file of the ExampleHiddenStatesConnector.

    The file has `hidden_states`, (tokens, layers, width), before the final norm, and `token_ids`.
    The final norm of `model` is applied, in the dtype of the file. To have the last layer, vLLM
    must be told to extract the layer of number `num_hidden_layers`.

    Args:
        path: A .safetensors file.
        model: The same model; only its final norm is used.
        layer: Which of the file's layers is the last one of the model.

    Returns:
        The states, (tokens, width), and the ids that were fed: the last produced token was not, so
        that row j belongs to the token after id j.

    Raises:
        InputError: The file could not be read ("io"), the model's final norm was not found
            ("unsupported"), another width ("mismatch").
        DecodeError: Not such a file ("malformed"), of fewer rows than ids, or with a row of zeros
            ("mismatch").
    """
    place = path_of(path)
    found = _read(place, "vLLM", "wanted a file with hidden_states and token_ids")
    layers = len(found.layer_names)
    if not -layers <= layer < layers:
        raise InputError("out_of_range", "layer", f"{layer}; the file has {layers}")
    norm = final_norm(model)
    weight = next(norm.parameters())
    last = _layer(found, layer % layers)
    _require_width(place, last, int(weight.shape[-1]))
    with torch.no_grad():
        return norm(last.to(weight.device, weight.dtype)).to(last.dtype), found.fed_ids


def read_sglang_states(path: str | PathLike[str]) -> SglangStates:
    """The states of a response of SGLang's `/generate` with `return_hidden_states`, kept as JSON.

    Args:
        path: The response: an object, or a list of one.

    Raises:
        InputError: The file could not be read ("io").
        DecodeError: Not such a response ("malformed"); fewer rows than tokens, a row of zeros, ids
            of another number than `completion_tokens`, or a batch ("mismatch").
    """
    found = _read(path_of(path), "SGLang", "wanted a response with meta_info.hidden_states")
    states = _layer(found, 0)
    return SglangStates(states, found.prompt_tokens, found.completion_tokens, found.produced_ids)


def read_states(
    path: str | PathLike[str],
    model: PreTrainedModel,
    prompt_ids: Sequence[int],
    output_ids: Sequence[int],
    layer: int = -1,
) -> tuple[Tensor, str]:
    """The states that the head saw while an engine was fed an answer, checked against its tokens.

    Args:
        path: What vLLM's connector wrote, or a response of SGLang.
        model: The same model: its final norm, for vLLM, and its head, to see whether the rows are
            this answer's.
        prompt_ids: What was asked.
        output_ids: What was answered.
        layer: As for `read_vllm_states`.

    Returns:
        The states, (tokens, width), of all tokens but the last, and the name of the engine.

    Raises:
        InputError: States of other tokens, or rows that belong to others than these
            ("mismatch"); as the readers above.
        DecodeError: As the readers above.
    """
    place = path_of(path)
    fed = [*prompt_ids, *output_ids][:-1]
    native = _core.read_engine_states(place)
    if native is not None and native.engine == "SGLang":
        states, prompt, completion, produced = read_sglang_states(path)
        sizes = prompt, completion
        own = not produced or produced == list(output_ids)
        if sizes != (len(prompt_ids), len(output_ids)) or not own:
            raise InputError("mismatch", place, "states of other tokens")
        engine = "SGLang"
    else:
        states, ids = read_vllm_states(path, model, layer)
        if ids[: len(fed)] != fed:
            raise InputError("mismatch", place, "states of other tokens")
        states, engine = states[: len(fed)], "vLLM"
    _require_width(place, states, _width_of(model))
    _require_own_rows(place, states[len(prompt_ids) - 1 :], output_ids, model)
    return states, engine


def _read(place: str, engine: str, wanted: str) -> _core.EngineStates:
    found = _core.read_engine_states(place)
    if found is None or found.engine != engine:
        raise DecodeError("malformed", place, f"no states that {engine} wrote: {wanted}")
    return found


def _layer(found: _core.EngineStates, layer: int) -> Tensor:
    rows: Any = found.layer_bytes(layer)
    return torch.from_numpy(rows.copy()).view(getattr(torch, found.dtype))


def _width_of(model: PreTrainedModel) -> int:
    return int(head_of(model).get_parameter("weight").shape[-1])


def _require_width(place: str, states: Tensor, width: int) -> None:
    if states.shape[-1] != width:
        reason = f"{states.shape[-1]} values wide, where the model has {width}"
        raise InputError("mismatch", place, reason)


def _require_own_rows(
    place: str, states: Tensor, output_ids: Sequence[int], model: PreTrainedModel
) -> None:
    """Engines were seen to hand out rows of other requests, or shifted ones, without a word."""
    head = head_of(model)
    weight = head.get_parameter("weight")
    likely = 0
    with torch.no_grad():
        for at in range(0, len(output_ids), _ROWS_AT_ONCE):
            rows = states[at : at + _ROWS_AT_ONCE].to(weight.device, weight.dtype)
            logits = head(rows).float()
            most = max(1, int(_LIKELY_SHARE * logits.shape[-1]))
            ids = torch.tensor(list(output_ids[at : at + _ROWS_AT_ONCE]), device=logits.device)
            own = logits.gather(1, ids[:, None])
            likely += int(((logits > own).sum(1) < most).sum())
    if likely < _LEAST_LIKELY * len(output_ids):
        raise InputError(
            "mismatch", place, f"rows of another request: for {len(output_ids) - likely} of "
            f"{len(output_ids)} tokens the rows hold others likelier by far",
        )  # fmt: skip
