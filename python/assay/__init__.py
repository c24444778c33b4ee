"""Commit to what a language model computed, open parts of it, and check the openings."""

from typing import TYPE_CHECKING

from . import audit, bn254, layers, models, toploc, weights
from ._core import Verdict, set_thread_limit, thread_limit
from ._core import version as __version__
from .commitments import Challenge, Commitment, KeptQuotients, Opening, Place, Proofs, commit
from .comparison import Comparison, compare
from .errors import DecodeError, Error, InputError
from .lazily import on_first_use
from .polynomials import evaluate, grid_values, interpolate
from .residues import R, from_rows, to_rows
from .srs import Srs, VerifierKey
from .streaming import StreamingCommit, StreamReport
from .tensors import Header, Layer, Tensor, encode
from .verification import verify

if TYPE_CHECKING:
    from .hidden_states import Capture, capture

__all__ = [
    "Capture",
    "Challenge",
    "Commitment",
    "Comparison",
    "DecodeError",
    "Error",
    "Header",
    "InputError",
    "KeptQuotients",
    "Layer",
    "Opening",
    "Place",
    "Proofs",
    "R",
    "Srs",
    "StreamReport",
    "StreamingCommit",
    "Tensor",
    "Verdict",
    "VerifierKey",
    "__version__",
    "audit",
    "bn254",
    "capture",
    "commit",
    "compare",
    "encode",
    "evaluate",
    "from_rows",
    "grid_values",
    "interpolate",
    "layers",
    "models",
    "set_thread_limit",
    "thread_limit",
    "to_rows",
    "toploc",
    "verify",
    "weights",
]

__getattr__, __dir__ = on_first_use(__name__, {".hidden_states": "Capture capture"}, __all__)
