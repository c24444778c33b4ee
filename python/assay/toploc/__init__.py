"""TOPLOC: small proofs of the final hidden states, and the decision whether they are the model's.

`build` and `verify` work on arrays; `Builder` takes one token at a time; `fingerprint` has a
comparison that keeps signs and magnitudes. What runs models loads torch on first use: `watch`,
`recompute`, `check_last_token`, `calibrate`.
"""

from typing import TYPE_CHECKING

from ..lazily import on_first_use
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
    from .engine_states import SglangStates, read_sglang_states, read_vllm_states
    from .last_tokens import check_last_token
    from .recomputing import recompute, recompute_together
    from .watching import Produced, Prover, Watched, watch

__all__ = [
    "Builder",
    "Comparison",
    "Produced",
    "Profile",
    "ProofFile",
    "Prover",
    "SglangStates",
    "Shape",
    "Signature",
    "Statistics",
    "Watched",
    "build",
    "calibrate",
    "check_last_token",
    "compare",
    "decide",
    "deviating_chunks",
    "fingerprint",
    "read_sglang_states",
    "read_vllm_states",
    "recompute",
    "recompute_together",
    "statistics",
    "verify",
    "watch",
]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        ".calibrating": "calibrate",
        ".engine_states": "SglangStates read_sglang_states read_vllm_states",
        ".last_tokens": "check_last_token",
        ".recomputing": "recompute recompute_together",
        ".watching": "Produced Prover Watched watch",
    },
    __all__,
)
