"""The module `tensorcommitments` as programs written for it use it."""

import importlib.metadata
import json
import random
import re
from pathlib import Path

import pytest
import tensorcommitments
from tensorcommitments import SetupWarning, TensorCommitmentWrapper

import assay

R = assay.R
VECTORS = Path(__file__).parents[3] / "vectors/pipeline"


def value_at(coefficients: list[int], bound: int, point: list[int]) -> int:
    total = 0
    for index, coefficient in enumerate(coefficients):
        term = coefficient
        for coordinate in reversed(point):
            index, exponent = divmod(index, bound)
            term = term * pow(coordinate, exponent, R) % R
        total += term
    return total % R


def test_the_example_of_its_readme() -> None:
    draw = random.Random(0)
    # Six variables with a degree bound of 3, to keep it short.
    wrapper = tensorcommitments.TensorCommitmentWrapper(6, 3)
    coefficients = [draw.randrange(R) for _ in range(3**6)]
    commitment = wrapper.commit(coefficients)
    eval_value = wrapper.evaluate_polynomial(coefficients, [2, 3, 1, 0, 5, 4])
    assert eval_value == value_at(coefficients, 3, [2, 3, 1, 0, 5, 4])
    proof = wrapper.prove(coefficients, [2, 3, 1, 0, 5, 4], eval_value)
    is_valid = wrapper.verify(commitment, [2, 3, 1, 0, 5, 4], eval_value, proof)
    assert is_valid is True


def test_it_wants_the_assay_that_it_was_made_for() -> None:
    version = importlib.metadata.version("assay")
    assert importlib.metadata.version("tensorcommitments") == version
    assert importlib.metadata.requires("tensorcommitments") == [f"assay=={version}"]


@pytest.fixture(scope="module")
def wrapper() -> TensorCommitmentWrapper:
    return TensorCommitmentWrapper(2, 3)


COEFFICIENTS = [1, 0, 0, 0, 5, 0, 0, 0, -2]  # 1 + 5xy - 2x^2y^2


def test_the_pipeline_from_its_coefficients_file(wrapper: TensorCommitmentWrapper) -> None:
    grid = [[9, -8, 7], [6, 5, -4], [3, 2, 1]]
    text = json.dumps(
        {
            "dims": [3, 3],
            "degree_bound": 3,
            "coefficients": [str(c) for c in assay.interpolate(grid)],
        }
    )
    poly = json.loads(text)
    coefficients = [int(c) for c in poly["coefficients"]]
    pst = TensorCommitmentWrapper(len(poly["dims"]), poly["degree_bound"])
    commitment = pst.commit(coefficients)
    for i, row in enumerate(grid):
        for j, value in enumerate(row):
            assert pst.evaluate_polynomial(coefficients, [i, j]) == value % R
            proof = pst.prove(coefficients, [i, j], value)
            assert pst.verify(commitment, [i, j], value, proof)


def test_proofs_survive_their_json(wrapper: TensorCommitmentWrapper) -> None:
    commitment = wrapper.commit(COEFFICIENTS)
    value = wrapper.evaluate_polynomial(COEFFICIENTS, [2, 1])
    assert value == 1 + 10 - 8
    proof = wrapper.prove(COEFFICIENTS, [2, 1], value)
    # Hexadecimal text, as it stands in the files.
    for text in (commitment, *proof):
        assert re.fullmatch("[0-9a-f]{64}", text)
    assert len(proof) == 2
    text = json.dumps({"commitment_hex": commitment, "evaluation": value, "proof_hex": proof})
    read = json.loads(text)
    assert wrapper.verify(read["commitment_hex"], [2, 1], read["evaluation"], read["proof_hex"])
    raw = [bytes.fromhex(point) for point in proof]
    assert wrapper.verify(bytes.fromhex(commitment), [2, 1], value, raw)


def test_it_takes_the_names_of_the_original() -> None:
    wrapper = TensorCommitmentWrapper(num_variables=2, degree_bound=3)
    assert (wrapper.num_variables, wrapper.degree_bound) == (2, 3)
    commitment = wrapper.commit(coefficients=COEFFICIENTS)
    value = wrapper.evaluate_polynomial(coefficients=COEFFICIENTS, evaluation_point=[2, 1])
    proof = wrapper.prove(COEFFICIENTS, evaluation_point=[2, 1], claimed_evaluation=value)
    assert wrapper.verify(
        commitment_hex=commitment, evaluation_point=[2, 1], claimed_evaluation=value,
        proof_hex=proof,
    )  # fmt: skip


def test_integers_stand_for_residues(wrapper: TensorCommitmentWrapper) -> None:
    residues = [c % R for c in COEFFICIENTS]
    commitment = wrapper.commit(COEFFICIENTS)
    assert wrapper.commit(residues) == commitment
    # Of any size.
    assert wrapper.commit([c + 5 * R for c in COEFFICIENTS]) == commitment
    assert wrapper.commit([c - 2**300 * R for c in COEFFICIENTS]) == commitment
    point = [R - 3, 2**200]
    value = wrapper.evaluate_polynomial(residues, point)
    assert value == value_at(residues, 3, point) == value_at(residues, 3, [-3, 2**200])
    proof = wrapper.prove(COEFFICIENTS, point, value - R)
    assert wrapper.verify(commitment, [-3, 2**200], value, proof)
    assert wrapper.verify(commitment, [2 * R - 3, 2**200 - R], value + R, proof)


def test_a_wrong_proof_is_false(wrapper: TensorCommitmentWrapper) -> None:
    commitment = wrapper.commit(COEFFICIENTS)
    proof = wrapper.prove(COEFFICIENTS, [2, 1], 3)
    assert wrapper.verify(commitment, [2, 1], 3, proof) is True
    assert wrapper.verify(commitment, [2, 1], 4, proof) is False
    assert wrapper.verify(commitment, [1, 2], 3, proof) is False
    assert wrapper.verify(wrapper.commit([3] + [0] * 8), [2, 1], 3, proof) is False
    assert wrapper.verify(commitment, [2, 1], 3, proof[::-1]) is False
    assert wrapper.verify(commitment, [2, 1], 3, proof[:1]) is False
    assert wrapper.verify(commitment, [2, 1], 3, [*proof, proof[0]]) is False


def test_a_proof_of_another_setup_is_never_a_bare_false(wrapper: TensorCommitmentWrapper) -> None:
    commitment = wrapper.commit(COEFFICIENTS)
    proof = wrapper.prove(COEFFICIENTS, [2, 1], 3)
    other = TensorCommitmentWrapper(2, 3)
    with pytest.warns(SetupWarning, match="was not made by this object"):
        assert other.verify(commitment, [2, 1], 3, proof) is False
    original = TensorCommitmentWrapper(2, 3, setup="original")
    with pytest.warns(SetupWarning, match="was not made by this object"):
        assert original.verify(commitment, [2, 1], 3, proof) is False
    # One that holds under the fixed setup is known as such.
    theirs = original.commit(COEFFICIENTS)
    assert theirs != commitment
    proof = original.prove(COEFFICIENTS, [2, 1], 3)
    assert original.verify(theirs, [2, 1], 3, proof) is True
    with pytest.warns(SetupWarning, match=re.escape('setup="original"')):
        assert wrapper.verify(theirs, [2, 1], 3, proof) is False
    # Of the object's own commitments it is known that the proof is wrong; pytest lets no warning
    # pass.
    assert original.verify(theirs, [2, 1], 4, proof) is False
    # Other processes have the same setup.
    fresh = TensorCommitmentWrapper(2, 3, setup="original")
    assert fresh.verify(theirs, [2, 1], 3, proof) is True
    assert fresh.commit(COEFFICIENTS) == theirs
    assert (fresh.trust, wrapper.trust) == ("known to all", "dev")
    assert (fresh.setup, wrapper.setup) == ("original", "own")
    with pytest.raises(ValueError, match="setup: 'mine'"):
        TensorCommitmentWrapper(2, 3, setup="mine")  # type: ignore[arg-type]


def test_published_proofs_hold_under_the_original_setup() -> None:
    bundle = json.loads((VECTORS / "published_proofs.json").read_text())
    size = bundle["num_variables"], bundle["degree_bound"]
    original = TensorCommitmentWrapper(*size, setup="original")
    for proof in bundle["proofs"]:
        given = bundle["commitment_hex"], proof["point"]
        assert original.verify(*given, proof["evaluation"], proof["proof_hex"]) is True
        with pytest.warns(SetupWarning, match="false"):
            assert not original.verify(*given, proof["evaluation"] + 1, proof["proof_hex"])


def test_the_default_says_where_published_proofs_hold() -> None:
    # In two variables, for its own setup must be made.
    original = TensorCommitmentWrapper(2, 3, setup="original")
    commitment = original.commit(COEFFICIENTS)
    proof = original.prove(COEFFICIENTS, [1, 1], 4)
    with pytest.warns(SetupWarning) as said:
        TensorCommitmentWrapper(2, 3).verify(commitment, [1, 1], 4, proof)
    assert len(said) == 1
    assert said[0].filename == __file__
    assert commitment[:16] in str(said[0].message)


def test_another_polynomial_is_opened_after_the_first(wrapper: TensorCommitmentWrapper) -> None:
    other = [7] * 9
    for coefficients in (COEFFICIENTS, other, COEFFICIENTS):
        value = wrapper.evaluate_polynomial(coefficients, [4, 5])
        proof = wrapper.prove(coefficients, [4, 5], value)
        assert wrapper.verify(wrapper.commit(coefficients), [4, 5], value, proof)


def test_the_degree_bound_is_exclusive(wrapper: TensorCommitmentWrapper) -> None:
    for count in (0, 8, 10, 16):
        with pytest.raises(ValueError, match="give 9"):
            wrapper.commit([1] * count)
        with pytest.raises(ValueError, match="give 9"):
            wrapper.prove([1] * count, [0, 0], 1)
        with pytest.raises(ValueError, match="give 9"):
            wrapper.evaluate_polynomial([1] * count, [0, 0])


def test_what_cannot_be_proved_or_checked(wrapper: TensorCommitmentWrapper) -> None:
    commitment = wrapper.commit(COEFFICIENTS)
    proof = wrapper.prove(COEFFICIENTS, [2, 1], 3)
    with pytest.raises(ValueError, match="claimed_evaluation"):
        wrapper.prove(COEFFICIENTS, [2, 1], 4)
    with pytest.raises(ValueError, match="give 2"):
        wrapper.prove(COEFFICIENTS, [2, 1, 0], 3)
    with pytest.raises(ValueError, match="give 2"):
        wrapper.verify(commitment, [2], 3, proof)
    with pytest.raises(TypeError):
        wrapper.verify(commitment, [2, 1], 3.0, proof)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        wrapper.commit([0.5] * 9)  # type: ignore[list-item]
    for bad in (b"", commitment[:-2], commitment[:-1], b"\xff" * 32, "zz"):
        with pytest.raises(ValueError, match=r"."):
            wrapper.verify(bad, [2, 1], 3, proof)
        with pytest.raises(ValueError, match=r"."):
            wrapper.verify(commitment, [2, 1], 3, [bad, proof[1]])


@pytest.mark.parametrize(("variables", "bound"), [(0, 3), (33, 2), (2, 0), (-1, 3), (8, 10)])
def test_sizes_that_cannot_be(variables: int, bound: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        TensorCommitmentWrapper(variables, bound)


def test_every_wrapper_has_secrets_of_its_own() -> None:
    one, other = TensorCommitmentWrapper(1, 4), TensorCommitmentWrapper(1, 4)
    assert one.trust == other.trust == "dev"
    assert one.commit([0, 1, 0, 0]) != other.commit([0, 1, 0, 0])
