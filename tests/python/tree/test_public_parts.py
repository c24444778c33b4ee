"""Public parts that are made of their parts, and those of which no tree is kept."""

from typing import Any

import numpy as np
import pytest

from assay import InputError, Srs, tree


def test_of_its_parts() -> None:
    srs = Srs.dev((2, 3), 1)
    root = tree.build([5, 6, 7], "terkle", (2, 3), srs).root
    parts: dict[str, Any] = {
        "count": root.count, "srs_digest": root.srs_digest, "value": root.value
    }  # fmt: skip
    assert tree.Root.of(root.kind, root.arities, root.leaf, **parts) == root
    merkle = tree.build([b"a"], "merkle", 7, leaf="bytes").root
    assert (
        tree.Root.of("merkle", 7, "bytes", count=1, srs_digest=None, value=merkle.value) == merkle
    )
    for kind, arities, leaf, change in (
        ("other", (2, 3), "u64", {}),
        ("terkle", (2, 3), "u8", {}),
        ("terkle", (), "u64", {}),
        ("terkle", (1, 3), "u64", {}),
        ("terkle", (2,) * 17, "u64", {}),
        ("verkle", 3, "u64", {}),
        ("verkle", 1 << 17, "u64", {}),
        ("terkle", (2, 3), "u64", {"count": (1 << 40) + 1}),
        ("terkle", (2, 3), "u64", {"value": b"\xff" * 32}),
        ("terkle", (2, 3), "u64", {"value": bytes(31)}),
        ("terkle", (2, 3), "u64", {"srs_digest": "00"}),
        ("merkle", 2, "u64", {}),  # with the digest of an SRS
    ):
        with pytest.raises(InputError):
            tree.Root.of(kind, arities, leaf, **{**parts, **change})


def test_a_merkle_root_without_nodes() -> None:
    values = np.arange(10_000, dtype=np.uint64)
    for arity in (2, 64, 65_536):
        assert tree.merkle_root(values, arity) == tree.build(values, "merkle", arity).root
    signed = np.arange(-5, 5)
    assert tree.merkle_root(signed) == tree.build(signed, "merkle", 2, leaf="i64").root
    assert tree.merkle_root(values[:0]) == tree.build([], "merkle", 2).root
    for wrong, arity in (
        (values, 1),
        (values.astype(np.float64), 2),
        (values.reshape(100, 100), 2),
    ):
        with pytest.raises(InputError):
            tree.merkle_root(wrong, arity)
