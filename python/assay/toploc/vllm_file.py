"""Hidden states that vLLM's stock connector wrote while it ran the model."""

from os import PathLike, fspath

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import DecodeError, InputError, one_line
from ..models import final_norm

_STATES, _TOKENS = "hidden_states", "token_ids"


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
        DecodeError: Not such a file ("malformed"), or of fewer rows than ids ("mismatch").
    """
    from safetensors import SafetensorError, safe_open

    place = fspath(path)
    try:
        with safe_open(place, "pt") as file:
            states, ids = (file.get_tensor(name) for name in (_STATES, _TOKENS))
    except OSError as error:
        raise InputError("io", place, one_line(error)) from error
    except SafetensorError as error:
        raise DecodeError("malformed", place, one_line(error)) from error
    if states.ndim != 3 or ids.ndim != 1 or ids.dtype not in (torch.int64, torch.int32):
        raise DecodeError(
            "malformed", place, f"{_STATES} of shape {tuple(states.shape)}, {_TOKENS} of "
            f"{tuple(ids.shape)}; wanted (tokens, layers, width) and (tokens)",
        )  # fmt: skip
    if states.shape[0] != ids.shape[0]:
        raise DecodeError(
            "mismatch", place, f"{states.shape[0]} rows for {ids.shape[0]} ids; vLLM writes too "
            "few with prefix caching: run it with enable_prefix_caching=False",
        )  # fmt: skip
    if not -states.shape[1] <= layer < states.shape[1]:
        raise InputError("out_of_range", "layer", f"{layer}; the file has {states.shape[1]}")
    norm = final_norm(model)
    weight = next(norm.parameters())
    last = states[:, layer]
    if weight.shape[-1] != last.shape[-1]:
        reason = f"{last.shape[-1]} values wide, where the model has {weight.shape[-1]}"
        raise InputError("mismatch", place, reason)
    with torch.no_grad():
        return norm(last.to(weight.device, weight.dtype)).to(last.dtype), ids.tolist()
