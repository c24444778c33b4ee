"""Verification of proofs."""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from . import _core
from .arguments import unsigned
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
    challenge_digest: str | bytes | None = None,
    at_least: int | None = None,
    digest: str | bytes | None = None,
    expect: Mapping[str, Any] | None = None,
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
        challenge_digest: Its `digest` as the verifier noted it. A challenge that this process did
            not draw says nothing of who drew it without.
        at_least: So many values must be opened, padding not counted.
        digest: The digest of the commitment that was agreed on before, as hexadecimal digits or 32
            bytes.
        expect: How the numbers must be written: "encoding" ("bits"), "dtype" ("bfloat16"), "mode"
            ("decode"), "layers" (all names, in their order), any of them. What is not expected is
            the provider's word.
        trusted: Digests of SRSs whose label the verifier has reason to quote, or the path of a file
            that lists them. For any other SRS the verdict says that it is unverified.
        captured: The values that the verifier itself computed, to compare the opened ones with; or
            the path, as pathlib.Path, of a file that holds them.

    Returns:
        Accepted; or rejected or inconclusive, with the step that failed: "no proofs", "header",
        "expectation", "scheme", "SRS digest", "axes", "commitment digest", "expected digest",
        "challenge", "proof shape", "value range", "padding", "points", "captured tensor",
        "commitment value", "proof points", "opening equation", "random weights",
        "captured values", "encoding".

    Raises:
        InputError: An argument that cannot be used. Rejected proofs raise nothing.
    """
    for name, given, kind in (
        ("commitment", commitment, Commitment), ("proofs", proofs, Proofs),
        ("verifier_key", verifier_key, VerifierKey), ("challenge", challenge, Challenge | None),
        ("expect", expect, Mapping | None),
    ):  # fmt: skip
        if not isinstance(given, kind):
            kinds = getattr(kind, "__name__", str(kind))
            raise TypeError(f"{name}: {type(given).__name__}, {kinds} is expected here")
    if at_least == 0:
        raise InputError("out_of_range", "at_least", "0 asks for nothing: leave it out")
    if challenge_digest is not None and challenge is None:
        raise InputError("mismatch", "challenge_digest", "give the challenge beside it")
    path = fspath(trusted) if isinstance(trusted, PathLike) else None
    if isinstance(trusted, str | bytes):
        raise TypeError("trusted: give a list of digests, or a path as pathlib.Path")
    return _core.verify(
        commitment._native,
        proofs._native,
        verifier_key._native,
        None if challenge is None else challenge._native,
        None if challenge_digest is None else _digest(challenge_digest, "challenge_digest"),
        0 if at_least is None else unsigned(at_least, "at_least"),
        None if digest is None else _digest(digest, "digest"),
        [] if expect is None else _expected(expect),
        [] if isinstance(trusted, PathLike) else [_digest(one, "trusted") for one in trusted],
        path,
        None if captured is None else captured_like(commitment._header, captured),
    )


def _expected(expect: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = [(key, str(value)) for key, value in expect.items() if key != "layers"]
    layers = expect.get("layers", ())
    if isinstance(layers, str):
        raise TypeError("expect: give the names of layers as a list")
    pairs += [("layer", str(name)) for name in layers]
    if not pairs or ("layers" in expect and not layers):
        raise InputError("malformed", "expect", "empty: name something, or leave it out")
    return pairs


def _digest(digest: str | bytes, place: str) -> bytes:
    if isinstance(digest, bytes):
        return digest
    try:
        return bytes.fromhex(digest)
    except ValueError as error:
        raise InputError("malformed", place, "not hexadecimal") from error
