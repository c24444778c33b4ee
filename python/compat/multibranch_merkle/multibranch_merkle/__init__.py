"""Merkle trees of any arity over u64, for programs written against this module.

A thin layer over assay.tree; new programs should use that. docs/tree-compat.md has the differences.
"""

import json
import operator
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from assay import tree
from assay.json_text import parse_json
from assay.writing import write_together

__all__ = ["MultiMerkleTree", "Proof"]

_MOST_BYTES = 1 << 30


class Proof:
    """That a leaf stands at an index of a tree, whose arity and number of leaves the proof says.

    So a bare root shows less than it seems: `index`, `arity` and `leaf_count` are the prover's word
    unless the caller compares them with what it knows.

    Attributes:
        index: Of the leaf.
        arity: Of the tree.
        leaf_count: Of the tree.
    """

    def __init__(self, index: int, arity: int, leaf_count: int, proof: tree.Proof) -> None:
        self.index = index
        self.arity = arity
        self.leaf_count = leaf_count
        self._proof = proof

    def verify(self, value: int, root_hex: str) -> bool:
        """Whether `value` is the leaf at `index` of a tree of this shape with this root.

        Raises:
            ValueError: A root that is not 32 bytes in hexadecimal, or a shape that no tree has.
        """
        root = bytes.fromhex(root_hex)
        if len(root) != 32:
            raise ValueError("root hex string must encode 32 bytes")
        public = _root(self.arity, self.leaf_count, root)
        # The proof names the public part that it was made for; another root is another tree.
        if not 0 <= operator.index(value) < 1 << 64:
            return False
        return bool(tree.verify(public, [self.index], [value], self._proof))

    def save(self, path: str | PathLike[str]) -> None:
        """Write it as JSON."""
        _save(
            path,
            {
                "arity": self.arity,
                "leaf_count": self.leaf_count,
                "index": self.index,
                "proof": self._proof.to_bytes().hex(),
            },
        )

    @staticmethod
    def load(path: str | PathLike[str]) -> "Proof":
        """Read what `save` wrote.

        Raises:
            ValueError: It could not be read, or is not that.
        """
        read = _load(path, {"arity", "leaf_count", "index", "proof"})
        proof = tree.Proof.from_bytes(bytes.fromhex(read["proof"]))
        return Proof(
            _count(read["index"]), _count(read["arity"]), _count(read["leaf_count"]), proof
        )


class MultiMerkleTree:
    """A tree over integers from 0 to 2**64 - 1, each 8 bytes, little-endian.

    Attributes:
        arity: Children of a node, at most 65,536.

    Raises:
        ValueError: An arity that there is not, or a value out of range.
    """

    def __init__(self, values: Sequence[int], arity: int) -> None:
        self.arity = operator.index(arity)
        try:
            self._values = np.array([operator.index(value) for value in values], np.uint64)
        except OverflowError as error:
            raise ValueError("values: one that is not from 0 to 2**64 - 1") from error
        self._tree = tree.build(self._values, kind="merkle", arities=self.arity, leaf="u64")

    def __len__(self) -> int:
        return len(self._values)

    def len(self) -> int:
        """How many leaves."""
        return len(self)

    def root_hex(self) -> str:
        """The root, 64 hexadecimal digits. Neither arity nor number of leaves is in it."""
        return self._tree.root.value.hex()

    def prove(self, index: int) -> Proof:
        """Prove a leaf.

        Raises:
            ValueError: There is no such leaf.
        """
        if not 0 <= operator.index(index) < len(self):
            raise ValueError("index out of range")
        return Proof(operator.index(index), self.arity, len(self), self._tree.prove(index))

    def verify(self, index: int, value: int) -> bool:
        """Whether `value` is the leaf at an index."""
        inside = 0 <= operator.index(index) < len(self)
        return inside and int(self._values[index]) == operator.index(value)

    def save(self, path: str | PathLike[str]) -> None:
        """Write arity and leaves as JSON; nodes are made again."""
        _save(path, {"arity": self.arity, "values": self._values.tolist()})

    @staticmethod
    def load(path: str | PathLike[str]) -> "MultiMerkleTree":
        """Read what `save` wrote, and build the tree.

        Raises:
            ValueError: It could not be read, or is not that.
        """
        read = _load(path, {"arity", "values"})
        if not isinstance(read["values"], list):
            raise ValueError(f"{path}: values are no list")
        return MultiMerkleTree([_count(value) for value in read["values"]], _count(read["arity"]))


def _root(arity: int, count: int, value: bytes) -> tree.Root:
    return tree.Root.of("merkle", arity, "u64", count=count, srs_digest=None, value=value)


def _save(path: str | PathLike[str], value: dict[str, Any]) -> None:
    write_together({Path(path): json.dumps(value).encode()})


def _load(path: str | PathLike[str], fields: set[str]) -> dict[str, Any]:
    place = Path(path)
    try:
        if place.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{place}: over 1 GiB")
        text = place.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{place}: could not be read ({error.strerror})") from error
    read = parse_json(text, str(place))
    if not isinstance(read, dict) or set(read) != fields:
        raise ValueError(f"{place}: fields other than {', '.join(sorted(fields))}")
    return read


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
        raise ValueError("a number that is not from 0 to 2**64 - 1")
    return value
