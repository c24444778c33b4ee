"""Terkle trees of full depth over u64, for programs written against this module.

A thin layer over assay.tree; new programs should use that. docs/tree-compat.md has the differences.
"""

import math
import operator
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import assay
from assay import InputError, tree
from assay.arguments import require

__all__ = [
    "MultiverkleTree",
    "ProofBundle",
    "expected_value_count",
    "linear_index_to_path",
    "verify_serialized_proof",
]

_MOST_LEAVES = 1 << 40
"""Of a tree of `assay.tree`."""
_POINT = b"\x40" + bytes(31)
"""The point at infinity, for a public part of which the shape alone is of interest."""


def expected_value_count(axis_arity: Sequence[int], depth: int) -> int:
    """How many values a tree of this shape has.

    Raises:
        ValueError: Axes that no tree has, a negative depth, or over 2**40 values.
    """
    return _value_count(_axes(axis_arity), _integer(depth, "depth"))


def linear_index_to_path(index: int, axis_arity: Sequence[int], depth: int) -> list[list[int]]:
    """The coordinates of a leaf in the node of each level, the root's first.

    Raises:
        ValueError: There is no such leaf, or no tree has this shape.
    """
    axes = _axes(axis_arity)
    count = _value_count(axes, _integer(depth, "depth"))
    if not 0 <= _integer(index, "index") < count:
        raise ValueError(f"invalid path: index {index} is not below {count}")
    path: list[list[int]] = []
    for _ in range(depth):
        coordinates = []
        for arity in reversed(axes):
            index, coordinate = divmod(index, arity)
            coordinates.append(coordinate)
        path.append(coordinates[::-1])
    return path[::-1]


@dataclass(frozen=True)
class ProofBundle:
    """The proof of one leaf."""

    _proof: bytes
    _value: int
    _index: int
    # Follows from the index and the tree, which the proof names.
    _path: list[list[int]] = field(compare=False)

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
        self._axes = _axes(axis_arity)
        self._depth = _integer(depth, "depth")
        if self._depth < 1:
            raise ValueError("depth must be >= 1")
        expected = _value_count(self._axes, self._depth)
        require("data", data, Sized)
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

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "MultiverkleTree: cannot be pickled or copied, as its setup is its own; make another "
            "from its values, with another root, or keep a tree by assay.tree"
        )


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
        ValueError: Bytes that are no key, root or proof, or axes that no tree has.
        TypeError: An argument of another type.
    """
    key_data = _bytes(vk_bytes, "vk_bytes")
    root_data = _bytes(root_bytes, "root_bytes")
    proof_data = _bytes(proof_bytes, "proof_bytes")
    levels, leaf = _integer(depth, "depth"), _integer(index, "index")
    number = _integer(value, "value")
    axes = _axes(axis_arity)
    key = assay.VerifierKey.from_bytes(key_data)
    proof = tree.Proof.from_bytes(proof_data)
    try:
        count = _value_count(axes, levels)
    except ValueError:
        return False
    root = tree.Root.of("terkle", axes, "u64", count=count, srs_digest=key.digest, value=root_data)
    if root.depth != levels or not 0 <= number < 1 << 64 or not 0 <= leaf < count:
        return False
    return bool(tree.verify(root, [leaf], [number], proof, key))


def _axes(axis_arity: Sequence[int]) -> list[int]:
    """The arities, where a tree can have them."""
    require("axis_arity", axis_arity, Iterable)
    axes = [_integer(arity, "axis_arity") for arity in axis_arity]
    try:
        tree.Root.of("terkle", axes, "u64", count=1, srs_digest="00" * 32, value=_POINT)
    except InputError as error:
        raise InputError(error.code, "axis_arity", error.reason) from error
    return axes


def _value_count(axes: Sequence[int], depth: int) -> int:
    if depth < 0:
        raise InputError("out_of_range", "depth", "negative")
    # Each level at least doubles the leaves; the power of a large depth would take forever.
    count: int = math.prod(axes) ** min(depth, _MOST_LEAVES.bit_length())
    if count > _MOST_LEAVES:
        raise InputError("out_of_range", "depth", "a tree of it has over 2**40 leaves")
    return count


def _bytes(given: bytes | Iterable[int], name: str) -> bytes:
    require(name, given, Iterable)  # of an integer, Python makes so many zeros
    try:
        return bytes(iter(given))
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error


def _integer(given: Any, name: str) -> int:
    try:
        return operator.index(given)
    except TypeError as error:
        raise TypeError(f"{name}: {type(given).__name__}, an integer is expected here") from error


def _numbers(data: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    try:
        return np.array([_integer(value, "data") for value in data], np.uint64)
    except OverflowError as error:
        raise ValueError("data: a value that is not from 0 to 2**64 - 1") from error
