"""Fingerprints: every hidden state as a few numbers, along directions that a seed gives.

Unlike a TOPLOC proof they keep signs and all values, and compare row by row. The seed binds
the provider only when it is drawn after the provider committed to the states: with a seed known
before, states can be made up that project to the same numbers.

    commitment = ...                                   # the provider's, of its states
    seed = new_seed()                                  # the verifier's, once it has that
    sent = project(states, seed).to_bytes()            # the provider's
    verdict = verify(sent, own_states, seed, profile)  # the verifier's, on its own states

Where no verifier is there to draw one, as while a server answers, `answer_seed` gives a seed that
nobody knows before the answer and its proofs are made.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..arguments import (
    digest_of,
    listed,
    require,
    require_unmasked,
    unsigned,
    unsigned_all,
    whole_bytes,
)
from ..errors import InputError
from ..tensors import plain_torch
from .arrays import Array, bits_of_torch, is_torch, to_bfloat16, to_bits
from .verifying import Profile, profile_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from ..models import Keeper

DIMENSIONS = 32


def new_seed() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(32)


def answer_seed(
    prompt_token_ids: Sequence[int],
    output_token_ids: Sequence[int],
    proofs: Sequence[bytes],
    committed: Iterable[str] = (),
) -> bytes:
    """The seed that an answer gives for its own fingerprint, by Fiat and Shamir.

    Args:
        prompt_token_ids: Of the signature, as the two that follow.
        output_token_ids: The answer.
        proofs: Its TOPLOC proofs.
        committed: Digests of whatever else the provider committed to, such as
            `Commitment.digest` of rows of layers, 64 hexadecimal digits each.

    Raises:
        InputError: A digest that is none ("malformed").
    """
    return _core.fingerprint_answer_seed(
        unsigned_all(prompt_token_ids, "prompt_token_ids", 32),
        unsigned_all(output_token_ids, "output_token_ids", 32),
        [whole_bytes(one, "proofs") for one in listed(proofs, "proofs")],
        [digest_of(one, "committed") for one in listed(committed, "committed")],
    )


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Numbers for each token.

    Attributes:
        values: float32, (tokens, dimensions).
        hidden: Width of the states.
        seed: What the directions came from.
    """

    values: NDArray[np.float32]
    hidden: int
    seed: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> "Fingerprint":
        """Read a fingerprint.

        Raises:
            DecodeError: The bytes are not those of a fingerprint.
        """
        return cls(*_core.fingerprint_decode(whole_bytes(data), "fingerprint"))

    def to_bytes(self) -> bytes:
        """The format "assay/toploc/fingerprint/v1"."""
        return _core.fingerprint_encode(self.values, self.hidden, self.seed)

    def distance(self, own: "Fingerprint") -> float:
        """|self - own| / |own| of the row in which it is largest.

        Raises:
            InputError: Of another seed, width, number of dimensions or tokens ("mismatch").
        """
        require("own", own, Fingerprint)
        if (self.seed, self.hidden) != (own.seed, own.hidden):
            raise InputError("mismatch", "fingerprint", "of another seed or width")
        return _core.fingerprint_distance(self.values, own.values, self.hidden)


def project(states: Array, seed: bytes, dimensions: int = DIMENSIONS) -> Fingerprint:
    """The fingerprint of hidden states.

    Args:
        states: (tokens, width): bfloat16, its bits as uint16, or floats, which are not rounded.
        seed: 32 bytes.
        dimensions: Numbers for each token, 1 to 1024.

    Raises:
        InputError: Another shape, type or size ("mismatch", "unsupported", "out_of_range").
    """
    rows, known = _rows(states), whole_bytes(seed, "seed")
    count = unsigned(dimensions, "dimensions", 32)
    return Fingerprint(_core.fingerprint_project(rows, known, count), rows.shape[1], known)


@contextmanager
def watch(model: "PreTrainedModel", *, all_threads: bool = False) -> "Iterator[Keeper]":
    """Keep the states of every `model.generate(..)` within the block, for seeds told afterwards.

    The states of a sequence are the `rows[0]` of one of `sequences`, (tokens, width). Of what this
    thread runs, or with `all_threads` of all.

    Raises:
        InputError: As `assay.models.observe`.
    """
    from ..models import HEAD_INPUT, Keeper, observe

    keeper = Keeper(HEAD_INPUT, device="cpu")
    with observe(model, keeper, all_threads=all_threads):
        yield keeper


def verify(
    data: bytes,
    states: Array,
    seed: bytes,
    profile: "Profile | str | PathLike[str]",
    dimensions: int = DIMENSIONS,
) -> _core.Verdict:
    """Decide whether a provider's fingerprint is consistent with the verifier's own states.

    Args:
        data: Of the provider; nothing about it is trusted.
        states: The verifier's own, for the same tokens.
        seed: The verifier's own.
        profile: With a bound for the distance, as `calibrate` measures it.
        dimensions: What was agreed on.

    Returns:
        Accepted; rejected at "seed", "shape" or "distance", of any row; or inconclusive, where the
        own states say nothing ("states": none, not finite, zero, constant, or too large or small
        for a fingerprint) or the profile has no bound ("profile").

    Raises:
        DecodeError: `data` is no fingerprint.
        InputError: The seed, the dimensions or the shape of the own states cannot be used.
    """
    return _core.fingerprint_verify(
        whole_bytes(data),
        _rows(states),
        whole_bytes(seed, "seed"),
        unsigned(dimensions, "dimensions", 32),
        profile_of(profile),
    )


def _rows(states: Array) -> NDArray[Any]:
    """float32, or bits as uint16, of shape (tokens, width)."""
    shape = tuple(getattr(states, "shape", ()))
    if len(shape) != 2:
        raise InputError("mismatch", "states", f"of shape {shape}; give (tokens, width)")
    if is_torch(states):
        import torch

        if states.dtype in (torch.float16, torch.float32, torch.float64):
            plain = plain_torch(states, "states")
            rows: NDArray[Any] = plain.to("cpu", torch.float32).contiguous().numpy()
            return rows
        return bits_of_torch(to_bfloat16(states, "states", False)).reshape(shape)
    require_unmasked(states, "states")
    if isinstance(states, np.ndarray) and states.dtype.name in ("float16", "float32", "float64"):
        return np.ascontiguousarray(states, np.float32)
    return to_bits(states, "states", False).reshape(shape)
