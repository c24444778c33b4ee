"""Trees by the definitions of docs/tree.md, slowly: with the secrets of dev SRSs, over py_ecc.

Nothing here is taken from assay but the digest that names an SRS. A commitment is f at the secret
times the generator; quotients are divided out at the secret too.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import Any

from py_ecc import optimized_bn128 as curve
from py_ecc.bls.hash import expand_message_xmd

R = curve.curve_order
P = curve.field_modulus
KINDS = {"merkle": 1, "verkle": 2, "terkle": 3}
LEAVES = {"u64": 1, "i64": 2, "field": 3, "bytes": 4}
FORMS = {"merkle": 1, "verkle": 2, "aggregated": 3, "terkle": 4}

Node = tuple[int, int]  # height and position


def little(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little")


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# Points.


@cache
def _table() -> list[list[Any]]:
    """The multiples d * 256^i * G for every byte d and place i."""
    table, base = [], curve.G1
    for _ in range(32):
        row = [curve.Z1]
        for _ in range(255):
            row.append(curve.add(row[-1], base))
        table.append(row)
        base = curve.add(row[-1], base)
    return table


def times_generator(scalar: int) -> Any:
    point = curve.Z1
    for row, byte in zip(_table(), little(scalar % R, 32), strict=True):
        if byte:
            point = curve.add(point, row[byte])
    return point


def compressed(point: Any) -> bytes:
    if curve.is_inf(point):
        return little(1 << 254, 32)
    x, y = (int(one) for one in curve.normalize(point))
    return little(x | (y > (P - 1) // 2) << 255, 32)


def decompressed(data: bytes) -> Any:
    """The point, or None where these are not the canonical bytes of one."""
    number = int.from_bytes(data, "little")
    if number == 1 << 254:
        return curve.Z1
    x = number & (1 << 254) - 1
    y = pow(x**3 + 3, (P + 1) // 4, P)
    if x >= P or number >> 254 & 1 or (y * y - x**3 - 3) % P or y == 0:
        return None
    if (y > (P - 1) // 2) != bool(number >> 255):
        y = P - y
    return (curve.FQ(x), curve.FQ(y), curve.FQ.one())


def inverse(number: int) -> int:
    return pow(number, -1, R)


# Secrets of dev SRSs, and the Lagrange bases at them.


def kzg_secret(seed: int) -> int:
    label = b"assay/srs/kzg/dev/v1" + little(seed, 8)
    return int.from_bytes(hashlib.sha512(label).digest(), "little") % R


def pst_secret(seed: int, axis: int) -> int:
    label = b"assay/srs/dev/v1" + little(seed, 8) + little(axis, 4)
    return int.from_bytes(hashlib.sha512(label).digest(), "little") % R


def roots_of_unity(width: int) -> list[int]:
    """The point of each index: w to the index with its bits backwards."""
    bits = width.bit_length() - 1
    root = pow(5, (R - 1) // width, R)
    return [pow(root, int(f"{i:0{bits}b}"[::-1], 2), R) for i in range(width)]


def lagrange(nodes: Sequence[int], at: int) -> list[int]:
    found = []
    for i, node in enumerate(nodes):
        top = bottom = 1
        for j, other in enumerate(nodes):
            if i != j:
                top = top * (at - other) % R
                bottom = bottom * (node - other) % R
        found.append(top * inverse(bottom) % R)
    return found


@dataclass(frozen=True)
class Setup:
    """A dev SRS whose secrets are known: one axis of roots of unity, or axes of small integers."""

    kind: str
    arities: tuple[int, ...]
    seed: int
    digest: bytes

    @cached_property
    def axes(self) -> list[list[int]]:
        if self.kind == "verkle":
            return [roots_of_unity(self.arities[0])]
        return [list(range(arity)) for arity in self.arities]

    @cached_property
    def secrets(self) -> list[int]:
        if self.kind == "verkle":
            return [kzg_secret(self.seed)]
        return [pst_secret(self.seed, axis) for axis in range(len(self.arities))]

    @cached_property
    def at_secrets(self) -> list[list[int]]:
        """For each axis, its Lagrange polynomials at its secret."""
        return [lagrange(axis, t) for axis, t in zip(self.axes, self.secrets, strict=True)]

    def coordinates(self, child: int) -> tuple[int, ...]:
        return list(product(*map(range, self.arities)))[child]

    def value(self, values: Sequence[int], first: int = 0, fixed: tuple[int, ...] = ()) -> int:
        """The tensor at fixed places of the first axes and at the secrets of the others."""
        total = 0
        for place, value in zip(product(*map(range, self.arities)), values, strict=True):
            if place[:first] == fixed[:first]:
                term = value
                for axis in range(first, len(self.arities)):
                    term = term * self.at_secrets[axis][place[axis]] % R
                total += term
        return total % R

    def quotients(self, values: Sequence[int], child: int) -> list[int]:
        """q_i at the secrets: what substituting coordinate i takes away, over t_i - z_i."""
        place = self.coordinates(child)
        found = []
        for axis, (t, nodes) in enumerate(zip(self.secrets, self.axes, strict=True)):
            before = self.value(values, axis, place)
            after = self.value(values, axis + 1, place)
            found.append((before - after) * inverse(t - nodes[place[axis]]) % R)
        return found


@dataclass(frozen=True)
class Tree:
    """A tree of the definitions."""

    kind: str
    arities: tuple[int, ...]
    leaf: str
    leaves: tuple[Any, ...]
    setup: Setup | None = None

    @cached_property
    def fan_out(self) -> int:
        out = 1
        for arity in self.arities:
            out *= arity
        return out

    @cached_property
    def depth(self) -> int:
        depth = 1
        while self.fan_out**depth < len(self.leaves):
            depth += 1
        return depth

    @property
    def srs_digest(self) -> bytes:
        return self.setup.digest if self.setup else bytes(32)

    def digest(self, height: int, message: bytes) -> int:
        shape = b"".join(little(arity, 4) for arity in self.arities)
        head = little(KINDS[self.kind], 1) + little(len(self.arities), 1)
        domain = sha(b"assay/tree/domain/v1", head, shape, self.srs_digest)
        tag = b"assay/tree/digest/v1" + domain + little(height, 1)
        return int.from_bytes(expand_message_xmd(message, tag, 48, hashlib.sha256), "big") % R

    def leaf_value(self, leaf: Any) -> int:
        return self.digest(0, leaf) if self.leaf == "bytes" else leaf % R

    def leaf_bytes(self, leaf: Any) -> bytes:
        if self.leaf == "bytes":
            return bytes(leaf)
        return little(leaf % R, 32) if self.leaf == "field" else little(leaf % 2**64, 8)

    def children(self, height: int, position: int) -> list[int]:
        """The values of a node's children."""
        found = []
        for child in range(position * self.fan_out, (position + 1) * self.fan_out):
            if child * self.fan_out ** (height - 1) >= len(self.leaves):
                found.append(0)
            elif height == 1:
                found.append(self.leaf_value(self.leaves[child]))
            else:
                found.append(self.digest(height - 1, self.commitment(height - 1, child)))
        return found

    @cached_property
    def _commitments(self) -> dict[Node, bytes]:
        return {}

    def commitment(self, height: int, position: int) -> bytes:
        known = self._commitments
        if (height, position) not in known:
            assert self.setup is not None
            value = self.setup.value(self.children(height, position))
            known[height, position] = compressed(times_generator(value))
        return known[height, position]

    # Merkle trees, from their own definition.

    def level(self, height: int) -> list[bytes]:
        if height == 0:
            return [sha(b"\0", self.leaf_bytes(leaf)) for leaf in self.leaves]
        below = self.level(height - 1)
        width = self.arities[0]
        groups = [below[i : i + width] for i in range(0, len(below), width)]
        return [group[0] if len(group) == 1 else sha(b"\1", *group) for group in groups]

    def merkle_set(self, indices: Sequence[int]) -> bytes:
        known, hashes, height = list(indices), [], 0
        while len(level := self.level(height)) > 1:
            parents = sorted({one // self.arities[0] for one in known})
            for parent in parents:
                end = min((parent + 1) * self.arities[0], len(level))
                here = range(parent * self.arities[0], end)
                hashes += [level[i] for i in here if i not in known]
            known, height = parents, height + 1
        return b"".join(hashes)

    # The public part, and proofs.

    def root_value(self) -> bytes:
        if self.kind != "merkle":
            return self.commitment(self.depth, 0)
        height = 0
        while len(self.level(height)) > 1:
            height += 1
        return self.level(height)[0] if self.leaves else sha()

    def root(self) -> bytes:
        shape = b"".join(little(arity, 4) for arity in self.arities)
        head = bytes([KINDS[self.kind], LEAVES[self.leaf], len(self.arities)])
        count = little(len(self.leaves), 8)
        return b"assay/tree/root/v1" + head + shape + count + self.srs_digest + self.root_value()

    def public(self) -> bytes:
        return sha(b"assay/tree/public/v1", self.root())

    def openings(self, indices: Iterable[int]) -> list[tuple[Node, list[int]]]:
        """The nodes on the way, highest first, each with its opened children."""
        listed = list(indices)
        found = []
        for height in range(self.depth, 0, -1):
            below = sorted({i // self.fan_out ** (height - 1) for i in listed})
            for position in sorted({child // self.fan_out for child in below}):
                children = [c % self.fan_out for c in below if c // self.fan_out == position]
                found.append(((height, position), children))
        return found

    def proof(self, indices: Sequence[int], *, aggregated: bool = False) -> bytes:
        form = "aggregated" if aggregated else self.kind
        head = b"assay/tree/proof/v1" + bytes([FORMS[form]]) + self.public()
        if self.kind == "merkle":
            return head + self.merkle_set(indices)
        assert self.setup is not None
        openings = self.openings(indices)
        body = [self.commitment(*node) for node, _ in openings[1:]]
        if aggregated:
            return head + b"".join(body) + self.many(indices)
        for node, children in openings:
            values = self.children(*node)
            before: tuple[int, ...] = ()
            for child in children:
                place = self.setup.coordinates(child)
                shared = 0
                while before and place[: shared + 1] == before[: shared + 1]:
                    shared += 1
                for quotient in self.setup.quotients(values, child)[shared:]:
                    body.append(compressed(times_generator(quotient)))
                before = place
        return head + b"".join(body)

    def claims(self, indices: Sequence[int]) -> tuple[bytes, list[tuple[bytes, int, int, int]]]:
        """The name, and for each opening its commitment, point, value, and f at the secret."""
        assert self.setup is not None
        asked = b"".join(
            little(i, 8) + little(self.leaf_value(self.leaves[i]), 32) for i in indices
        )
        head = b"assay/tree/opened/v1" + self.public() + little(len(indices), 8)
        found = []
        for node, children in self.openings(indices):
            values = self.children(*node)
            whole = self.setup.value(values)
            found += [
                (self.commitment(*node), self.setup.axes[0][child], values[child], whole)
                for child in children
            ]
        return sha(head, asked), found

    def many(self, indices: Sequence[int]) -> bytes:
        """D and pi of kzg's proof of many points."""
        assert self.setup is not None
        name, claims = self.claims(indices)
        tau = self.setup.secrets[0]
        transcript = Transcript(b"assay/kzg/many/v1")
        transcript.absorb(b"srs", self.srs_digest)
        transcript.absorb(b"claims", little(len(claims), 8))
        for commitment, z, y, _ in claims:
            transcript.absorb(b"name", name)
            transcript.absorb(b"commitment", commitment)
            transcript.absorb(b"point", little(z, 32))
            transcript.absorb(b"value", little(y, 32))
        r = transcript.draw(b"r")
        d = sum(pow(r, i, R) * (f - y) * inverse(tau - z) for i, (_, z, y, f) in enumerate(claims))
        difference = compressed(times_generator(d))
        transcript.absorb(b"difference", difference)
        t = transcript.draw(b"t")
        weights = [pow(r, i, R) * inverse(t - z) % R for i, (_, z, _, _) in enumerate(claims)]
        e = sum(weight * f for weight, (_, _, _, f) in zip(weights, claims, strict=True))
        y = sum(weight * one[2] for weight, one in zip(weights, claims, strict=True))
        return difference + compressed(times_generator((e - d - y) * inverse(tau - t)))


class Transcript:
    """docs/base.md's."""

    def __init__(self, kind: bytes) -> None:
        self._state = b"assay/transcript/v1" + self._sized(kind)

    @staticmethod
    def _sized(data: bytes) -> bytes:
        return little(len(data), 8) + data

    def absorb(self, label: bytes, data: bytes) -> None:
        self._state += self._sized(label) + self._sized(data)

    def draw(self, label: bytes) -> int:
        self._state += b"\xff" * 8 + self._sized(label) + little(64, 8)
        drawn = b"".join(sha(self._state, little(i, 8)) for i in range(2))
        self._state += drawn
        return int.from_bytes(drawn, "little") % R


def accepts(claimed: Tree, root: bytes, indices: Sequence[int], proof: bytes) -> bool:
    """Whether a proof of the leaves that `claimed` has at the indices holds under a root.

    `claimed` says the configuration and the leaves; of its nodes none is used. Each opening is
    checked by itself, the pairing equation in the exponent.
    """
    setup = claimed.setup
    assert setup is not None
    body = proof[52:]
    if proof[:52] != b"assay/tree/proof/v1" + bytes([FORMS[claimed.kind]]) + sha(
        b"assay/tree/public/v1", root
    ):
        return False
    points = [body[i : i + 32] for i in range(0, len(body), 32)]
    openings = claimed.openings(indices)
    commitments = dict(
        zip([node for node, _ in openings], [root[-32:], *points[: len(openings) - 1]], strict=True)
    )
    rest = iter(points[len(openings) - 1 :])
    for (height, position), children in openings:
        before: tuple[int, ...] = ()
        quotients: list[bytes] = []
        for child in children:
            place = setup.coordinates(child)
            shared = 0
            while before and place[: shared + 1] == before[: shared + 1]:
                shared += 1
            quotients = quotients[:shared] + [next(rest) for _ in place[shared:]]
            before = place
            below = position * claimed.fan_out + child
            value = (
                claimed.leaf_value(claimed.leaves[below])
                if height == 1
                else claimed.digest(height - 1, commitments[height - 1, below])
            )
            if not _opens(setup, commitments[height, position], place, value, quotients):
                return False
    return next(rest, None) is None


def _opens(
    setup: Setup, commitment: bytes, place: tuple[int, ...], value: int, quotients: list[bytes]
) -> bool:
    total = decompressed(commitment)
    if total is None:
        return False
    total = curve.add(total, times_generator(-value))
    for axis, quotient in enumerate(quotients):
        point = decompressed(quotient)
        if point is None:
            return False
        factor = (setup.axes[axis][place[axis]] - setup.secrets[axis]) % R
        total = curve.add(total, curve.multiply(point, factor))
    return bool(curve.is_inf(total))
