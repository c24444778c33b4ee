#!/usr/bin/env python3
"""Hidden states of one text by transformers and by vLLM, for `assay compare`.

Writes FOLDER/NAME.safetensors with layer_0, .., each (tokens, width), for these NAMEs:

    trainer-bfloat16, trainer-float32   transformers, `output_hidden_states=True`
    rollout-bfloat16, rollout-float32   vLLM, prefill of the same tokens
    rollout-perturbed                   vLLM in bfloat16, after noise of --strength was added to the
                                        weights that end the MLP of one block

layer_0 is the embedding, layer_i what block i returns, and the last has the final norm applied, as
transformers lists them. Needs the environment of `make vllm`, and a model of llama's layout.

    .venv-vllm/bin/python bench/engine_states.py states
    assay compare states/trainer-bfloat16.safetensors states/rollout-bfloat16.safetensors
"""

import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")

import torch
from safetensors.torch import save_file

from assay.arguments import at_least, parser_of
from assay.ending import ended
from assay.errors import InputError
from assay.models import Engine, altered, encode_prompts, load, noised, quiet
from assay.printing import show
from assay.vllm import require_installed

PROGRAM = "engine_states.py"
TEXT = "Once the trainer and the engine that makes its rollouts disagree, one asks where it began."


def main() -> int:
    parser = parser_of(PROGRAM, "States of one text by two engines.", "")
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="where to put them")
    add("--model", default="smollm2", help="folder, .gguf file or hub id (default: %(default)s)")
    add("--text", default=TEXT, help="default: %(default)s")
    add("--block", type=at_least(1), default=12, metavar="N", help="default: %(default)s")
    add("--strength", type=float, default=0.1, metavar="X", help="of the noise, against the "
        "weights' root mean square (default: %(default)s)")  # fmt: skip
    options = parser.parse_args()
    return ended(PROGRAM, lambda: _write_all(options))


def _write_all(options: Any) -> int:
    require_installed()
    folder = Path(options.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("io", str(folder), error.strerror or "could not be made") from error
    model, tokenizer, _ = load(options.model, Engine("bfloat16", "sdpa", "cpu"))
    (ids,) = encode_prompts(tokenizer, [options.text])
    blocks = _blocks(model)
    if options.block > len(blocks):
        raise InputError("out_of_range", "--block", f"the model has {len(blocks)}")
    weight = blocks[options.block - 1].mlp.down_proj.weight
    _write(folder / "trainer-bfloat16.safetensors", _by_transformers(model, ids))
    with tempfile.TemporaryDirectory(prefix="assay-states-") as stored:
        with quiet(True):
            model.save_pretrained(stored)
            tokenizer.save_pretrained(stored)
        for dtype in ("bfloat16", "float32"):
            _write(folder / f"rollout-{dtype}.safetensors", _by_vllm(stored, dtype, ids))
        with altered([weight], lambda _, values: noised(values, options.strength, 1)), quiet(True):
            model.save_pretrained(stored)
        _write(folder / "rollout-perturbed.safetensors", _by_vllm(stored, "bfloat16", ids))
    _write(folder / "trainer-float32.safetensors", _by_transformers(model.float(), ids))
    return 0


def _blocks(model: Any) -> Any:
    try:
        return model.model.layers
    except AttributeError as error:
        raise InputError("unsupported", "model", "is not laid out as llama is") from error


def _by_transformers(model: Any, ids: list[int]) -> list[torch.Tensor]:
    with torch.no_grad():
        found = model(torch.tensor([ids]), output_hidden_states=True, use_cache=False)
    return [state[0] for state in found.hidden_states]


def _by_vllm(stored: str, dtype: str, ids: list[int]) -> list[torch.Tensor]:
    """In a process of its own, which ends with its engine."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        found = process.submit(_prefilled, stored, dtype, ids).result()
    return [torch.tensor(values).to(getattr(torch, dtype)) for values in found]


def _prefilled(stored: str, dtype: str, ids: list[int]) -> list[Any]:
    from vllm import LLM, SamplingParams

    llm = LLM(model=stored, dtype=dtype, enforce_eager=True, max_model_len=max(64, 2 * len(ids)))
    states: list[torch.Tensor] = []

    def embedded(_: Any, given: tuple[Any, ...]) -> None:
        states.append(given[1].clone())

    def returned(_: Any, __: Any, made: Any) -> None:
        # What goes on from block to block is a sum, which vLLM makes where the next norm is.
        values, residual = made
        states.append(values + residual)

    def normed(_: Any, __: Any, made: Any) -> None:
        states[-1] = made[0].clone()

    def follow(model: Any) -> None:
        blocks = model.model.layers
        blocks[0].register_forward_pre_hook(embedded)
        for block in blocks:
            block.register_forward_hook(returned)
        model.model.norm.register_forward_hook(normed)

    llm.apply_model(follow)
    llm.generate(
        [{"prompt_token_ids": ids}], SamplingParams(temperature=0, max_tokens=1), use_tqdm=False
    )
    expected = 1 + int(llm.llm_engine.model_config.hf_config.num_hidden_layers)
    if len(states) != expected or any(len(one) < len(ids) for one in states):
        reason = f"gave {len(states)} states, not {expected} in one pass"
        raise InputError("unsupported", "vLLM", reason)
    # Plain numbers pass between processes without shared memory; float32 holds every bfloat16.
    return [one[: len(ids)].float().numpy() for one in states]


def _write(path: Path, states: list[torch.Tensor]) -> None:
    save_file({f"layer_{i}": one.contiguous().cpu() for i, one in enumerate(states)}, path)
    show(f"{path}: {len(states)} layers of {len(states[0])} tokens")


if __name__ == "__main__":
    sys.exit(main())
