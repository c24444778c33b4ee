"""TOPLOC proofs by the names of toploc 0.1.6, over the package assay.

New programs should use `assay.toploc`.
"""

from assay import __version__ as assay_version

from .parity import set_parity
from .poly import (
    ProofPoly,
    build_proofs,
    build_proofs_base64,
    build_proofs_bytes,
    verify_proofs,
    verify_proofs_base64,
    verify_proofs_bytes,
)
from .utils import sha256sum

__version__ = "0.1.6"

__all__ = [
    "ProofPoly",
    "assay_version",
    "build_proofs",
    "build_proofs_base64",
    "build_proofs_bytes",
    "set_parity",
    "sha256sum",
    "verify_proofs",
    "verify_proofs_base64",
    "verify_proofs_bytes",
]
