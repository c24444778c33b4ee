"""Merkle, Verkle and Terkle trees over the same leaves, behind one interface.

`build` makes a tree, in memory or in a file; `Tree.prove` shows leaves, and `verify` checks them
against the public part of the tree, `Root`, with the verifier's own key. docs/tree.md has the
mathematics and the bytes.
"""

import weakref
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from os import PathLike
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np

from . import _core, kzg
from .arguments import (
    digest_of,
    digests_of,
    listed,
    path_of,
    require,
    require_unmasked,
    unsigned,
    unsigned_all,
    whole,
    whole_bytes,
)
from .errors import ArgumentError, InputError
from .filed import Readable
from .html import table
from .residues import is_rows, to_rows
from .srs import Srs, VerifierKey

__all__ = [
    "Builder",
    "Leaf",
    "Proof",
    "Root",
    "Sizes",
    "Tree",
    "build",
    "merkle_root",
    "open",
    "verify",
]

Leaf = Literal["u64", "i64", "field", "bytes"]
"""What leaves are: unsigned or signed integers of 64 bits, elements of Fr, or byte strings."""

AnySrs = Srs | kzg.Srs
AnyKey = Srs | kzg.Srs | VerifierKey | kzg.VerifierKey


class Root(Readable):
    """The public part of a tree, under 200 bytes: all that a verifier needs of it.

    `digest` is what is signed and compared. `value` alone, the 32 bytes of the root, says neither
    which tree it is of nor how many leaves that has.
    """

    _kind = _core.TreeRoot
    _native: _core.TreeRoot

    @staticmethod
    def of(
        kind: str,
        arities: int | Sequence[int],
        leaf: str,
        *,
        count: int,
        srs_digest: str | None,
        value: bytes,
    ) -> "Root":
        """The public part of a tree that is known by its parts, each as the property gives it.

        Raises:
            InputError: A part that no tree has.
        """
        require("kind", kind, str)
        require("leaf", leaf, str)
        return Root(
            _core.tree_root_of(
                kind,
                _arities(arities),
                leaf,
                unsigned(count, "count"),
                None if srs_digest is None else digest_of(srs_digest, "srs_digest"),
                whole_bytes(value, "value"),
            )
        )

    @property
    def kind(self) -> str:
        """One of "merkle", "verkle" and "terkle"."""
        return self._native.kind

    @property
    def arities(self) -> tuple[int, ...]:
        """Axes of a Terkle node; of the other kinds one number. Their product is the fan-out."""
        return self._native.arities

    @property
    def leaf(self) -> str:
        """One of "u64", "i64", "field" and "bytes"."""
        return self._native.leaf

    @property
    def count(self) -> int:
        """How many leaves there are."""
        return self._native.count

    @property
    def depth(self) -> int:
        """Levels of nodes above the leaves."""
        return self._native.depth

    @property
    def srs_digest(self) -> str | None:
        """Digest of the SRS, 64 hexadecimal digits; None of a Merkle tree."""
        return None if self.kind == "merkle" else self._native.srs_digest.hex()

    @property
    def value(self) -> bytes:
        """32 bytes: a compressed point, or a hash."""
        return self._native.value

    @property
    def digest(self) -> str:
        """SHA-256 over all of the public part, 64 hexadecimal digits."""
        return self._native.digest.hex()

    def __reduce__(self) -> tuple[Any, ...]:
        return Root.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Root) and self._native == other._native

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return (
            f"Root(kind={self.kind!r}, arities={self.arities}, leaf={self.leaf!r}, "
            f"count={self.count}, digest={self.digest!r})"
        )

    def _repr_html_(self) -> str:
        names = ("kind", "arities", "leaf", "count", "depth", "srs_digest", "digest")
        return table("Root", ((name, getattr(self, name)) for name in names))


class Proof(Readable):
    """What shows leaves of a tree. Its length follows from the public part and the indices."""

    _kind = _core.TreeProof
    _native: _core.TreeProof

    @property
    def aggregated(self) -> bool:
        """Whether 64 bytes stand for all openings of a Verkle tree's nodes."""
        return self._native.aggregated

    @property
    def tree(self) -> str:
        """`Root.digest` of the tree that it is of."""
        return self._native.tree.hex()

    @property
    def body(self) -> bytes:
        """32 bytes for each point or hash."""
        return self._native.body

    def __len__(self) -> int:
        return len(self.to_bytes())

    def __reduce__(self) -> tuple[Any, ...]:
        return Proof.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proof) and self._native == other._native

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return f"Proof({len(self)} bytes, tree={self.tree!r})"

    def _repr_html_(self) -> str:
        fields = ("bytes", len(self)), ("aggregated", self.aggregated), ("tree", self.tree)
        return table("Proof", fields)


class Sizes(NamedTuple):
    """What a tree takes."""

    file_bytes: int
    """Of the kept file; 0 of a tree in memory."""
    memory_bytes: int
    """Held beside the file."""
    nodes: int
    """Commitments, or hashes above the leaves."""
    srs_points: int
    """Points of the SRS that are used."""


class Tree:
    """A tree with its leaves, in memory or in a mapped file. Used by one thread at a time.

    It has no pickle: it may be large, and a kept one is opened by one writer alone. Hand on the
    path of its file.
    """

    def __init__(self, native: _core.Tree) -> None:
        self._native = native

    def __reduce__(self) -> NoReturn:
        reason = "cannot be pickled or copied; keep it in a file, and hand on its path"
        raise ArgumentError("Tree", reason)

    @property
    def root(self) -> Root:
        """The public part, as it is now."""
        return Root(self._native.root)

    @property
    def depth(self) -> int:
        """Levels of nodes above the leaves."""
        return self.root.depth

    def __len__(self) -> int:
        return self._native.root.count

    def prove(self, indices: int | Iterable[int], aggregated: bool = False) -> Proof:
        """Show a leaf, or a set of them.

        Args:
            indices: In ascending order, each once.
            aggregated: Of a Verkle tree: one proof of 64 bytes for all openings of nodes.

        Raises:
            InputError: An index out of range, repeated or out of order ("out_of_range");
                aggregated, but no Verkle tree, or a tree that was opened without its SRS
                ("mismatch"); a file that was damaged ("malformed").
        """
        return Proof(self._native.prove(_indices(indices), bool(aggregated)))

    def update(self, leaves: Mapping[int, Any]) -> None:
        """Put other leaves in place of some. A kept tree is changed as a whole or not at all.

        Raises:
            InputError: As `prove`, and as `build` for the values; the file could not be written, or
                is open elsewhere ("io").
        """
        require("leaves", leaves, Mapping)
        indices = sorted(_indices(leaves))
        values = _values([leaves[i] for i in indices], self._native.root.leaf)
        self._native.update(indices, values)

    def append(self, values: Any) -> None:
        """Add leaves at the end. A kept tree is changed as a whole or not at all.

        Raises:
            InputError: As `update`.
        """
        self._native.append(_values(values, self._native.root.leaf))

    def check(self) -> None:
        """Compare every part of the tree with its checksum.

        Raises:
            DecodeError: One is not what was written.
        """
        self._native.check()

    def sizes(self) -> Sizes:
        """Bytes, nodes, points."""
        return Sizes(*self._native.sizes)

    def __repr__(self) -> str:
        return f"Tree({self.root!r})"


class Builder:
    """Builds a tree of leaves that come in parts. The arguments are those of `build`."""

    def __init__(
        self,
        kind: str = "merkle",
        arities: int | Sequence[int] | None = None,
        srs: AnySrs | None = None,
        path: str | PathLike[str] | None = None,
        leaf: Leaf = "u64",
    ) -> None:
        setup = _setup(kind, srs)
        require("leaf", leaf, str)
        self._leaf = leaf
        self._native = _core.TreeBuilder.create(
            setup,
            [] if arities is None else _arities(arities),
            leaf,
            None if path is None else path_of(path),
        )

    def add(self, values: Any) -> None:
        """Add leaves at the end.

        Raises:
            InputError: As `build`.
        """
        self._native.add(_values(values, self._leaf))

    def finish(self) -> Tree:
        """The tree. Nothing can be added to the builder any more."""
        return Tree(self._native.finish())


def build(
    values: Any,
    kind: str = "merkle",
    arities: int | Sequence[int] | None = None,
    srs: AnySrs | None = None,
    path: str | PathLike[str] | None = None,
    leaf: Leaf = "u64",
) -> Tree:
    """Build a tree.

    Args:
        values: A numpy array of one dimension or a list of integers ("u64", "i64", "field"), rows
            of residues ("field"), or byte strings ("bytes").
        kind: "merkle", "verkle" or "terkle".
        arities: Children of a node: a number, or the axes of a Terkle node. None for those of the
            SRS, or 2.
        srs: Of a Verkle tree `kzg.Srs`, of a Terkle tree `Srs`.
        path: Of the file in which the tree is kept; None for a tree in memory.
        leaf: What the values are.

    Raises:
        InputError: Arities that no tree has, or a value out of range ("out_of_range"); an SRS for
            other nodes, or none where one is needed ("mismatch"); a file that could not be written
            ("io").

    >>> tree = build([5, 6, 7])
    >>> bool(verify(tree.root, 1, [6], tree.prove(1)))
    True
    """
    builder = Builder(kind, arities, srs, path, leaf)
    builder.add(values)
    return builder.finish()


def merkle_root(values: Any, arity: int = 2) -> Root:
    """The public part of a Merkle tree over integers of which no node is kept.

    Args:
        values: A numpy array of one dimension of uint64 or int64, which may be mapped.
        arity: Children of a node.

    Raises:
        InputError: An arity that no tree has ("out_of_range"), another array ("unsupported").
    """
    require_unmasked(values, "values")
    array = np.ascontiguousarray(values)
    if array.dtype.kind not in "biuf":
        reason = f"{type(values).__name__}, an array of integers is expected here"
        raise ArgumentError("values", reason)
    return Root(_core.tree_merkle_root(array, unsigned(arity, "arity", 32)))


def open(path: str | PathLike[str], srs: AnySrs | None = None) -> Tree:
    """Map a kept tree. A change that was interrupted is finished, or as if it had not begun.

    Args:
        path: The file.
        srs: That it was built with; without it a tree of points gives its public part alone.

    Raises:
        InputError: The file could not be read, or another process writes to it ("io"); the SRS is
            another one ("mismatch").
        DecodeError: It is no whole kept tree.
    """
    require("srs", srs, AnySrs | None)
    return Tree(_core.Tree.open(path_of(path), None if srs is None else _setup_of(srs)))


def verify(
    root: Root,
    indices: int | Iterable[int],
    values: Any,
    proof: Proof,
    key: AnyKey | None = None,
    *,
    root_digest: str | bytes | None = None,
    trusted: Iterable[str | bytes] | PathLike[str] = (),
) -> _core.Verdict:
    """Check that the tree has these leaves at these indices.

    Args:
        root: The public part.
        indices: An index, or several in ascending order.
        values: As many leaves as indices, as `build` takes them.
        proof: Of the prover.
        key: The verifier's own, of the SRS; None for a Merkle tree.
        root_digest: The digest that the public part must have, as 64 hexadecimal digits or 32
            bytes. Without it, that the public part is the right one is for the caller to know.
        trusted: Digests of SRSs that the verifier trusts, or the path of a file that lists them.
            For any other the verdict says that it is unverified.

    Returns:
        Accepted; or rejected or inconclusive, with the step that failed: "root digest", "index",
        "values", "setup", "tree", "proof form", "proof length", "proof points", "random weights"
        (inconclusive), "challenges", "opening equation", "root".

    Raises:
        InputError: An argument that cannot be used. Rejected proofs raise nothing.
    """
    require("root", root, Root)
    require("proof", proof, Proof)
    require("key", key, AnyKey | None)
    is_one = isinstance(indices, int | np.integer)
    alone = is_one and not isinstance(values, list | tuple | np.ndarray)
    return _core.tree_verify(
        root._native,
        _indices(indices),
        _values([values] if alone else values, root.leaf),
        proof._native,
        _native_key(key),
        None if root_digest is None else digest_of(root_digest, "root_digest"),
        [] if isinstance(trusted, PathLike) else digests_of(trusted),
        path_of(trusted, "trusted") if isinstance(trusted, PathLike) else None,
    )


def _arities(given: int | Sequence[int]) -> list[int]:
    return unsigned_all([given] if isinstance(given, int | np.integer) else given, "arities", 32)


def _indices(given: int | Iterable[int]) -> list[int]:
    return unsigned_all([given] if isinstance(given, int | np.integer) else given, "indices")


def _values(given: Any, leaf: str) -> Any:
    """As the native module takes them.

    A leaf is taken as it is or refused: of 7.9 nothing is cut off, and of an int no zeros are made.
    """
    require_unmasked(given, "values")
    if isinstance(given, Mapping | Set):
        reason = f"{type(given).__name__}; give a list or an array, in their order"
        raise ArgumentError("values", reason)
    if leaf == "bytes":
        return [whole_bytes(value, "values") for value in listed(given, "values")]
    if leaf == "field":
        return np.ascontiguousarray(given) if is_rows(given) else to_rows(given)
    dtype = np.uint64 if leaf == "u64" else np.int64
    if isinstance(given, np.ndarray) and given.dtype.kind in "iub" and given.ndim == 1:
        limits = np.iinfo(dtype)
        if given.size and not (limits.min <= int(given.min()) and int(given.max()) <= limits.max):
            raise InputError("out_of_range", "values", f"one is no {leaf}")
        return np.ascontiguousarray(given, dtype=dtype)
    numbers = [whole(value, "values") for value in listed(given, "values")]
    try:
        return np.array(numbers, dtype=dtype)
    except OverflowError as error:
        raise InputError("out_of_range", "values", f"one is no {leaf}") from error


_setups: "weakref.WeakKeyDictionary[Any, _core.TreeSetup]" = weakref.WeakKeyDictionary()


def _setup_of(srs: AnySrs) -> _core.TreeSetup:
    """Made once for an SRS: tables are kept with it."""
    made = _setups.get(srs)
    if made is None:
        if isinstance(srs, kzg.Srs):
            made = _core.TreeSetup.of_kzg(srs._native)
        else:
            made = _core.TreeSetup.of_pst(srs._native)
        _setups[srs] = made
    return made


def _setup(kind: str, srs: AnySrs | None) -> _core.TreeSetup:
    require("kind", kind, str)
    needed = {"merkle": None, "verkle": kzg.Srs, "terkle": Srs}
    if kind not in needed:
        raise InputError("malformed", "kind", f"{kind!r} is none of merkle, verkle, terkle")
    expected = needed[kind]
    if expected is None:
        if srs is not None:
            raise InputError("mismatch", "srs", "a Merkle tree takes none")
        return _core.TreeSetup.merkle()
    if not isinstance(srs, expected):
        name = "assay.kzg.Srs" if expected is kzg.Srs else "assay.Srs"
        raise InputError("mismatch", "srs", f"a {kind} tree takes an {name}")
    return _setup_of(srs)


def _native_key(key: AnyKey | None) -> _core.TreeKey:
    if key is None:
        return _core.TreeKey.merkle()
    own = key.verifier_key if isinstance(key, Srs | kzg.Srs) else key
    return _prepared(own.to_bytes(), isinstance(own, kzg.VerifierKey))


@lru_cache(maxsize=16)
def _prepared(data: bytes, is_kzg: bool) -> _core.TreeKey:
    return _core.TreeKey.of_kzg(data) if is_kzg else _core.TreeKey.of_pst(data)
