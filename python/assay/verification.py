"""Verification of proofs."""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

from . import _core, kzg
from .arguments import digest_of, digests_of, listed, path_of, require, unsigned
from .commitments import Challenge, Commitment
from .errors import ArgumentError, InputError
from .openings import Proofs
from .srs import Srs, VerifierKey
from .tensors import Array, Tensor, captured_like

if TYPE_CHECKING:
    from .hidden_states import Capture

AnyKey: TypeAlias = VerifierKey | Srs | kzg.VerifierKey | kzg.Srs
"""A verifier's own parameters, of either scheme that has any."""


def verify(
    commitment: Commitment,
    proofs: Proofs,
    verifier_key: AnyKey | None = None,
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
        verifier_key: The verifier's own copy, not one that came with the proofs, of `VerifierKey`
            or `assay.kzg.VerifierKey`. Slices need the SRS, or one that `Srs.trim` wrote. None is
            for the scheme "merkle", which has no parameters.
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
        "commitment value", "levels", "level digests", "basis points", "basis digests",
        "proof points", "challenges", "leaf", "proof length", "root", "opening equation",
        "random weights", "captured values", "encoding".

    Raises:
        InputError: An argument that cannot be used. Rejected proofs raise nothing.
    """
    for name, given, kind in (
        ("commitment", commitment, Commitment), ("proofs", proofs, Proofs),
        ("verifier_key", verifier_key, AnyKey | None),
        ("challenge", challenge, Challenge | None),
        ("expect", expect, Mapping | None),
    ):  # fmt: skip
        require(name, given, kind)
    least = None if at_least is None else unsigned(at_least, "at_least")
    if least == 0:
        raise InputError("out_of_range", "at_least", "0 asks for nothing: leave it out")
    if challenge_digest is not None and challenge is None:
        raise InputError("mismatch", "challenge_digest", "give the challenge beside it")
    return _core.verify(
        commitment._native,
        proofs._native,
        _checker_of(verifier_key, commitment),
        None if challenge is None else challenge._native,
        None if challenge_digest is None else digest_of(challenge_digest, "challenge_digest"),
        least or 0,
        None if digest is None else digest_of(digest, "digest"),
        [] if expect is None else _expected(expect),
        [] if isinstance(trusted, PathLike) else digests_of(trusted),
        path_of(trusted, "trusted") if isinstance(trusted, PathLike) else None,
        None if captured is None else captured_like(commitment._header, captured),
    )


def verify_all(
    claims: Iterable[tuple[Commitment, Proofs] | tuple[Commitment, Proofs, str | bytes]],
    verifier_key: AnyKey | None = None,
    *,
    trusted: Iterable[str | bytes] | PathLike[str] = (),
) -> list[_core.Verdict]:
    """Check many commitments and their proofs together, by one product of pairings.

    Each verdict is the one that `verify` gives. Where the product does not hold, halves are
    searched until every bad one is named.

    Args:
        claims: Commitment and proofs of each, and the digest that was agreed on before, where there
            is one.
        verifier_key: The verifier's own copy, as in `verify`.
        trusted: As in `verify`.

    Returns:
        A verdict for each claim, in their order.

    Raises:
        InputError: An argument that cannot be used, or no claim at all, for all() of no verdicts is
            true. Rejected proofs raise nothing.
    """
    require("verifier_key", verifier_key, AnyKey | None)
    parts: list[tuple[Any, Any, Any]] = []
    for claim in listed(claims, "claims"):
        commitment, proofs, digest = (*listed(claim, "claims"), None, None, None)[:3]
        require("claims", commitment, Commitment)
        require("claims", proofs, Proofs)
        parts.append((commitment, proofs, digest))
    if not parts:
        raise InputError("out_of_range", "claims", "there are none; give at least one")
    return _core.verify_all(
        [commitment._native for commitment, _, _ in parts],
        [proofs._native for _, proofs, _ in parts],
        [None if digest is None else digest_of(digest, "digest") for _, _, digest in parts],
        _checker_of(verifier_key, parts[0][0]),
        [] if isinstance(trusted, PathLike) else digests_of(trusted),
        path_of(trusted, "trusted") if isinstance(trusted, PathLike) else None,
    )


def _checker_of(key: AnyKey | None, commitment: Commitment) -> _core.Checker:
    return _core.checker_of(commitment._header) if key is None else key._checker


def _expected(expect: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = [(key, str(value)) for key, value in expect.items() if key != "layers"]
    layers = expect.get("layers", ())
    if isinstance(layers, str):
        raise ArgumentError("expect", "give the names of layers as a list")
    pairs += [("layer", str(name)) for name in listed(layers, "expect")]
    if not pairs or ("layers" in expect and not layers):
        raise InputError("malformed", "expect", "empty: name something, or leave it out")
    return pairs
