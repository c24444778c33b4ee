"""Terkle trees of full depth over u64, for programs written against this module.

A thin layer over assay.tree; new programs should use that. docs/tree-compat.md has the differences.
"""

import math
import operator
from collections.abc import Iterable, Sequence

import numpy as np

import assay
from assay import tree

__all__ = [
    "MultiverkleTree",
    "ProofBundle",
    "expected_value_count",
    "linear_index_to_path",
    "verify_serialized_proof",
]


def expected_value_count(axis_arity: Sequence[int], depth: int) -> int:
    """How many values a tree of this shape has."""
    fan_out = math.prod(map(operator.index, axis_arity))
    count: int = fan_out ** operator.index(depth)
    return count


def linear_index_to_path(index: int, axis_arity: Sequence[int], depth: int) -> list[list[int]]:
    """The coordinates of a leaf in the node of each level, the root's first.

    Raises:
        ValueError: There is no such leaf.
    """
    count = expected_value_count(axis_arity, depth)
    if not 0 <= operator.index(index) < count:
        raise ValueError(f"invalid path: index {index} is not below {count}")
    path: list[list[int]] = []
    for _ in range(depth):
        coordinates = []
        for arity in reversed(axis_arity):
            index, coordinate = divmod(index, arity)
            coordinates.append(coordinate)
        path.append(coordinates[::-1])
    return path[::-1]


class ProofBundle:
    """The proof of one leaf."""

    def __init__(self, proof: bytes, value: int, index: int, path: list[list[int]]) -> None:
        self._proof = proof
        self._value = value
        self._index = index
        self._path = path

    def proof_bytes(self) -> bytes:
        """What `verify_serialized_proof` takes."""
        return self._proof

    def proof_size(self) -> int:
        """Its bytes."""
        return len(self._proof)

    def leaf_value(self) -> str:
        """The value, in decimal. It is not in the proof."""
        return str(self._value)

    def path(self) -> list[list[int]]:
        """As `linear_index_to_path` gives it."""
        return [list(coordinates) for coordinates in self._path]

    def linear_index(self) -> int:
        """Which leaf."""
        return self._index


class MultiverkleTree:
    """A tree with all the values that nodes of these axes hold at this depth.

    Each object makes its own SRS from random secrets that it forgets. Nobody else can know that it
    did, so a proof convinces the process that made the tree and nobody else; `trust` says "dev".

    Raises:
        ValueError: No axes or an arity below 2, a depth of 0, other than the expected number of
            values, or one that is no u64.
    """

    def __init__(self, axis_arity: Sequence[int], depth: int, data: Sequence[int]) -> None:
        self._axes = [operator.index(arity) for arity in axis_arity]
        self._depth = operator.index(depth)
        if not self._axes:
            raise ValueError("axis_arity must contain at least one dimension")
        if self._depth < 1:
            raise ValueError("depth must be >= 1")
        expected = expected_value_count(self._axes, self._depth)
        if len(data) != expected:
            raise ValueError(f"data length {len(data)} does not match expected {expected}")
        self._data = _numbers(data)
        self._srs = assay.Srs.random(self._axes)
        self.trust = self._srs.verifier_key.trust
        self._tree = tree.build(
            self._data, kind="terkle", arities=tuple(self._axes), srs=self._srs, leaf="u64"
        )

    def root_bytes(self) -> bytes:
        """The root's commitment, 32 bytes. What it is of is not in them."""
        return self._tree.root.value

    def verifier_key_bytes(self) -> bytes:
        """The verifier's part of the SRS, as a .vk file has it."""
        return self._srs.verifier_key.to_bytes()

    def axis_arity(self) -> list[int]:
        """The arities of a node's axes."""
        return list(self._axes)

    def depth(self) -> int:
        """Levels of nodes."""
        return self._depth

    def open_index(self, index: int) -> ProofBundle:
        """Prove a leaf.

        Raises:
            ValueError: There is no such leaf.
        """
        path = linear_index_to_path(index, self._axes, self._depth)
        proof = self._tree.prove(index).to_bytes()
        return ProofBundle(proof, int(self._data[index]), operator.index(index), path)


def verify_serialized_proof(
    vk_bytes: bytes | Iterable[int],
    root_bytes: bytes | Iterable[int],
    axis_arity: Sequence[int],
    depth: int,
    index: int,
    value: int,
    proof_bytes: bytes | Iterable[int],
) -> bool:
    """Whether a proof shows that `value` is leaf `index` of the full tree with this root.

    The key must come from the verifier, or from whom it trusts: whoever made it can prove anything.

    Raises:
        ValueError: Bytes that are no key, root or proof, or a shape that no tree has.
    """
    key = assay.VerifierKey.from_bytes(bytes(vk_bytes))
    root = tree.Root.of(
        "terkle",
        tuple(axis_arity),
        "u64",
        count=expected_value_count(axis_arity, depth),
        srs_digest=key.digest,
        value=bytes(root_bytes),
    )
    proof = tree.Proof.from_bytes(bytes(proof_bytes))
    if root.depth != depth or not 0 <= value < 1 << 64 or not 0 <= index < root.count:
        return False
    return bool(tree.verify(root, [index], [value], proof, key))


def _numbers(data: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    try:
        return np.array([operator.index(value) for value in data], np.uint64)
    except OverflowError as error:
        raise ValueError("data: a value that is not from 0 to 2**64 - 1") from error
