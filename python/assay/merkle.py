"""Merkle trees over SHA-256: of arity 2 those of RFC 9162, and wider ones (docs/merkle.md).

A proof holds hashes alone. Its shape follows from arity, number of leaves and index, which a
verifier brings itself, with the root.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from . import _core
from .arguments import listed, require, require_unmasked, unsigned, unsigned_all, whole_bytes
from .errors import ArgumentError
from .filed import Filed
from .html import table

__all__ = [
    "ConsistencyProof",
    "InclusionProof",
    "MultiProof",
    "Tree",
    "sized_root",
    "verify_consistency",
    "verify_inclusion",
    "verify_many",
]


class _Proof(Filed):
    """Hashes that lead from leaves to a root; its length is how many."""

    _kind: Any

    def __init__(self, native: Any) -> None:
        self._native = native

    @classmethod
    def from_bytes(cls, data: bytes) -> Any:
        """Read what `to_bytes` gave.

        Raises:
            DecodeError: The bytes are not the canonical ones.
        """
        return cls(cls._kind.decode(whole_bytes(data), "proof"))

    def __len__(self) -> int:
        return len(self._native)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} hashes)"

    def _repr_html_(self) -> str:
        return table(type(self).__name__, [("hashes", len(self))])


class InclusionProof(_Proof):
    """That a leaf stands at its index."""

    _kind = _core.MerkleInclusionProof


class MultiProof(_Proof):
    """That several leaves stand at their indices."""

    _kind = _core.MerkleMultiProof


class ConsistencyProof(_Proof):
    """That a tree is the beginning of another."""

    _kind = _core.MerkleConsistencyProof


class Tree:
    """A tree with all its nodes in memory, 32 bytes for each.

    >>> tree = Tree([b"a", b"b", b"c"])
    >>> verify_inclusion(tree.root, len(tree), 1, b"b", tree.prove(1)).outcome
    'accepted'
    """

    def __init__(self, leaves: Iterable[bytes] = (), arity: int = 2) -> None:
        """Make a tree.

        Args:
            leaves: Their values, which are hashed.
            arity: Children of a node.

        Raises:
            InputError: The arity is outside its range ("out_of_range"), or there are over 2**28
                leaves ("too_large").
        """
        require_unmasked(leaves, "leaves")
        values = [whole_bytes(leaf, "leaves") for leaf in listed(leaves, "leaves")]
        self._native = _core.MerkleTree.from_leaves(unsigned(arity, "arity", 32), values)

    @classmethod
    def of_rows(cls, rows: Any, arity: int = 2) -> "Tree":
        """A tree over the bytes of a numpy array, a leaf for each index of its first axis.

        Raises:
            InputError: As when it is made; rows without bytes ("out_of_range").
        """
        if not hasattr(rows, "nbytes"):
            reason = f"{type(rows).__name__}, an array is expected here"
            raise ArgumentError("rows", reason)
        size = rows.nbytes // max(1, len(rows))
        made = cls.__new__(cls)
        made._native = _core.MerkleTree.from_chunks(unsigned(arity, "arity", 32), rows, size)
        return made

    @property
    def arity(self) -> int:
        """Children of a node."""
        return self._native.arity

    @property
    def root(self) -> bytes:
        """32 bytes. They do not say how many leaves there are: see `sized_root`."""
        return self._native.root()

    @property
    def sized_root(self) -> bytes:
        """32 bytes that bind arity and number of leaves too."""
        return sized_root(self.arity, len(self), self.root)

    def append(self, leaf: bytes) -> None:
        """Add a leaf at the end.

        Raises:
            InputError: There are 2**28 leaves ("too_large").
        """
        self._native.append(whole_bytes(leaf, "leaf"))

    def replace(self, index: int, leaf: bytes) -> None:
        """Put another leaf in place of one.

        Raises:
            InputError: There is no such leaf ("out_of_range").
        """
        self._native.replace(unsigned(index, "index"), whole_bytes(leaf, "leaf"))

    def prove(self, index: int) -> InclusionProof:
        """The proof that a leaf stands at `index`.

        Raises:
            InputError: There is no such leaf ("out_of_range").
        """
        return InclusionProof(self._native.prove(unsigned(index, "index")))

    def prove_many(self, indices: Sequence[int]) -> MultiProof:
        """One proof for several leaves.

        Raises:
            InputError: The indices do not ascend, or there is no such leaf ("out_of_range").
        """
        return MultiProof(self._native.prove_many(unsigned_all(indices, "indices")))

    def prove_consistency(self, old_count: int) -> ConsistencyProof:
        """The proof that the tree of the first `old_count` leaves is the beginning of this one.

        Raises:
            InputError: Of another arity than 2 ("unsupported"), or there are fewer leaves
                ("out_of_range").
        """
        return ConsistencyProof(self._native.prove_consistency(unsigned(old_count, "old_count")))

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        return f"Tree({len(self)} leaves, arity={self.arity}, root={self.root.hex()!r})"


def sized_root(arity: int, leaf_count: int, root: bytes) -> bytes:
    """SHA-256 over arity, number of leaves and root: 32 bytes that bind the shape too."""
    return _core.merkle_sized_root(
        unsigned(arity, "arity", 32), unsigned(leaf_count, "leaf_count"), whole_bytes(root, "root")
    )


def verify_inclusion(
    root: bytes, leaf_count: int, index: int, leaf: bytes, proof: InclusionProof, arity: int = 2
) -> _core.Verdict:
    """Check that a leaf stands at `index`.

    Args:
        root: 32 bytes that the verifier has reason to trust.
        leaf_count: Leaves of the tree, likewise.
        index: Of the leaf.
        leaf: Its value, not its hash.
        proof: Of the prover.
        arity: Of the tree, from whom the root is.

    Returns:
        Accepted, or rejected at "tree shape", "index", "proof length" or "root".
    """
    require("proof", proof, InclusionProof)
    return _core.merkle_verify_inclusion(
        whole_bytes(root, "root"),
        unsigned(arity, "arity", 32),
        unsigned(leaf_count, "leaf_count"),
        unsigned(index, "index"),
        _core.merkle_leaf_hash(whole_bytes(leaf, "leaf")),
        proof._native,
    )


def verify_many(
    root: bytes,
    leaf_count: int,
    indices: Sequence[int],
    leaves: Sequence[bytes],
    proof: MultiProof,
    arity: int = 2,
) -> _core.Verdict:
    """Check that each of the leaves stands at its index; indices ascend.

    Returns:
        Accepted, or rejected at "tree shape", "index", "leaves", "proof length" or "root".
    """
    require("proof", proof, MultiProof)
    return _core.merkle_verify_many(
        whole_bytes(root, "root"),
        unsigned(arity, "arity", 32),
        unsigned(leaf_count, "leaf_count"),
        unsigned_all(indices, "indices"),
        [_core.merkle_leaf_hash(whole_bytes(leaf, "leaves")) for leaf in listed(leaves, "leaves")],
        proof._native,
    )


def verify_consistency(
    old_root: bytes, old_count: int, new_root: bytes, new_count: int, proof: ConsistencyProof
) -> _core.Verdict:
    """Check that the tree of `old_count` leaves is the beginning of that of `new_count`.

    Returns:
        Accepted, or rejected at "tree shape", "proof length", "old root" or "new root".
    """
    require("proof", proof, ConsistencyProof)
    return _core.merkle_verify_consistency(
        whole_bytes(old_root, "old_root"),
        unsigned(old_count, "old_count"),
        whole_bytes(new_root, "new_root"),
        unsigned(new_count, "new_count"),
        proof._native,
    )
