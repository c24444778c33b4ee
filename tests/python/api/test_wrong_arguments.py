"""Arguments of another kind than a function takes: one short line that names the argument."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import assay
from assay import audit, bn254, kzg, layers, merkle, toploc, tree, weights
from assay.toploc import fingerprint


class Made:
    """One of each kind, and the calls that are good."""

    def __init__(self, folder: Path) -> None:
        rows = {"a": np.ones((4, 4), np.float32)}
        tensor = assay.encode(rows)
        srs = assay.Srs.dev(tensor.axes, seed=1)
        bound = assay.commit(tensor, srs)
        asked = assay.Challenge.from_seed(bound, 2, seed=2)
        proofs = bound.open(asked)
        short = assay.Srs.dev((1, 2, 4), seed=1)
        blocks = assay.commit_blocks(rows, short, 2)
        log = assay.Log()
        for block in blocks:
            log.append(block)
        place = log.prove(1, log.head)
        hashes = merkle.Tree([b"a", b"b", b"c"])
        vectors = kzg.Srs.dev(3, seed=1)
        key = vectors.verifier_key
        value, proof = vectors.open_index([5, 6], 1)
        point = vectors.commit([5, 6])
        stated = kzg.Statement(point, kzg.node(3, 1), value, proof)
        name = bytes(32)
        answers, many = vectors.open_many([(name, point, [5, 6])], [(0, kzg.node(3, 1))])
        claim = kzg.Claim(name, point, kzg.node(3, 1), answers[0])
        grown = tree.build([5, 6, 7])
        stored = {"w": np.ones((2, 3), np.float32)}
        whole = weights.manifest(stored)
        row = weights.open_row(stored, "w", 1)
        states = np.arange(1, 9, dtype=np.float32).reshape(2, 4)
        toploc_proofs = toploc.build(states, k=2)
        published = toploc.Profile.published()
        compared = toploc.compare(states, toploc_proofs, k=2)
        seed = bytes(32)
        print_of = fingerprint.project(states, seed)
        digest = "11" * 32
        self.calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
            (assay.encode, {"values": rows, "encoding": "bits", "layout": "cube", "dtype": None,
                            "capture_mode": "decode", "taps": {}, "cube_sizes": (4, 10),
                            "cube_dims": 3, "pad_seed": 1}),
            (assay.encode, {"values": {"a": rows["a"]}, "layout": "flat", "axes": (4, 4)}),
            (assay.commit, {"tensor": tensor, "srs": srs, "scheme": "tensor"}),
            (assay.Srs.dev, {"axes": (2, 2), "seed": 3}),
            (assay.Srs.open, {"path": str(folder / "srs")}),
            (srs.write, {"path": str(folder / "srs")}),
            (bound.open, {"points": [(0, 0, 0)], "tensor": tensor, "srs": srs, "layer": "a",
                          "token": 1, "dim": 2}),
            (bound.place, {"point": (0, 0, 0)}),
            (bound.point_of, {"layer": "a", "coordinates": (0, 0)}),
            (bound.number_of, {"value": bytes(32)}),
            (assay.Commitment.from_bytes, {"data": bound.to_bytes()}),
            (assay.Proofs.from_bytes, {"data": proofs.to_bytes(), "commitment": bound}),
            (proofs.write_values, {"path": str(folder / "v"), "commitment": bound}),
            (assay.Challenge.draw, {"commitment": bound, "count": 2, "unit": "entry"}),
            (assay.Challenge.from_seed, {"commitment": bound, "count": 2, "seed": 1,
                                         "unit": "entry"}),
            (assay.verify, {"commitment": bound, "proofs": proofs, "verifier_key": srs,
                            "challenge": asked, "challenge_digest": digest, "at_least": 1,
                            "digest": digest, "expect": {"encoding": "bits"},
                            "trusted": [digest], "captured": rows}),
            (assay.verify_all, {"claims": [(bound, proofs)], "verifier_key": srs,
                                "trusted": [digest]}),
            (assay.commit_blocks, {"values": rows, "srs": short, "tokens": 2, "first_token": 0}),
            (log.append, {"block": blocks[0]}),
            (log.prove, {"index": 0, "kept": log.head}),
            (place.verify, {"block": blocks[1], "kept": log.head}),
            (assay.compare, {"a": rows, "b": rows, "tokens": (0, 2), "top": 1}),
            (assay.interpolate, {"values": [1, 2]}),
            (assay.grid_values, {"coefficients": [1, 2], "axes": (2,)}),
            (assay.evaluate, {"coefficients": [1, 2], "axes": (2,), "point": [3]}),
            (assay.to_rows, {"integers": [1, 2]}),
            (assay.from_rows, {"rows": assay.to_rows([1])}),
            (assay.set_thread_limit, {"threads": 0}),
            (bn254.ec_add, {"data": bytes(128)}),
            (bn254.ec_mul, {"data": bytes(96)}),
            (bn254.ec_pairing, {"data": b""}),
            (assay.Powers.start, {"axes": (2, 2), "path": str(folder / "powers")}),
            (assay.Ceremony.from_bytes, {"data": b""}),
            (merkle.Tree, {"leaves": [b"a"], "arity": 2}),
            (merkle.Tree.of_rows, {"rows": np.ones((2, 2)), "arity": 2}),
            (hashes.prove, {"index": 1}),
            (hashes.prove_many, {"indices": [0, 2]}),
            (merkle.verify_inclusion, {"root": hashes.root, "leaf_count": 3, "index": 1,
                                       "leaf": b"b", "proof": hashes.prove(1), "arity": 2}),
            (merkle.verify_many, {"root": hashes.root, "leaf_count": 3, "indices": [0],
                                  "leaves": [b"a"], "proof": hashes.prove_many([0])}),
            (kzg.Srs.dev, {"log_size": 3, "seed": 1}),
            (vectors.commit, {"values": [5, 6]}),
            (vectors.open_index, {"values": [5, 6], "index": 1}),
            (vectors.open_at, {"values": [5, 6], "point": 1}),
            (vectors.open_block, {"values": [5, 6], "log_block": 1, "block": 0}),
            (vectors.open_many, {"vectors": [(name, point, [5, 6])], "questions": [(0, 1)]}),
            (key.check, {"statement": stated}),
            (key.check_all, {"statements": [stated]}),
            (key.check_many, {"claims": [claim], "proof": many}),
            (key.check_block, {"srs": vectors, "commitment": point, "log_block": 0, "block": 1,
                               "values": [6], "proof": proof}),
            (tree.build, {"values": [5], "kind": "merkle", "arities": 2, "leaf": "u64",
                          "path": str(folder / "tree")}),
            (tree.merkle_root, {"values": np.arange(3), "arity": 2}),
            (tree.open, {"path": str(folder / "tree"), "srs": None}),
            (grown.prove, {"indices": [1]}),
            (grown.update, {"leaves": {1: 9}}),
            (grown.append, {"values": [3]}),
            (tree.verify, {"root": grown.root, "indices": 1, "values": [6],
                           "proof": grown.prove(1), "key": None, "root_digest": digest,
                           "trusted": [digest]}),
            (weights.manifest, {"model": stored}),
            (weights.Folder, {"path": str(folder / "model")}),
            (whole.check_root, {"root": whole.root}),
            (weights.open_row, {"model": stored, "tensor": "w", "row": 0, "manifest": whole}),
            (weights.verify_row, {"opening": row, "root": whole.root, "tensor": "w", "row": 1}),
            (toploc.build, {"states": states, "chunk": 32, "k": 2, "ties": "reference"}),
            (toploc.Builder, {"chunk": 32, "k": 2, "ties": "reference"}),
            (toploc.verify, {"states": states, "proofs": toploc_proofs, "profile": published,
                             "chunk": 32, "k": 2}),
            (toploc.compare, {"states": states, "proofs": toploc_proofs, "k": 2}),
            (toploc.statistics, {"comparisons": compared}),
            (toploc.decide, {"comparisons": compared, "profile": published}),
            (toploc.deviating_chunks, {"comparisons": compared, "profile": published}),
            (fingerprint.project, {"states": states, "seed": seed, "dimensions": 2}),
            (fingerprint.verify, {"data": print_of.to_bytes(), "states": states, "seed": seed,
                                  "profile": published, "dimensions": 32}),
            (print_of.distance, {"own": print_of}),
            (fingerprint.answer_seed, {"prompt_token_ids": [1], "output_token_ids": [2],
                                       "proofs": toploc_proofs, "committed": [digest]}),
            (layers.select, {"values": [1.0], "costs": [1], "budgets": [1.0], "order": "free",
                             "time_limit": 1.0}),
            (layers.draw, {"values": [1.0], "costs": [1], "budgets": [1.0], "count": 1,
                           "simulated": 1, "order": "free", "time_limit": 1.0}),
            (layers.LayerScores.read, {"path": str(folder / "scores")}),
            (audit.Request.of, {"prompt_token_ids": [1], "output_token_ids": [2],
                                "nonce": bytes(32), "sampling": "greedy"}),
            (audit.enroll, {"weights": "w", "out": "o", "manifest": digest, "dtype": "float32",
                            "vectors": 8, "epochs": 1}),
            (audit.tally, {"record": "r", "provider": "p"}),
        ]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


class Wrong:
    """Of no kind that any function takes."""


def test_each_argument_in_its_turn(made: Made) -> None:
    for call, good in made.calls:
        for name in good:
            with pytest.raises(assay.Error) as raised:
                call(**good | {name: Wrong()})
            said = str(raised.value)
            assert "\n" not in said, (call, name)
            assert len(said) < 160, (call, name, said)
            if isinstance(raised.value, assay.ArgumentError):
                assert raised.value.place.split(":")[0].split(",")[0] == name or "Wrong" in said


def test_truth_values_are_no_numbers(made: Made) -> None:
    for call, name in (
        (lambda: assay.Srs.dev((2, 2), seed=True), "seed"),
        (lambda: assay.Srs.dev((2, True), seed=1), "axes, axis 1"),
        (lambda: kzg.Srs.dev(True, seed=1), "log_size"),
        (lambda: layers.select([True], [1], [1.0]), "values"),
        (lambda: layers.select([1.0], [True], [1.0]), "costs"),
        (lambda: assay.set_thread_limit(True), "threads"),
    ):
        with pytest.raises(assay.ArgumentError, match=rf"^{name}: bool, a.? .*number|integer"):
            call()


@pytest.fixture(scope="module")
def opened() -> tuple[assay.Commitment, assay.Proofs, assay.Srs]:
    tensor = assay.encode(np.arange(8).reshape(2, 4), "int", "flat")
    srs = assay.Srs.dev(tensor.axes, seed=1)
    commitment = assay.commit(tensor, srs)
    return commitment, commitment.open([(1, 2)]), srs


def test_what_the_command_refuses_too(
    opened: tuple[assay.Commitment, assay.Proofs, assay.Srs],
) -> None:
    commitment, proofs, srs = opened
    with pytest.raises(assay.ArgumentError, match=r"^at_least: bool"):
        assay.verify(commitment, proofs, srs, at_least=True)
    with pytest.raises(assay.ArgumentError, match=r"^captured: int"):
        assay.verify(commitment, proofs, srs, captured=3)  # type: ignore[arg-type]
    with pytest.raises(assay.ArgumentError, match=r"^captured: str"):
        assay.verify(commitment, proofs, srs, captured="x.npy")  # type: ignore[arg-type]
    for empty in ([], {}, np.empty((0, 4)), {"array": []}):
        with pytest.raises(assay.InputError, match=r"^captured: has no values"):
            assay.verify(commitment, proofs, srs, captured=empty)
    with pytest.raises(assay.InputError, match="scheme"):
        assay.commit(commitment.tensor, srs, scheme="")  # type: ignore[arg-type]
    with pytest.raises(assay.InputError, match=r"^threads: 1000000000 is not between 0 and 1024"):
        assay.set_thread_limit(10**9)
    with pytest.raises(assay.InputError, match="tokens"):
        assay.commit_blocks({"a": np.ones((4, 4), np.float32)}, srs, 0)
    stored = {"w": np.ones((2, 3), np.float32)}
    row = weights.open_row(stored, "w", 1)
    with pytest.raises(assay.InputError, match=r"^tensor: an empty name"):
        weights.verify_row(row, weights.manifest(stored).root, "")
    with pytest.raises(assay.InputError, match="64 zeros are the digest of no parameters"):
        assay.verify(commitment, proofs, srs, trusted=["00" * 32])


@pytest.mark.parametrize(
    "call",
    [assay.Srs.open, kzg.Srs.open, assay.Commitment.read, assay.Tensor.read, tree.open,
     assay.VerifierKey.open, assay.Powers.open],
)  # fmt: skip
def test_an_empty_path_is_called_so(call: Callable[[str], Any]) -> None:
    with pytest.raises(assay.InputError, match=r"^an empty path: name a file$"):
        call("")


def test_models_of_other_things() -> None:
    with pytest.raises(assay.ArgumentError, match=r"^a: int, an array or a tensor is expected"):
        weights.manifest({"a": 3})
    with pytest.raises(assay.ArgumentError, match=r"^model: int, str is expected"):
        weights.manifest({3: np.ones(2)})
    with pytest.raises(assay.InputError, match="a folder, a torch module or a state dict"):
        weights.manifest(3)
