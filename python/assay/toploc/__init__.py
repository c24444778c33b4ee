"""TOPLOC: small proofs of the final hidden states, and the decision whether they are the model's.

`build` and `verify` work on arrays; `Builder` takes one token at a time; `fingerprint` has a
comparison that keeps signs and magnitudes. What runs models loads torch on first use: `watch`,
`recompute`, `calibrate`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from . import fingerprint
from .building import Builder, build
from .chunks import Shape
from .verifying import (
    Comparison,
    Profile,
    ProofFile,
    Signature,
    Statistics,
    compare,
    decide,
    deviating_chunks,
    statistics,
    verify,
)

if TYPE_CHECKING:
    from .calibrating import calibrate
    from .recomputing import recompute
    from .vllm_file import read_vllm_states
    from .watching import Produced, Watched, watch

__all__ = [
    "Builder",
    "Comparison",
    "Produced",
    "Profile",
    "ProofFile",
    "Shape",
    "Signature",
    "Statistics",
    "Watched",
    "build",
    "calibrate",
    "compare",
    "decide",
    "deviating_chunks",
    "fingerprint",
    "read_vllm_states",
    "recompute",
    "statistics",
    "verify",
    "watch",
]

# Where the names are that need torch.
_WITH_TORCH = {
    "Produced": "watching",
    "Watched": "watching",
    "watch": "watching",
    "calibrate": "calibrating",
    "recompute": "recomputing",
    "read_vllm_states": "vllm_file",
}


def __getattr__(name: str) -> object:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WITH_TORCH[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
