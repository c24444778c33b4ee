"""Hold TOPLOC proofs against hidden states that the verifier computed itself."""

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..arguments import listed, path_of, require
from ..errors import InputError
from ..models import Engine
from .arrays import Array, Bits, is_torch
from .chunks import (
    Parameters,
    Select,
    Shape,
    Ties,
    by_torch,
    check_ties,
    chunks_of,
    selector,
    spans_of,
    tokens_of,
)

Comparison: TypeAlias = _core.ToplocComparison
Conditions: TypeAlias = _core.Conditions
Profile: TypeAlias = _core.ToplocProfile
Prompt: TypeAlias = _core.ToplocPrompt
ProofFile: TypeAlias = _core.ToplocProofFile
Signature: TypeAlias = _core.ToplocSignature
Statistics: TypeAlias = _core.ToplocStatistics

Bytes: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]

ProofsLike: TypeAlias = Sequence[Bytes] | Bytes
"""The proofs in order, or their bytes one after another."""


def verify(
    states: Array | Sequence[Array],
    proofs: ProofsLike,
    profile: "Profile | str | PathLike[str] | None" = None,
    *,
    chunk: int = 32,
    k: int = 128,
    prefill: bool = False,
    merge_short_tails: bool = False,
    ties: Ties = "reference",
    rounded: bool = False,
) -> _core.Verdict:
    """Decide whether proofs are consistent with the verifier's own hidden states.

    The decision is over the whole sequence: means over its chunks, each against a bound of the
    profile, and how many chunks exceed these bounds by themselves. "Accepted" says that no
    difference beyond what honest runs show was detected; it does not say which model made the
    tokens, or how they were drawn. No state covers the last token of an answer, so it is not asked
    about here: `check_last_token` does that.

    Args:
        states: The verifier's own, for the same tokens; as for `build`.
        proofs: Of the provider: bytes of any kind, not base64. Nothing about them is trusted.
        profile: The bounds, or the path of a file of `calibrate`. By default those of the paper. If
            it was measured with another chunk or k, nothing is decided: inconclusive, "profile".
        chunk, k, prefill, merge_short_tails: What was agreed on; none is taken from the proofs.
        ties, rounded: As for `build`.

    Returns:
        Accepted; or rejected, or inconclusive, with the step: "proof count", "proof form",
        "modulus", "chunk", "exponents", "mantissa mean", "mantissa median", "signs", "dispersion",
        "deviating chunks"; "states", "profile", "sequence length". `figures` has the statistics.

    Raises:
        InputError: The verifier's own states or arguments cannot be used, or a proof is not given
            as bytes ("unsupported"). Bytes that are no good proof raise nothing.
    """
    shape = Shape(chunk, k, prefill, merge_short_tails)
    bounds = profile_of(profile)
    return examine(states, proofs, bounds, shape, ties=ties, rounded=rounded).verdict


class Examination(NamedTuple):
    """A verdict, and the differences that it rests on.

    Attributes:
        verdict: On the whole sequence.
        comparisons: Of each chunk; none where the proofs could not be read.
    """

    verdict: _core.Verdict
    comparisons: list[Comparison]


def examine(
    states: Array | Sequence[Array],
    proofs: ProofsLike,
    profile: Profile,
    shape: Parameters,
    *,
    ties: Ties = "reference",
    rounded: bool = False,
    model: str = "",
    engine: Engine | None = None,
) -> Examination:
    """As `verify`, with what it looked at.

    `model` and `engine` are what made the states, for the note where the profile was measured with
    others.
    """
    check_ties(ties)
    handed = proofs_of(proofs, shape)
    lengths, own = _own(states, shape, ties, rounded)
    return Examination(
        *_core.toploc_verify_proofs(
            handed, shape, ties == "lower-index", tokens_of(states, shape), lengths, own, profile,
            conditions_of(model, engine),
        )
    )  # fmt: skip


def examine_file(
    states: Array,
    file: ProofFile | Signature,
    profile: Profile,
    asked: Parameters,
    *,
    any_ties: bool = True,
    rounded: bool = False,
    model: str = "",
    engine: Engine | None = None,
) -> Examination:
    """The verdict on what a provider handed over as a file, with what the file says of itself.

    Args:
        states: The verifier's own, (rows, width).
        file: Nothing about it is trusted.
        profile: The bounds.
        asked: What the proofs must have been made under.
        any_ties: Take either rule for ties; otherwise that of `asked`.
        rounded: As for `build`.
        model, engine: What made the states.

    Raises:
        InputError: The verifier's own states cannot be used.
    """
    require("file", file, ProofFile | Signature)
    rows = tokens_of(states, asked)
    ties: Ties = "lower-index" if asked.lower_index_first and not any_ties else "reference"
    _, own = _own(states, asked, ties, rounded)
    return Examination(
        *_core.toploc_verify(
            file, asked, any_ties, rows, int(states.shape[-1]), own, profile,
            conditions_of(model, engine),
        )
    )  # fmt: skip


def check_answer(
    signature: Signature, prompt: Prompt, least: int, most: int, ends: Sequence[int]
) -> _core.Verdict:
    """Whether a signature is of an answer to the verifier's prompt, and of a whole one.

    Whether the model would have ended where the answer does is for `check_last_token` to say, once
    there are states.

    Args:
        signature: Nothing about it is trusted.
        prompt: Its text, and its tokens by the verifier's tokenizer.
        least: Tokens that the answer must have.
        most: Tokens after which an answer may end anywhere.
        ends: What a shorter one must end with.

    Returns:
        Accepted, so far; or rejected, with the step: "prompt", "answer length".
    """
    require("signature", signature, Signature)
    return _core.toploc_check_answer(signature, prompt, least, most, list(ends))


def check_file(
    file: ProofFile | Signature, asked: Parameters, rows: int, *, any_ties: bool = True
) -> _core.Verdict:
    """What can be said of a file before there are states, of which there will be `rows`.

    Rejected at "parameters", "shape", "proof count" or "proof form"; otherwise accepted, so far.
    """
    return _core.toploc_check_offer(file, asked, any_ties, rows)


def compare(
    states: Array | Sequence[Array],
    proofs: ProofsLike,
    *,
    chunk: int = 32,
    k: int = 128,
    prefill: bool = False,
    merge_short_tails: bool = False,
    ties: Ties = "reference",
    rounded: bool = False,
) -> list[Comparison]:
    """The differences chunk by chunk, without a decision; arguments as for `verify`.

    Raises:
        DecodeError: A malformed proof.
        InputError: Not as many proofs as chunks ("mismatch"), or as `verify`.
    """
    shape = Shape(chunk, k, prefill, merge_short_tails)
    check_ties(ties)
    handed = proofs_of(proofs, shape)
    rows = [stop - start for start, stop in spans_of(shape, tokens_of(states, shape))]
    if len(handed) != len(rows):
        raise InputError("mismatch", "proofs", f"{len(handed)} of them for {len(rows)} chunks")
    if by_torch(states, ties):
        _, select = selector(states, shape, rounded)
        return [
            _core.toploc_compare(proof, *select(chunk, False), rows[chunk])
            for chunk, proof in enumerate(handed)
        ]
    chunks = chunks_of(states, shape, rounded)
    return _core.toploc_compare_chunks(
        handed, chunks.bits, chunks.lengths, rows, k, ties == "lower-index"
    )


def statistics(comparisons: Sequence[Comparison]) -> Statistics:
    """What a profile's bounds are held against, for one sequence."""
    return _core.toploc_statistics(_compared(comparisons))


def deviating_chunks(comparisons: Sequence[Comparison], profile: Profile) -> int:
    """How many chunks of one sequence exceed the bounds on exponents and mantissas alone."""
    require("profile", profile, Profile)
    return _core.toploc_deviating_chunks(_compared(comparisons), profile)


def decide(comparisons: Sequence[Comparison], profile: Profile) -> _core.Verdict:
    """The verdict on one sequence, in chunks as the profile was measured with."""
    require("profile", profile, Profile)
    return _core.toploc_decide(_compared(comparisons), profile)


def _compared(comparisons: Sequence[Comparison]) -> list[Comparison]:
    given = listed(comparisons, "comparisons")
    for one in given:
        require("comparisons", one, Comparison)
    return given


def conditions_of(model: str, engine: Engine | None) -> Conditions:
    """What the states were made under; of no engine, dtype and attention stay open."""
    if engine is None:
        return Conditions(model=model)
    return Conditions(model=model, dtype=engine.dtype, kernel=engine.attention)


def unmeasured(profile: Profile, model: str, engine: Engine) -> str:
    """Where the profile was measured with another model, dtype or attention; "" if with these."""
    return _core.unmeasured(profile, conditions_of(model, engine))


def profile_of(profile: "Profile | str | PathLike[str] | None") -> Profile:
    """The profile, that of a file, or by default that of the paper.

    Raises:
        InputError: The file could not be read ("io").
        DecodeError: It is not a profile.
    """
    if profile is None or profile == "published":
        return Profile.published()
    return profile if isinstance(profile, Profile) else Profile.load(path_of(profile, "profile"))


def proofs_of(proofs: ProofsLike, shape: Parameters) -> list[bytes]:
    """Proofs as a list; bytes are cut every `proof_size`, whatever is in them.

    Raises:
        InputError: Some are given as anything but bytes ("unsupported").
    """
    joined = _bytes_of(proofs)
    if joined is not None:
        size = shape.proof_size
        return [joined[at : at + size] for at in range(0, len(joined), size)]
    if isinstance(proofs, str) or not isinstance(proofs, Iterable):
        raise _not_bytes("proofs", proofs)
    taken = []
    for index, proof in enumerate(proofs):
        data = _bytes_of(proof)
        if data is None:
            raise _not_bytes(f"proof {index}", proof)
        taken.append(data)
    return taken


def _bytes_of(value: object) -> bytes | None:
    # bytes(..) would make as many zeros as an integer says, and numbers of a list into bytes.
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if is_torch(value) and str(value.dtype) == "torch.uint8":
        value = value.cpu().numpy()
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 1:
        return value.tobytes()
    return None


def _not_bytes(place: str, value: object) -> InputError:
    kind = f"is given as {type(value).__name__}"
    return InputError("unsupported", place, f"{kind}; give bytes, and decode base64 first")


def _own(
    states: Array | Sequence[Array], parameters: Parameters, ties: Ties, rounded: bool
) -> tuple[list[int], Bits | Select]:
    """How the states are cut, and their bits, or what takes points of them where they are.

    Where torch has the states, and alone knows which of equal values it takes, no lengths are in
    values: they are in rows, which are as many chunks.
    """
    if by_torch(states, ties):
        spans = spans_of(parameters, tokens_of(states, parameters))
        return [stop - start for start, stop in spans], selector(states, parameters, rounded)[1]
    chunks = chunks_of(states, parameters, rounded)
    return chunks.lengths, chunks.bits
