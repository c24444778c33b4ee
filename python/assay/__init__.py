"""Commit to what a language model computed, open parts of it, and check the openings."""

from typing import TYPE_CHECKING

from . import audit, bn254, kzg, layers, merkle, models, probe, toploc, tree, weights
from ._core import Verdict
from ._core import version as __version__
from .blocks import Log, LogHead, LogProof, commit_blocks
from .ceremonies import Ceremony, Contributed, Contribution, Powers
from .commitments import Challenge, Commitment, KeptQuotients, commit
from .comparison import Comparison, compare
from .errors import ArgumentError, DecodeError, Error, InputError
from .lazily import on_first_use
from .machine import set_thread_limit, thread_limit
from .openings import Opening, Place, Proofs, Slices
from .polynomials import evaluate, grid_values, interpolate
from .residues import R, from_rows, to_rows
from .srs import Finalized, Srs, VerifierKey
from .streaming import StreamingCommit, StreamReport
from .tensors import Header, Layer, Tensor, encode
from .verification import verify, verify_all

if TYPE_CHECKING:
    from .hidden_states import Capture, capture

__all__ = [
    "ArgumentError",
    "Capture",
    "Ceremony",
    "Challenge",
    "Commitment",
    "Comparison",
    "Contributed",
    "Contribution",
    "DecodeError",
    "Error",
    "Finalized",
    "Header",
    "InputError",
    "KeptQuotients",
    "Layer",
    "Log",
    "LogHead",
    "LogProof",
    "Opening",
    "Place",
    "Powers",
    "Proofs",
    "R",
    "Slices",
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
    "commit_blocks",
    "compare",
    "encode",
    "evaluate",
    "from_rows",
    "grid_values",
    "interpolate",
    "kzg",
    "layers",
    "merkle",
    "models",
    "probe",
    "set_thread_limit",
    "thread_limit",
    "to_rows",
    "toploc",
    "tree",
    "verify",
    "verify_all",
    "weights",
]

__getattr__, __dir__ = on_first_use(__name__, {".hidden_states": "Capture capture"}, __all__)
