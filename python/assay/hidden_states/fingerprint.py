"""What ran a capture: versions, hardware and settings that change the bits of the values."""

import platform
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

Engine = dict[str, str | int | bool | None]


def fingerprint(model: PreTrainedModel, *, deterministic: bool) -> Engine:
    """The engine fingerprint of `model` as it is set up now; every value is a JSON scalar."""
    config = model.config
    return {
        "python": platform.python_version(),
        # A plain string: a torch file of its own class would not load with weights_only.
        "torch": str(torch.__version__),
        "transformers": transformers.__version__,
        "model_class": type(model).__name__,
        "dtype": str(model.dtype),
        "device": model.device.type,
        "device_name": _device_name(model.device),
        "attention": getattr(config, "_attn_implementation", None),
        "threads": torch.get_num_threads(),
        "deterministic": deterministic,
        "quantization": _quantization(getattr(config, "quantization_config", None)),
        "revision": getattr(config, "_commit_hash", None),
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{_cpu_model()}, {capability}" if device.type == "cpu" else platform.machine()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _quantization(settings: Any) -> str | None:
    if settings is None:
        return None
    fields = settings if isinstance(settings, dict) else settings.to_dict()
    method = str(getattr(fields.get("quant_method"), "value", fields.get("quant_method")))
    file = fields.get("gguf_file")
    return f"{method}: {file}" if file else method
