"""One tree built, asked and checked, with the time that each takes."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from .. import kzg, tree
from ..errors import Error, InputError
from ..srs import Srs, VerifierKey

Kind = Literal["merkle", "verkle", "terkle"]
Numbers = npt.NDArray[np.uint64]
T = TypeVar("T")

# A dev SRS is enough: how long anything takes does not depend on who knows the secrets.
_SEED = 1
# What takes microseconds is repeated for so long, and the median counts; what takes longer is not.
_SECONDS = 0.02
_MOST_REPEATS = 25


@dataclass(frozen=True)
class Subject:
    """A tree that is compared.

    Attributes:
        kind: Which of the three.
        arities: Of a node: arity, width, or the sizes of its axes.
        aggregated: Whether a Verkle proof is the aggregated one.
    """

    kind: Kind
    arities: int | tuple[int, ...]
    aggregated: bool = False

    @property
    def axes(self) -> tuple[int, ...]:
        """The arities as a tuple."""
        return (self.arities,) if isinstance(self.arities, int) else self.arities

    @property
    def fan_out(self) -> int:
        """The most children of a node."""
        return int(np.prod(self.axes))

    @property
    def implementation(self) -> str:
        """As the lines of results name it: "Merkle", "Verkle" or "Terkle"."""
        return self.kind.capitalize()

    @property
    def config_name(self) -> str:
        """As the lines of Terkle trees name their shape: "2D [8,8]"."""
        return f"{len(self.axes)}D [{','.join(map(str, self.axes))}]"

    @property
    def label(self) -> str:
        """For people."""
        if self.kind == "terkle":
            return f"Terkle {self.config_name}"
        what = "arity" if self.kind == "merkle" else "width"
        ending = ", aggregated proof" if self.aggregated else ""
        return f"{self.implementation}, {what} {self.arities}{ending}"

    @property
    def key(self) -> "VerifierKey | kzg.VerifierKey | None":
        """What its verifier brings; none for hashes."""
        srs = setup_of(self)
        return None if srs is None else srs.verifier_key


@cache
def setup_of(subject: Subject) -> Srs | kzg.Srs | None:
    """The public parameters of a subject's nodes, made once; none for hashes."""
    if subject.kind == "merkle":
        return None
    if subject.kind == "terkle":
        return Srs.dev(subject.axes, _SEED)
    return kzg.Srs.dev(subject.fan_out.bit_length() - 1, _SEED)


@cache
def prepared(subject: Subject) -> Any:
    """The same, with the tables of multiples that belong to them, which the first tree makes."""
    srs = setup_of(subject)
    built(subject, data_of("uniform", subject.fan_out + 1, _SEED), srs)
    return srs


def fan_outs(fan_out: int) -> list[tuple[int, ...]]:
    """How a Terkle node's fan-out is split: into 2, 3 and 6 equal axes, where it can be.

    Raises:
        InputError: It is no such power ("out_of_range").

    >>> fan_outs(64)
    [(8, 8), (4, 4, 4), (2, 2, 2, 2, 2, 2)]
    """
    found = []
    for axes in (2, 3, 6):
        size = round(fan_out ** (1 / axes))
        if size >= 2 and size**axes == fan_out:
            found.append((size,) * axes)
    if not found:
        reason = f"{fan_out} is no square, cube or sixth power: no Terkle node has that fan-out"
        raise InputError("out_of_range", "base size", reason)
    return found


def data_of(
    kind: Literal["uniform", "seed"], size: int, seed: int, below: int | None = None
) -> Numbers:
    """The leaves of all trees of one size and seed.

    Args:
        kind: "uniform": over all of u64, or `below`; "seed": the small integers i + 1000 seed that
            the first programs took.
        size: How many.
        seed: From 0 on.
        below: An exclusive bound; by default 2**64.

    Raises:
        InputError: A bound that is not between 1 and 2**64 ("out_of_range").
    """
    if below is not None and not 1 <= below <= 1 << 64:
        raise InputError("out_of_range", "max value", f"{below} is not between 1 and 2**64")
    if kind == "seed":
        return np.arange(size, dtype=np.uint64) + np.uint64(1000 * seed)
    generator = np.random.default_rng([seed, size])
    return generator.integers(0, 1 << 64 if below is None else below, size, dtype=np.uint64)


def timed(act: Callable[[], T]) -> tuple[float, T]:
    """Seconds of one call, and what it gave."""
    started = time.perf_counter()
    given = act()
    return time.perf_counter() - started, given


def median_seconds(act: Callable[[], object], within: float = 0.02) -> float:
    """The median of calls: one at least, up to 25 in 20 ms, and as many more in more time."""
    seconds: list[float] = []
    most = _MOST_REPEATS * within / _SECONDS
    while not seconds or (len(seconds) < most and sum(seconds) < within):
        seconds.append(timed(act)[0])
    return statistics.median(seconds)


@dataclass(frozen=True)
class Measured:
    """What one tree took. Proofs are of one leaf, and checked from their bytes."""

    build_seconds: float
    prove_seconds: float
    verify_seconds: float
    accepted: bool
    proof_bytes: int
    tree_bytes: int
    depth: int


def measured(subject: Subject, values: Numbers, index: int) -> Measured:
    """Build a tree, prove a leaf, and check the proof as a verifier does."""
    srs = prepared(subject)
    build, made = timed(lambda: built(subject, values, srs))
    return asked(subject, made, values, index, build)


def built(subject: Subject, values: Numbers, srs: Any, path: str | None = None) -> tree.Tree:
    """A subject's tree over numbers."""
    return tree.build(
        values, kind=subject.kind, arities=subject.arities, srs=srs, path=path, leaf="u64"
    )


def asked(
    subject: Subject, made: tree.Tree, values: Numbers, index: int, build_seconds: float
) -> Measured:
    """Prove a leaf of a tree, and check the proof."""

    def prove() -> tree.Proof:
        return made.prove(index, aggregated=subject.aggregated)

    proof = prove().to_bytes()
    check = checking(subject, made.root, [index], [int(values[index])], proof)
    return Measured(
        build_seconds=build_seconds,
        prove_seconds=median_seconds(prove),
        verify_seconds=median_seconds(check),
        accepted=check(),
        proof_bytes=len(proof),
        tree_bytes=made.sizes().memory_bytes,
        depth=made.depth,
    )


def checking(
    subject: Subject, root: tree.Root, indices: Sequence[int], values: Sequence[int], proof: bytes
) -> Callable[[], bool]:
    """What a verifier does with a proof's bytes; gives whether it accepted."""
    key = subject.key

    def check() -> bool:
        return bool(tree.verify(root, indices, values, tree.Proof.from_bytes(proof), key))

    if not check():
        raise Error(f"{subject.label}: an honest proof was not accepted")
    return check
