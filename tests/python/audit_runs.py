"""A model whose linear layers hand their rows to the native recorder: for the tests of audits."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, Qwen3Config
from transformers.pytorch_utils import Conv1D

from assay import _core
from assay_program import report
from tiny_models import CONFIGS

# What is read by and comes out of a layer, by the end of its name.
ROLES = {
    "q_proj": ("qkv_input", "q"),
    "k_proj": ("", "k"),
    "v_proj": ("", "v"),
    "o_proj": ("o_input", "o"),
    "gate_proj": ("mlp_input", "gate"),
    "up_proj": ("", "up"),
    "down_proj": ("down_input", "down"),
    "attn.c_attn": ("qkv_input", "qkv"),
    "attn.c_proj": ("o_input", "o"),
    "c_fc": ("mlp_input", "up"),
    "mlp.c_proj": ("down_input", "down"),
    "query_key_value": ("qkv_input", "qkv"),
    "attention.dense": ("o_input", "o"),
    "dense_h_to_4h": ("mlp_input", "up"),
    "dense_4h_to_h": ("down_input", "down"),
}
DTYPES = {torch.bfloat16: "bfloat16", torch.float16: "float16", torch.float32: "float32"}
NONCE = bytes(range(32))

_SIZES: dict[str, Any] = {
    "vocab_size": 120,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 0,
}


def config_of(family: str) -> PretrainedConfig:
    if family == "qwen3":
        return Qwen3Config(**_SIZES, num_key_value_heads=2, head_dim=16)
    config = CONFIGS[family]()
    for name, value in _SIZES.items():
        setattr(config, name, value)
    if family == "gemma":
        config.head_dim = 16
    return config


def make_model(family: str, dtype: torch.dtype, folder: Path) -> PreTrainedModel:
    """A model with random weights, saved to a folder."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_config(config_of(family), dtype=dtype)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0.0, 0.12)
                elif name.endswith("bias"):
                    parameter.normal_(0.0, 0.1)
                else:
                    parameter.add_(torch.randn_like(parameter) * 0.05)
    model.eval()
    model.save_pretrained(folder)
    return model


@dataclass
class Hooks:
    """Records the rows of one sequence while it is fed to the model."""

    model: PreTrainedModel
    recorder: _core.AuditRecorder
    run: int
    position: int = 0
    wires: dict[tuple[int | None, str], _core.AuditWire] = field(default_factory=dict)

    def record(self, block: int | None, role: str, rows: torch.Tensor) -> None:
        rows = rows[0].contiguous()
        wire = self.wires.setdefault(
            (block, role), _core.AuditWire(block, role, DTYPES[rows.dtype])
        )
        placement = _core.AuditPlacement([(self.run, 0, len(rows), self.position)])
        bytes_each = rows.shape[1] * rows.element_size()
        self.recorder.record(wire, rows.data_ptr(), len(rows), bytes_each, placement)

    def on_layer(self, block: int | None, read: str, returned: str) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            if read:
                self.record(block, read, inputs[0])
            self.record(block, returned, output)

        return hook

    def on_residual(self, block: int) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...], kwargs: dict[str, Any]) -> None:
            self.record(block, "residual", inputs[0] if inputs else kwargs["hidden_states"])

        return hook

    @contextmanager
    def installed(self) -> Iterator[None]:
        base = self.model.base_model
        blocks = base.h if hasattr(base, "h") else base.layers
        final = next(
            getattr(base, name)
            for name in ("norm", "ln_f", "final_layer_norm")
            if hasattr(base, name)
        )
        head = self.model.get_output_embeddings()
        handles = [head.register_forward_hook(self.on_layer(None, "final_norm", "logits"))]
        for index, block in enumerate([*blocks, final]):
            handles.append(
                block.register_forward_pre_hook(self.on_residual(index), with_kwargs=True)
            )
        for index, block in enumerate(blocks):
            for name, module in block.named_modules():
                roles = [pair for end, pair in ROLES.items() if name.endswith(end)]
                if roles and isinstance(module, nn.Linear | Conv1D):
                    handles.append(module.register_forward_hook(self.on_layer(index, *roles[0])))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def answer(
    where: Path, model: PreTrainedModel, manifest: bytes, prompt: list[int], tokens: int
) -> Path:
    """Answer greedily under `where`, and write `request`; the run's folder."""
    recorder = _core.AuditRecorder.open(str(where / "log"), 1 << 26, 1 << 30, False)
    request = _core.audit_request_digest(prompt, "greedy")
    run = recorder.begin_run(request, NONCE, manifest, "transformers on one CPU")
    hooks = Hooks(model, recorder, run)
    produced: list[int] = []
    fed = torch.tensor([prompt])
    cache = None
    with hooks.installed(), torch.inference_mode():
        for _ in range(tokens):
            out = model(fed, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            produced.append(int(out.logits[0, -1].argmax()))
            recorder.finish_step(run, produced[-1])
            hooks.position += fed.shape[1]
            fed = torch.tensor([[produced[-1]]])
    folder = Path(recorder.folder_of(run))
    recorder.finish_run(run, str(where / "provider.key"))
    statistics = recorder.statistics()
    assert (statistics.drops, statistics.problem) == (0, "")
    written = {
        "format": "assay/audit/request/v1",
        "nonce": NONCE.hex(),
        "sampling": "greedy",
        "prompt_token_ids": prompt,
        "output_token_ids": produced,
    }
    text = json.dumps(written, separators=(",", ":")) + "\n"
    (where / "request").write_text(text, encoding="utf-8")
    return folder


def root_of(where: Path, weights: str) -> bytes:
    return bytes.fromhex(report(where, "manifest make --weights", weights)["root"])
