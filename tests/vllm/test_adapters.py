"""With a LoRA adapter the rows are those of the adapted model, and the answer says which it was."""

from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from vllm import SamplingParams
from vllm.lora.request import LoRARequest

import tiny_engines
from assay import vllm as proving
from tiny_engines import (
    Recorder,
    check_fingerprint,
    check_layers,
    expected,
    noted,
    prompts,
    runner_of,
)

RANK = 8


def adapter(parent: Path, name: str, seed: int) -> Path:
    """An adapter of the attention's queries and values."""
    folder = parent / name
    folder.mkdir()
    draw = torch.Generator().manual_seed(seed)
    weights = {}
    for layer in range(2):
        for part, out in (("q_proj", 128), ("v_proj", 64)):
            stem = f"base_model.model.model.layers.{layer}.self_attn.{part}"
            weights[f"{stem}.lora_A.weight"] = torch.randn(RANK, 128, generator=draw).bfloat16()
            weights[f"{stem}.lora_B.weight"] = torch.randn(out, RANK, generator=draw).bfloat16()
    save_file(weights, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        '{"peft_type": "LORA", "r": 8, "lora_alpha": 8, "bias": "none", "task_type": "CAUSAL_LM",'
        ' "target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "small"}'
    )
    return folder


def test_rows_of_the_adapted_model(tmp_path: Path) -> None:
    folder = tiny_engines.small_model(tmp_path)
    adapters = [
        LoRARequest(f"adapter{i}", i + 1, str(adapter(tmp_path, f"adapter{i}", i)))
        for i in range(2)
    ]
    llm: Any = tiny_engines.engine(
        folder,
        assay=tiny_engines.with_layers(tmp_path, 32, fingerprint=True),
        enable_lora=True,
        max_loras=2,
        max_lora_rank=RANK,
        max_num_seqs=8,
    )
    asked = prompts(3, [20])
    settings = SamplingParams(temperature=0, max_tokens=30)
    seen: dict[str, set[tuple[bytes, ...]]] = {}
    # One after the other: in a batch with others the CPU's kernels were seen to leave adapters out.
    for chosen in (None, *adapters):
        with Recorder(runner_of(llm), blocks=True) as recorder:
            outputs = llm.generate(asked, settings, lora_request=chosen, use_tqdm=False)
        names = noted(llm)
        found = [answers[0] for answers in proving.proofs(llm, outputs)]
        name = "" if chosen is None else chosen.lora_name
        assert {one.adapter for one in found} == {name}
        for output, answer in zip(outputs, found, strict=True):
            assert answer.reason == ""
            place = names[output.request_id, 0], 20, 30
            assert answer.proofs == expected(recorder.of(*place))
            check_fingerprint(answer, recorder.of(*place))
            check_layers(answer, recorder.layers_of(*place), None)
        seen[name] = {tuple(one.proofs) for one in found}
    for first, second in combinations(seen.values(), 2):
        assert not first & second
