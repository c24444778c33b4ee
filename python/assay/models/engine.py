"""What runs a model, in one shape: as it is asked for, and as it is found on a loaded model."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..machine import processor_name

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

ATTENTION = {
    "sdpa": "sdpa",
    "eager": "eager",
    "flex": "flex_attention",
    "flash": "flash_attention_2",
}
"""The names of transformers, by those that people say."""

DTYPES = ("bfloat16", "float16", "float32")
DEVICES = ("auto", "cuda", "cpu", "mps")


@dataclass(frozen=True)
class Engine:
    """What runs a model, as far as it changes the bits that come out.

    To ask for one, dtype, attention and device suffice. `engine_of` finds all of it.

    Attributes:
        dtype: One of `DTYPES`; asked for, also "auto": as the model is stored.
        attention: A key of `ATTENTION`, or what an engine calls a kernel of its own; asked for,
            also "auto": what the model chooses.
        device: "cpu", "cuda" or "mps"; asked for, also "auto": CUDA if there is one, else the CPU.
        batch_invariant: Whether the engine promises that the bits of a sequence do not depend on
            those that run beside it. transformers does not.
        versions: Of the engine and what it computes with, by name.
        settings: What else the bits depend on: the name of the device, threads, quantization, ..
    """

    dtype: str = "bfloat16"
    attention: str = "sdpa"
    device: str = "auto"
    batch_invariant: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str | int | bool | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.dtype}, {self.attention}"

    def as_json(self) -> dict[str, str | int | bool | None]:
        """All of it as one JSON object of scalars; dtypes have the names that torch gives them."""
        return {
            **self.versions,
            "dtype": f"torch.{self.dtype}",
            "device": self.device,
            "attention": self.attention,
            "batch_invariant": self.batch_invariant,
            **self.settings,
        }


AS_STORED = Engine("auto", "auto", "auto")
"""Whatever the model's files and the machine suggest."""


def engine_of(model: "PreTrainedModel", *, deterministic: bool = False) -> Engine:
    """What runs `model` as it is set up now.

    Args:
        model: Loaded, with transformers.
        deterministic: Whether it runs within `repeatable`.
    """
    import torch
    import transformers

    from .hooks import original_of
    from .layout import device_of

    model = original_of(model)
    device = device_of(model)
    config = model.config
    kernel = getattr(config, "_attn_implementation", None) or ""
    return Engine(
        dtype=str(model.dtype).removeprefix("torch."),
        attention=next((name for name, own in ATTENTION.items() if own == kernel), kernel),
        device=device.type,
        versions={
            "python": platform.python_version(),
            # A plain string: a torch file of its own class would not load with weights_only.
            "torch": str(torch.__version__),
            "transformers": transformers.__version__,
        },
        settings={
            "model_class": type(model).__name__,
            "device_name": _device_name(device),
            "threads": torch.get_num_threads(),
            "deterministic": deterministic,
            "quantization": _quantization(model),
            "revision": getattr(config, "_commit_hash", None),
        },
    )


def _device_name(device: "torch.device") -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{processor_name()}, {capability}" if device.type == "cpu" else platform.machine()


def _quantization(model: "PreTrainedModel") -> str | None:
    expanded_from = getattr(model, "expanded_from", None)
    if expanded_from is not None:
        return f"gguf: {expanded_from}"
    settings: Any = getattr(model.config, "quantization_config", None)
    if settings is None:
        return None
    fields = settings if isinstance(settings, dict) else settings.to_dict()
    method = str(getattr(fields.get("quant_method"), "value", fields.get("quant_method")))
    file = fields.get("gguf_file")
    return f"{method}: {file}" if file else method
