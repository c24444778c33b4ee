"""Proofs as polynomials, results of verifying them, and verification of one tensor."""

import base64
import binascii
import operator
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from assay import _core
from assay.toploc.arrays import is_torch, to_bits
from assay.toploc.chunks import require_values

from ...parity import parity
from . import ndd
from .utils import parts_of, parts_of_bits

if TYPE_CHECKING:
    import torch

_Encoded = TypeVar("_Encoded")

# What a result says where no exponent agrees.
_NO_MATCH = 2.0**64


class ProofPoly:
    """A polynomial over the integers modulo 65497, and the modulus of its places.

    Attributes:
        coeffs: Ascending coefficients; reading gives a copy.
        modulus: What indices are reduced by before the polynomial is evaluated; 0 in a null proof.
    """

    __slots__ = ("_coeffs", "modulus")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, coeffs: Iterable[int], modulus: int, /) -> None:
        self._coeffs = [operator.index(c) for c in coeffs]
        self.modulus = operator.index(modulus)

    @property
    def coeffs(self) -> list[int]:
        """Ascending coefficients."""
        return list(self._coeffs)

    @coeffs.setter
    def coeffs(self, coeffs: Iterable[int]) -> None:
        self._coeffs = [operator.index(c) for c in coeffs]

    @staticmethod
    def from_points(x: Sequence[int], y: Sequence[int]) -> "ProofPoly":
        """The polynomial through the points, x modulo the largest modulus that keeps them apart.

        Raises:
            ValueError: Not as many x as y, or a negative x.
            RuntimeError: No points, or two x that are equal.
        """
        if len(x) != len(y):
            raise ValueError(f"{len(x)} x for {len(y)} y; give as many")
        places = [operator.index(value) for value in x]
        if any(place < 0 for place in places):
            raise ValueError("x must not be negative")
        modulus = injective_modulus(places)
        if modulus == 0:
            raise RuntimeError("No injective modulus found!")
        # Distinct below the modulus, so ndd does not reduce them any further.
        reduced = [place % modulus for place in places]
        return ProofPoly(ndd.compute_newton_coefficients(reduced, y), modulus)

    @staticmethod
    def from_points_tensor(x: "torch.Tensor", y: "torch.Tensor") -> "ProofPoly":
        """As `from_points`; of bfloat16 and float16 the bits are the values.

        Raises:
            ValueError: Not one axis each, or a dtype that has no such meaning.
            RuntimeError: Two x are equal.
        """
        import torch

        if x.ndim != 1 or y.ndim != 1:
            raise ValueError("x and y must have one axis")
        if x.dtype not in (torch.int32, torch.int64):
            raise ValueError(f"Unsupported dtype of x, {x.dtype}: give int32 or int64")
        if y.dtype in (torch.bfloat16, torch.float16):
            values = [int(bits) & 0xFFFF for bits in y.contiguous().view(torch.int16).tolist()]
        elif y.dtype in (torch.int32, torch.uint32, torch.int64):
            values = y.tolist()
        else:
            raise ValueError(
                f"Unsupported dtype of y, {y.dtype}: give bfloat16, float16 or integers"
            )
        return ProofPoly.from_points(x.tolist(), values)

    @staticmethod
    def null(length: int) -> "ProofPoly":
        """What stands for a proof that could not be made: modulus 0 and `length` zeros."""
        return ProofPoly([0] * length, 0)

    @staticmethod
    def from_bytes(data: bytes | str) -> "ProofPoly":
        """The inverse of `to_bytes`.

        Raises:
            ValueError: Fewer than 2 bytes, or an odd number of them.
            TypeError: Neither bytes nor text.
        """
        raw = _raw(data)
        if len(raw) < 2:
            raise ValueError("Data too short")
        if len(raw) % 2 != 0:
            if not parity():
                raise ValueError(f"{len(raw)} bytes, an odd number")
            raw = raw[:-1]
        modulus, *coeffs = np.frombuffer(raw, ">u2").tolist()
        return ProofPoly(coeffs, modulus)

    @staticmethod
    def from_base64(text: str | bytes) -> "ProofPoly":
        """The inverse of `to_base64`.

        Raises:
            ValueError: Not base64 of the standard alphabet with padding, or as `from_bytes`.
            TypeError: Neither text nor bytes.
        """
        given = _raw(text)
        if parity():
            return ProofPoly.from_bytes(_lenient_base64(given))
        try:
            raw = base64.b64decode(given, validate=True)
        except binascii.Error as error:
            raise ValueError(f"not base64: {error}") from error
        if base64.b64encode(raw) != given:
            raise ValueError("not the base64 of any bytes: wrong padding, or bits after the last")
        return ProofPoly.from_bytes(raw)

    def to_bytes(self) -> bytes:
        """Modulus and coefficients, 2 bytes each, big-endian; of larger ones the low 16 bits."""
        numbers = [self.modulus, *self._coeffs]
        return np.array([number & 0xFFFF for number in numbers], ">u2").tobytes()

    def to_base64(self) -> str:
        """`to_bytes` in base64, standard alphabet with padding."""
        return base64.b64encode(self.to_bytes()).decode()

    def is_well_formed(self, k: int) -> bool:
        """Whether a proof of k points can look so."""
        coefficients_fit = all(0 <= c < ndd.P for c in self._coeffs)
        return len(self._coeffs) == k and 0 < self.modulus <= ndd.P and coefficients_fit

    def __call__(self, x: int) -> int:
        """The value at `x`, which is not reduced by the modulus first.

        Raises:
            ValueError: No coefficients.
        """
        return ndd.evaluate_polynomial(self._coeffs, x)

    def __len__(self) -> int:
        return len(self._coeffs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProofPoly):
            return NotImplemented
        return self.modulus == other.modulus and self._coeffs == other._coeffs

    def __getstate__(self) -> tuple[list[int], int]:
        return self.coeffs, self.modulus

    def __setstate__(self, state: tuple[list[int], int]) -> None:
        coeffs, modulus = state
        self.__init__(coeffs, modulus)  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"ProofPoly[{self.modulus}]({self._coeffs})"


class VerificationResult:
    """How far a proof is from the activations.

    Attributes:
        exp_mismatches: Points whose exponents differ.
        mant_err_mean: Mean difference of the mantissas where exponents agree; 2**64 if none does.
        mant_err_median: Their median, likewise.
    """

    __slots__ = ("exp_mismatches", "mant_err_mean", "mant_err_median")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, exp_mismatches: int, mant_err_mean: float, mant_err_median: float, /
    ) -> None:
        self.exp_mismatches = operator.index(exp_mismatches)
        self.mant_err_mean = float(mant_err_mean)
        self.mant_err_median = float(mant_err_median)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VerificationResult):
            return NotImplemented
        return self.__getstate__() == other.__getstate__()

    def __getstate__(self) -> tuple[int, float, float]:
        return self.exp_mismatches, self.mant_err_mean, self.mant_err_median

    def __setstate__(self, state: tuple[int, float, float]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def __repr__(self) -> str:
        return (
            f"VerificationResult[exp_mismatches={self.exp_mismatches}, "
            f"mant_err_mean={self.mant_err_mean:g}, mant_err_median={self.mant_err_median:g}]"
        )


def verify_proofs(
    activations: Any, proofs: Sequence[ProofPoly], decode_batching_size: int, topk: int
) -> list[VerificationResult]:
    """Verify proofs of a tensor whose axis 0 is tokens, without a prefill.

    Medians are the upper of the two middle values.

    Raises:
        ValueError: Not as many proofs as chunks.
        RuntimeError: A dtype other than bfloat16 and float32.
    """
    chunks = [
        flattened([activations[start : start + decode_batching_size]])
        for start in range(0, len(activations), checked_size(decode_batching_size))
    ]
    require_count(proofs, chunks)
    return [
        compare(proof, chunk, topk, reduced=True, upper_median=True)
        for proof, chunk in zip(proofs, chunks, strict=True)
    ]


def verify_proofs_bytes(
    activations: Any, proofs: Sequence[bytes], decode_batching_size: int, topk: int
) -> list[VerificationResult]:
    """As `verify_proofs`; what is not a proof agrees with nothing."""
    polys = or_nothing(ProofPoly.from_bytes, proofs)
    return verify_proofs(activations, polys, decode_batching_size, topk)


def verify_proofs_base64(
    activations: Any, proofs: Sequence[str], decode_batching_size: int, topk: int
) -> list[VerificationResult]:
    """As `verify_proofs`; what is not a proof agrees with nothing."""
    polys = or_nothing(ProofPoly.from_base64, proofs)
    return verify_proofs(activations, polys, decode_batching_size, topk)


def or_nothing(
    read: Callable[[_Encoded], ProofPoly], proofs: Iterable[_Encoded]
) -> list[ProofPoly]:
    """The proofs that `read` gives; for what it refuses, one that agrees with nothing."""
    polys = []
    for proof in proofs:
        try:
            polys.append(read(proof))
        except ValueError:
            polys.append(ProofPoly([], 0))
    return polys


def compare(
    proof: ProofPoly, chunk: Any, k: int, *, reduced: bool, upper_median: bool
) -> VerificationResult:
    """Hold a proof against the flat values of its chunk.

    Args:
        proof: May be malformed, and then agrees with nothing.
        chunk: As `flattened` gives it.
        k: Points to compare.
        reduced: Reduce the indices by the proof's modulus, as they were when it was made.
        upper_median: Take the upper of two middle values, not their mean.
    """
    # On the CPU, as in the original, whose proofs are made where the activations are.
    indices, values = top(chunk.cpu() if is_torch(chunk) else chunk, k)
    unusable = proof.modulus == 0 if parity() else not proof.is_well_formed(k)
    if unusable or len(proof) == 0:
        return VerificationResult(k, _NO_MATCH, _NO_MATCH)
    # Python's integers: a modulus need not fit into 64 bits.
    places = [index % proof.modulus if reduced else index for index in indices.tolist()]
    claimed = ndd.evaluate_polynomials(proof._coeffs, places)
    exponents, mantissas = parts_of_bits(np.array(claimed, np.int64))
    own_exponents, own_mantissas = (
        parts_of(values) if is_torch(values) else parts_of_bits(values.astype(np.int64))
    )
    same = exponents == own_exponents
    errors = np.sort(np.abs(mantissas - own_mantissas)[same]).tolist()
    mismatches = k - len(errors)
    if not errors:
        return VerificationResult(mismatches, _NO_MATCH, _NO_MATCH)
    median = errors[len(errors) // 2] if upper_median else statistics.median(errors)
    return VerificationResult(mismatches, statistics.fmean(errors), median)


def flattened(pieces: Sequence[Any]) -> Any:
    """The values of all pieces in C order: a tensor where they are tensors, else bfloat16 bits."""
    if pieces and all(is_torch(piece) for piece in pieces):
        import torch

        return torch.cat([piece.reshape(-1) for piece in pieces])
    return np.concatenate([to_bits(piece, "activations", False) for piece in pieces])


def top(chunk: Any, k: int) -> tuple[Any, Any]:
    """Indices (int64 array) and values of the k largest magnitudes of a flat chunk."""
    if is_torch(chunk):
        indices = chunk.abs().topk(k).indices
        return indices.cpu().numpy(), chunk[indices]
    require_values(chunk.size, "activations", k)
    selected = _core.toploc_select(chunk, k, False)
    return selected.astype(np.int64), chunk[selected]


def prove(chunk: Any, k: int) -> ProofPoly:
    """The proof of a flat chunk.

    Raises:
        ValueError: A dtype that there are no proofs of.
        RuntimeError: Fewer values than k.
    """
    indices, values = top(chunk, k)
    if is_torch(values):
        import torch

        return ProofPoly.from_points_tensor(torch.from_numpy(indices), values)
    return ProofPoly.from_bytes(_core.toploc_prove(indices.astype(np.uint32), values))


def injective_modulus(x: Sequence[int]) -> int:
    """The largest modulus up to 65497 under which all x stay distinct, or 0."""
    if len(set(x)) < len(x):
        return 0
    places = np.array(x, np.uint64 if max(x, default=0) < 2**64 else object)
    for modulus in range(ndd.P, 0, -1):
        if len(set((places % modulus).tolist())) == len(x):
            return modulus
    return 0


def checked_size(decode_batching_size: int) -> int:
    """The number of tokens of a chunk.

    Raises:
        ValueError: It is not positive.
    """
    size = operator.index(decode_batching_size)
    if size < 1:
        raise ValueError(f"decode_batching_size is {size}; give at least 1")
    return size


def require_count(proofs: Sequence[object], chunks: Sequence[object]) -> None:
    """Check that there is a proof for each chunk.

    Raises:
        ValueError: There is not.
    """
    if len(proofs) != len(chunks):
        raise ValueError(f"{len(proofs)} proofs for {len(chunks)} chunks of activations")


def _raw(data: bytes | str) -> bytes:
    # bytes(..) would make as many zeros as an integer says, and numbers of a list into bytes.
    if isinstance(data, str):
        return data.encode()
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"a proof is bytes or text, not {type(data).__name__}")
    return bytes(data)


def _lenient_base64(given: bytes) -> bytes:
    """The whole bytes before the first "="; characters that base64 lacks count as "/"."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    value = bits = 0
    decoded = bytearray()
    for character in given.partition(b"=")[0]:
        value, bits = (value << 6 | alphabet.find(character) & 63) & 0xFFFF, bits + 6
        if bits >= 8:
            bits -= 8
            decoded.append(value >> bits & 0xFF)
    return bytes(decoded)
