"""Verkle trees of full depth, on BN254, for programs written against this module.

A thin layer over assay.tree; new programs should use that. docs/tree-compat.md has the differences.
"""

import operator
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import assay
from assay import InputError, kzg, tree
from assay.arguments import require

__all__ = ["BatchProof", "KzgVerkleTree", "SingleProof", "commitment_from_hex"]

_U128 = 1 << 128


class _Count(int):
    """A number that programs read as a property, and others by a call."""

    def __call__(self) -> int:
        return int(self)


def commitment_from_hex(root_hex: str) -> bytes:
    """The 32 bytes of a compressed point, which is checked.

    Raises:
        ValueError: It is none.
        TypeError: It is no text.
    """
    require("root_hex", root_hex, str)
    # bytes.fromhex alone takes spaces, so that one root would have many texts.
    found = re.fullmatch("(?:0[xX])?([0-9a-fA-F]{64})", root_hex)
    if not found:
        raise InputError(
            "malformed", "root_hex", "give 64 hexadecimal digits, 0x before them or not"
        )
    data = bytes.fromhex(found[1])
    # A public part is refused where its root is no point.
    tree.Root.of("verkle", 2, "u64", count=1, srs_digest="00" * 32, value=data)
    return data


@dataclass(frozen=True)
class _Made:
    """What the tree tells its proofs: its shape and its key."""

    root: tree.Root
    key: kzg.VerifierKey

    def under(self, root_hex: str) -> tree.Root:
        """The public part of a tree of this shape with another root."""
        own = self.root
        return tree.Root.of(
            own.kind,
            own.arities,
            own.leaf,
            count=own.count,
            srs_digest=own.srs_digest,
            value=commitment_from_hex(root_hex),
        )


@dataclass(frozen=True)
class SingleProof:
    """The proof of one leaf. It knows of its tree all but the root: width, size, key."""

    _made: _Made
    _proof: tree.Proof
    index: int
    value: int

    def verify(self, root_hex: str, index: int, value: int) -> bool:
        """Whether it shows that `value` is the leaf at `index` under this root.

        Raises:
            ValueError: A root that is no point.
        """
        leaf, number = _integer(index, "index"), _integer(value, "value")
        return _check(self._made, root_hex, [leaf], [number], self._proof)

    @property
    def node_count(self) -> _Count:
        """Nodes on the way."""
        return _Count(self._made.root.depth)


@dataclass(frozen=True)
class BatchProof:
    """One proof of many leaves."""

    _made: _Made
    _proof: tree.Proof
    _nodes: int

    def verify(self, root_hex: str, indices: Sequence[int], values: Sequence[int]) -> bool:
        """Whether it shows that `values` are the leaves at `indices` under this root.

        Raises:
            ValueError: No indices, as many values as there are not, a root that is no point.
        """
        if not indices:
            raise ValueError("indices for verification cannot be empty")
        if len(indices) != len(values):
            raise ValueError("indices and values must have matching length")
        leaves = [_integer(index, "indices") for index in indices]
        numbers = [_integer(value, "values") for value in values]
        pairs = dict(zip(leaves, numbers, strict=True))
        if any(pairs[leaf] != number for leaf, number in zip(leaves, numbers, strict=True)):
            return False  # two values for one leaf
        ordered = sorted(pairs)
        return _check(self._made, root_hex, ordered, [pairs[i] for i in ordered], self._proof)

    @property
    def node_count(self) -> _Count:
        """Nodes on the ways, each once."""
        return _Count(self._nodes)


class KzgVerkleTree:
    """A tree over width ** depth integers from 0 to 2**128 - 1.

    Each object makes its own SRS from a random seed that it forgets. Nobody else can know that it
    did, so a proof convinces the process that made the tree and nobody else; `trust` says "dev".

    Attributes:
        width: Children of a node.
        depth: Levels of nodes.
        value_count: Leaves.

    Raises:
        ValueError: A width that is no power of two, other than width ** depth values, or one that
            is out of range.
    """

    def __init__(self, values: Any, width: int) -> None:
        self.width = operator.index(width)
        if self.width < 2 or self.width & (self.width - 1):
            raise ValueError(f"width: {width}; give a power of two from 2 on")
        listed = values.tolist() if hasattr(values, "tolist") else values
        self._values = [operator.index(value) for value in listed]
        self.value_count = len(self._values)
        _check_full(self.value_count, self.width)
        if any(not 0 <= value < _U128 for value in self._values):
            raise ValueError("values: one that is not from 0 to 2**128 - 1")
        srs = kzg.Srs.dev(self.width.bit_length() - 1, secrets.randbits(64))
        self.trust = srs.verifier_key.trust
        # The public part says which leaves there are: numbers of 64 bits, or of the field.
        leaf: tree.Leaf = "u64" if max(self._values) < 1 << 64 else "field"
        self._tree = tree.build(
            _leaves(leaf, self._values), kind="verkle", arities=self.width, srs=srs, leaf=leaf
        )
        self._made = _Made(self._tree.root, srs.verifier_key)
        self.depth = self._tree.depth

    def dataset(self) -> list[int]:
        """The leaves."""
        return list(self._values)

    def root_hex(self) -> str:
        """The root's commitment, 0x and 64 hexadecimal digits. What it is of is not in them."""
        return "0x" + self._tree.root.value.hex()

    def prove(self, indices: Iterable[int], *, batch: bool = True) -> BatchProof | SingleProof:
        """One proof of the leaves at these indices.

        Raises:
            ValueError: None, or one that there is not.
        """
        listed = list(indices)
        if not listed:
            raise ValueError("indices must not be empty")
        if batch or len(listed) > 1:
            return self.prove_indices(listed)
        return self.prove_single(listed[0])

    def prove_single(self, index: int, *, as_batch: bool = False) -> BatchProof | SingleProof:
        """The proof of one leaf.

        Raises:
            ValueError: There is no such leaf.
        """
        if as_batch:
            return self.prove_indices([index])
        self._check_index(index)
        proof = self._tree.prove(index)
        return SingleProof(self._made, proof, operator.index(index), self._values[index])

    def prove_indices(self, indices: Iterable[int]) -> BatchProof:
        """One proof of the leaves at these indices, in any order; one may stand twice.

        Raises:
            ValueError: None, or one that there is not.
        """
        ordered = sorted({operator.index(index) for index in indices})
        if not ordered:
            raise ValueError("cannot generate a proof for an empty set of indices")
        for index in ordered:
            self._check_index(index)
        heights = range(1, self.depth + 1)
        nodes = sum(len({index // self.width**height for index in ordered}) for height in heights)
        return BatchProof(self._made, self._tree.prove(ordered, aggregated=True), nodes)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "KzgVerkleTree: cannot be pickled or copied, as its setup is its own; make another "
            "from dataset(), with another root, or keep a tree by assay.tree"
        )

    def _check_index(self, index: int) -> None:
        if not 0 <= operator.index(index) < self.value_count:
            raise ValueError(f"index {index} exceeds dataset size {self.value_count}")


def _check_full(count: int, width: int) -> None:
    if count == 0:
        raise ValueError("cannot build a tree with zero data elements")
    capacity = 1
    while capacity < count:
        capacity *= width
    if capacity != count:
        raise ValueError(
            f"data length {count} must equal width^depth for some integer depth (next capacity: "
            f"{capacity})"
        )


def _integer(given: Any, name: str) -> int:
    try:
        return operator.index(given)
    except TypeError as error:
        raise TypeError(f"{name}: {type(given).__name__}, an integer is expected here") from error


def _leaves(leaf: str, values: Sequence[int]) -> Any:
    return np.array(values, np.uint64) if leaf == "u64" else assay.to_rows(values)


def _check(
    made: _Made, root_hex: str, indices: Sequence[int], values: Sequence[int], proof: tree.Proof
) -> bool:
    root = made.under(root_hex)
    most = 1 << 64 if root.leaf == "u64" else _U128
    if any(not 0 <= value < most for value in values):
        return False
    if not all(0 <= index < root.count for index in indices):
        return False
    return bool(tree.verify(root, indices, _leaves(root.leaf, values), proof, made.key))
