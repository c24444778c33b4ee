"""Verification of proofs."""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING

from . import _core
from .commitments import Challenge, Commitment, Proofs
from .errors import InputError
from .srs import VerifierKey
from .tensors import Array, Tensor, captured_like

if TYPE_CHECKING:
    from .hidden_states import Capture


def verify(
    commitment: Commitment,
    proofs: Proofs,
    verifier_key: VerifierKey,
    *,
    challenge: Challenge | None = None,
    digest: str | bytes | None = None,
    trusted: Iterable[str | bytes] | PathLike[str] = (),
    captured: "Tensor | Capture | Mapping[str, Array] | Array | PathLike[str] | None" = None,
) -> _core.Verdict:
    """Check that the commitment opens to the values that `proofs` give.

    Interrupting with Ctrl-C takes effect when the native work is done.

    Args:
        commitment: Of the provider.
        proofs: Of the provider.
        verifier_key: The verifier's own copy, not one that came with the proofs.
        challenge: The points that were asked for; then the proofs must be of these, all of them.
        digest: The digest of the commitment that was agreed on before, as hexadecimal digits or 32
            bytes.
        trusted: Digests of SRSs whose label the verifier has reason to quote, or the path of a file
            that lists them. For any other SRS the verdict says that it is unverified.
        captured: The values that the verifier itself computed, to compare the opened ones with; or
            the path, as pathlib.Path, of a file that holds them.

    Returns:
        Accepted; or rejected or inconclusive, with the step that failed: "no proofs", "header",
        "scheme", "SRS digest", "axes", "commitment digest", "expected digest", "challenge",
        "proof shape", "value range", "padding", "captured tensor", "commitment value",
        "proof points", "opening equation", "random weights", "captured values".

    Raises:
        InputError: An argument that cannot be used. Rejected proofs raise nothing.
    """
    path = fspath(trusted) if isinstance(trusted, PathLike) else None
    if isinstance(trusted, str | bytes):
        raise TypeError("trusted: give a list of digests, or a path as pathlib.Path")
    return _core.verify(
        commitment._native,
        proofs._native,
        verifier_key._native,
        None if challenge is None else challenge._native,
        None if digest is None else _digest(digest, "digest"),
        [] if isinstance(trusted, PathLike) else [_digest(one, "trusted") for one in trusted],
        path,
        None if captured is None else captured_like(commitment._header, captured),
    )


def _digest(digest: str | bytes, place: str) -> bytes:
    if isinstance(digest, bytes):
        return digest
    try:
        return bytes.fromhex(digest)
    except ValueError as error:
        raise InputError("malformed", place, "not hexadecimal") from error
