"""Merkle trees of any arity over u64, for programs written against this module.

A thin layer over assay.tree; new programs should use that. docs/tree-compat.md has the differences.
"""

import json
import operator
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np

from assay import tree
from assay.arguments import require
from assay.errors import DecodeError, InputError, SaveError
from assay.json_text import parse_json
from assay.writing import write_together

__all__ = ["MultiMerkleTree", "Proof"]

# Six million leaves of 20 digits.
_MOST_TREE_BYTES = 1 << 27
# The longest proof, of 2**40 leaves with 65,536 children of a node, is under 9 MB of digits.
_MOST_PROOF_BYTES = 1 << 24


@dataclass(frozen=True)
class Proof:
    """That a leaf stands at an index of a tree, whose arity and number of leaves the proof says.

    So a bare root shows less than it seems: `index`, `arity` and `leaf_count` are the prover's word
    unless the caller compares them with what it knows.

    Attributes:
        index: Of the leaf.
        arity: Of the tree.
        leaf_count: Of the tree.
    """

    index: int
    arity: int
    leaf_count: int
    _proof: tree.Proof

    def verify(self, value: int, root_hex: str) -> bool:
        """Whether `value` is the leaf at `index` of a tree of this shape with this root.

        Raises:
            ValueError: A root that is not 32 bytes in hexadecimal, or a shape that no tree has.
        """
        require("root_hex", root_hex, str)
        root = _from_hex(root_hex, "root_hex")
        if len(root) != 32:
            raise InputError("malformed", "root_hex", "32 bytes are expected, 64 digits")
        public = _root(self.arity, self.leaf_count, root)
        # The proof names the public part that it was made for; another root is another tree.
        if not 0 <= operator.index(value) < 1 << 64:
            return False
        return bool(tree.verify(public, [self.index], [value], self._proof))

    def save(self, path: str | PathLike[str]) -> None:
        """Write it as JSON.

        Raises:
            ValueError: It could not be written.
        """
        fields = {
            "arity": self.arity,
            "leaf_count": self.leaf_count,
            "index": self.index,
            "proof": self._proof.to_bytes().hex(),
        }
        _save(path, fields, _MOST_PROOF_BYTES)

    @staticmethod
    def load(path: str | PathLike[str]) -> "Proof":
        """Read what `save` wrote, a regular file of at most 16 MiB.

        Raises:
            ValueError: It could not be read, or is not that.
        """
        read = _load(path, {"arity", "leaf_count", "index", "proof"}, _MOST_PROOF_BYTES)
        index, arity, count = (
            _number(read[name], f"{path}: {name}") for name in ("index", "arity", "leaf_count")
        )
        data = _from_hex(read["proof"], f"{path}: proof")
        with _in_file(path):
            _root(arity, count, bytes(32))  # refuses a shape that no tree has
            proof = tree.Proof.from_bytes(data)
        if index >= count:
            reason = f"{index} is not below the leaf_count, {count}"
            raise DecodeError("out_of_range", f"{path}: index", reason)
        return Proof(index, arity, count, proof)


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
        """Write arity and leaves as JSON; nodes are made again.

        Raises:
            ValueError: It could not be written, or `load` would not read as much.
        """
        _save(path, {"arity": self.arity, "values": self._values.tolist()}, _MOST_TREE_BYTES)

    @staticmethod
    def load(path: str | PathLike[str]) -> "MultiMerkleTree":
        """Read what `save` wrote, a regular file of at most 128 MiB, and build the tree.

        Raises:
            ValueError: It could not be read, or is not that.
        """
        read = _load(path, {"arity", "values"}, _MOST_TREE_BYTES)
        arity = _number(read["arity"], f"{path}: arity")
        if not isinstance(read["values"], list):
            raise DecodeError("malformed", f"{path}: values", "not a list")
        values = [_number(one, f"{path}: values[{i}]") for i, one in enumerate(read["values"])]
        with _in_file(path):
            return MultiMerkleTree(values, arity)

    def __reduce__(self) -> tuple[Any, ...]:
        return MultiMerkleTree, (self._values, self.arity)


def _root(arity: int, count: int, value: bytes) -> tree.Root:
    return tree.Root.of("merkle", arity, "u64", count=count, srs_digest=None, value=value)


def _place(path: str | PathLike[str]) -> Path:
    require("path", path, str | PathLike)
    name = os.fspath(path)
    # Path takes the empty name for the working folder.
    if not name or "\0" in name:
        raise InputError("io", "path", "not the name of a file")
    return Path(path)


def _save(path: str | PathLike[str], fields: dict[str, Any], most: int) -> None:
    place = _place(path)
    with suppress(OSError):  # where there is nothing, or nothing can be written, writing says so
        if not S_ISREG(place.stat().st_mode):
            raise SaveError("io", str(place), "exists and is not a regular file")
    content = json.dumps(fields).encode()
    if len(content) > most:
        raise SaveError("too_large", str(place), f"more than {most} bytes, which load refuses")
    write_together({place: content})


def _load(path: str | PathLike[str], fields: set[str], most: int) -> dict[str, Any]:
    place = _place(path)
    try:
        with open(place, "rb", opener=_without_waiting) as file:
            if not S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError("io", str(place), "not a regular file")
            content = file.read(most + 1)
    except OSError as error:
        raise InputError("io", str(place), f"could not be read ({error.strerror})") from error
    if len(content) > most:
        raise InputError("too_large", str(place), f"more than {most} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("malformed", str(place), "not text in UTF-8") from error
    read = parse_json(text, str(place))
    if not isinstance(read, dict) or set(read) != fields:
        reason = f"fields other than {', '.join(sorted(fields))}"
        raise DecodeError("malformed", str(place), reason)
    return read


def _without_waiting(name: str, flags: int) -> int:
    """Open a file; a pipe would otherwise hold us until somebody writes to it."""
    return os.open(name, flags | os.O_NONBLOCK)


@contextmanager
def _in_file(path: str | PathLike[str]) -> Iterator[None]:
    """Name the file in what assay refuses of its content."""
    try:
        yield
    except InputError as error:
        raise DecodeError(error.code, f"{path}: {error.place}", error.reason) from error


def _number(given: object, place: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given < 1 << 64:
        raise DecodeError("out_of_range", place, "not an integer from 0 to 2**64 - 1")
    return given


def _from_hex(given: object, place: str) -> bytes:
    # bytes.fromhex alone takes spaces, so that one root would have many texts.
    if not isinstance(given, str) or not re.fullmatch("(?:[0-9a-fA-F]{2})*", given):
        raise DecodeError("malformed", place, "not in hexadecimal, two digits for each byte")
    return bytes.fromhex(given)
