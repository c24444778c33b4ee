"""Objects as Python has them: pickle, copy, ==, repr, HTML, len, slices, arrays."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import assay
from assay import audit, kzg, merkle, probe, toploc, tree, weights


class Made:
    """One of each kind."""

    def __init__(self) -> None:
        draw = np.random.default_rng(0)
        states = {f"layer_{i}": draw.normal(size=(3, 4)).astype(np.float32) for i in range(2)}
        self.tensor = assay.encode(states)
        self.srs = assay.Srs.dev(self.tensor.axes, seed=1)
        self.commitment = assay.commit(self.tensor, self.srs)
        self.challenge = assay.Challenge.from_seed(self.commitment, 3, seed=2)
        self.proofs = self.commitment.open(self.challenge)
        self.kept = self.commitment.keep()
        self.key = self.srs.verifier_key
        self.verdict = assay.verify(self.commitment, self.proofs, self.key, captured=states)
        self.rejected = assay.verify(self.commitment, self.proofs, self.key, digest="00" * 32)
        self.profile = toploc.Profile.published()
        self.kzg_key = kzg.Srs.dev(3, seed=1).verifier_key
        self.kzg_srs = kzg.Srs.dev(3, seed=1)
        grown = tree.build([5, 6, 7])
        self.tree_root = grown.root
        self.tree_proof = grown.prove([0, 2])
        stored = {"w": np.ones((2, 3), np.float32)}
        self.manifest = weights.manifest(stored)
        self.row = weights.open_row(stored, "w", 1)
        self.inclusion = merkle.Tree([b"a", b"b", b"c"]).prove(1)
        self.wide = assay.encode([[2**200, -1], [0, 7]], "int", "flat")


@pytest.fixture(scope="module")
def made() -> Made:
    return Made()


NAMES = [
    "tensor", "srs", "commitment", "challenge", "proofs", "kept", "key", "verdict", "rejected",
    "profile", "kzg_key", "kzg_srs", "tree_root", "tree_proof", "manifest", "row", "inclusion",
    "wide",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_pickles_and_copies_are_equal(name: str, made: Made) -> None:
    one = getattr(made, name)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(one, protocol))
        assert type(again) is type(one)
        assert again == one
        assert repr(again) == repr(one)
    assert copy.copy(one) == one
    assert copy.deepcopy(one) == one
    assert copy.deepcopy({"a": [one]})["a"][0] == one


@pytest.mark.parametrize("name", NAMES)
def test_equal_objects_have_equal_hashes(name: str, made: Made) -> None:
    one = getattr(made, name)
    if name == "kept":
        with pytest.raises(TypeError, match="unhashable"):
            hash(one)
        return
    assert hash(pickle.loads(pickle.dumps(one))) == hash(one)
    assert len({one, pickle.loads(pickle.dumps(one))}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_object_is_no_other_kind(name: str, made: Made) -> None:
    one = getattr(made, name)
    assert one != "x"
    assert one is not None
    assert all(one != getattr(made, other) for other in NAMES if other != name)


def test_objects_that_differ_in_anything_are_different(made: Made) -> None:
    other = assay.Srs.dev(made.tensor.axes, seed=3)
    assert other != made.srs
    assert other.verifier_key != made.key
    commitment = assay.commit(made.tensor, other)
    assert commitment != made.commitment
    assert assay.Challenge.from_seed(made.commitment, 3, seed=9) != made.challenge
    assert made.commitment.open([(0, 0, 0)]) != made.proofs
    assert made.verdict != made.rejected
    values = np.arange(6, dtype=np.int16).reshape(2, 3)
    tensor = assay.encode(values, "int", "flat")
    assert tensor != assay.encode(values + 1, "int", "flat")
    assert tensor != assay.encode(values, "int", "flat", (3, 2))
    assert tensor != assay.encode({"b": values}, "int", "flat")
    assert tensor == assay.encode(values, "int", "flat")


def test_verdicts_differ_in_each_field(made: Made) -> None:
    """Each field of a pickle's state is one of equality's."""
    state = list(made.verdict.__getstate__())
    for index, changed in enumerate(
        ["rejected", "s", "r", 5, [("s", 1)], [("f", 1, "", 0.0, "")], ["n"], ["a"], 0.5,
         [("p", made.rejected)]]
    ):  # fmt: skip
        new = [*state[:index], changed, *state[index + 1 :]]
        if index in (1, 2):
            new[0] = "rejected"
        same = assay.Verdict.rejected("", "") if index in (1, 2) else made.verdict
        other = assay.Verdict.__new__(assay.Verdict)
        other.__setstate__(tuple(new))
        assert other != same, index


def test_figures_keep_bounds_and_kinds(made: Made) -> None:
    profile = toploc.Profile.published()
    states = np.full((40, 128), 0x3F80, np.uint16) + np.arange(128, dtype=np.uint16)
    verdict = toploc.verify(states, toploc.build(states), profile)
    again = pickle.loads(pickle.dumps(verdict))
    assert {n: (f.value, f.at_most, f.at_least, f.unit) for n, f in again.figures.items()} == {
        n: (f.value, f.at_most, f.at_least, f.unit) for n, f in verdict.figures.items()
    }
    assert again.to_json() == verdict.to_json()
    figure = next(iter(verdict.figures.values()))
    assert pickle.loads(pickle.dumps(figure)) == figure


def test_a_pickled_commitment_opens_when_it_is_given_its_tensor(made: Made) -> None:
    again = pickle.loads(pickle.dumps(made.commitment))
    with pytest.raises(assay.InputError, match="give its tensor"):
        again.open([(0, 0, 0)])
    tensor, srs = pickle.loads(pickle.dumps((made.tensor, made.srs)))
    assert again.open(made.challenge, tensor, srs) == made.proofs
    assert copy.deepcopy(made.commitment).open(made.challenge) == made.proofs


def test_pickled_proofs_know_their_places(made: Made) -> None:
    again = pickle.loads(pickle.dumps(made.proofs))
    assert list(again) == list(made.proofs)
    assert [one.number for one in again] == [one.number for one in made.proofs]


def test_what_is_kept_is_copied_and_not_shared(made: Made) -> None:
    kept = assay.KeptQuotients(made.commitment)
    other = copy.copy(kept)
    made.commitment.open([(0, 0, 0)], kept=kept)
    assert (len(other), len(kept) > 0) == (0, True)
    assert other != kept


def test_a_log_is_copied_and_not_shared() -> None:
    log = assay.Log()
    assert copy.copy(log) == log
    assert copy.copy(log) is not log
    assert pickle.loads(pickle.dumps(log)) == log


def test_a_kzg_srs_of_a_file_is_pickled_by_its_path(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "k.srs"
    made.kzg_srs.write(path)
    opened = kzg.Srs.open(path)
    data = pickle.dumps(opened)
    assert len(data) < 400
    assert pickle.loads(data) == opened == made.kzg_srs
    assert pickle.loads(pickle.dumps(made.kzg_srs)).commit([5]) == made.kzg_srs.commit([5])
    kzg.Srs.dev(3, seed=2).write(path)
    with pytest.raises(assay.InputError, match="it is another SRS than the one that was pickled"):
        pickle.loads(data)


def test_a_tree_is_handed_on_by_its_path() -> None:
    for hand_on in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(assay.ArgumentError, match="keep it in a file, and hand on its path"):
            hand_on(tree.build([5, 6, 7]))


def test_an_srs_of_a_file_is_pickled_by_its_path(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "a.srs"
    made.srs.write(path)
    opened = assay.Srs.open(path)
    data = pickle.dumps(opened)
    assert len(data) < 1000
    assert pickle.loads(data) == opened == made.srs
    made.srs.trim(1, tmp_path / "b.srs")
    assert assay.Srs.open(tmp_path / "b.srs") != opened
    assay.Srs.dev(made.srs.axes, seed=8).write(path)
    with pytest.raises(assay.InputError, match="another SRS"):
        pickle.loads(data)
    path.unlink()
    with pytest.raises(assay.InputError):
        pickle.loads(data)


def test_profiles_of_other_rooms(tmp_path: Path) -> None:
    fuzz = Path(__file__).parents[3] / "fuzz" / "corpus"
    for kind, path in (
        (audit.Profile, fuzz / "audit_profile_fuzz" / "good"),
        (probe.Profile, fuzz / "probe_evidence_fuzz" / "profile"),
    ):
        one = kind.read(str(path))
        assert pickle.loads(pickle.dumps(one)) == one
        assert hash(copy.deepcopy(one)) == hash(one)
        assert one.name in repr(one)
        assert one.name in one._repr_html_()
    read = toploc.Profile.published()
    read.save(str(tmp_path / "p"))
    one = toploc.Profile.load(str(tmp_path / "p"))
    assert pickle.loads(pickle.dumps(one)).title == one.title != read.title
    assert one == read


@pytest.mark.parametrize("name", [name for name in NAMES if name != "kept"])
def test_notebooks_show_a_table(name: str, made: Made) -> None:
    shown = getattr(made, name)._repr_html_()
    assert shown.startswith("<table>")
    assert shown.endswith("</table>")


def test_names_of_strangers_are_text_in_html() -> None:
    name = "<script>alert(1)</script>\u202e"
    values = {name: np.arange(2, dtype=np.int32)}
    tensor = assay.encode(values, "int", "flat")
    commitment = assay.commit(tensor, assay.Srs.dev(tensor.axes, 1))
    proofs = commitment.open([(1,)])
    shown = proofs._repr_html_()
    assert "<script>" not in shown
    assert "\u202e" not in shown
    verdict = assay.Verdict.rejected("<b>step</b>", "why & what")
    assert "<b>" not in verdict._repr_html_()
    assert "&lt;b&gt;step" in verdict._repr_html_()


def test_a_tensor_is_an_array(made: Made) -> None:
    values = np.asarray(made.tensor)
    assert values.shape == made.tensor.axes
    assert len(made.tensor) == made.tensor.axes[0]
    assert not values.flags.writeable
    np.testing.assert_array_equal(made.tensor[1], values[1])
    np.testing.assert_array_equal(made.tensor[:, 0], values[:, 0])
    np.testing.assert_array_equal(made.tensor[..., -1], values[..., -1])
    assert made.tensor[1, 2, 3] == values[1, 2, 3]
    assert isinstance(made.tensor[1, 2, 3], int)
    assert [row.shape for row in made.tensor] == [values.shape[1:]] * len(values)
    np.testing.assert_array_equal(np.asarray(made.tensor, np.float64), values.astype(float))
    with pytest.raises(assay.InputError):
        made.tensor[9, 0, 0]
    with pytest.raises(IndexError):
        made.tensor[9]
    assert np.asarray(made.wide).tolist() == [[2**200, -1], [0, 7]]
    assert made.wide[0].tolist() == [2**200, -1]
    assert made.wide[0, 0] == 2**200


def test_openings_and_points_are_sequences_and_arrays(made: Made) -> None:
    assert [one.value for one in made.proofs] == np.asarray(made.proofs).tolist()
    assert made.proofs[1:] == [made.proofs[1], made.proofs[2]]
    assert made.proofs[-1] == made.proofs[2]
    assert np.asarray(made.challenge).tolist() == [list(p) for p in made.challenge.points]
    assert made.challenge[0] == made.challenge.points[0]
    assert made.challenge[:2] == made.challenge.points[:2]
    assert list(made.challenge) == made.challenge.points
    for one in (made.proofs, made.challenge):
        with pytest.raises(IndexError):
            one[3]
    far = made.commitment.open([[0, 0, 10**30]])
    assert np.asarray(far).dtype == object
    slices = made.commitment.open(layer=0)
    with pytest.raises(assay.InputError, match="slices"):
        np.asarray(slices)


def test_an_opening_has_the_number_that_was_computed(made: Made) -> None:
    draw = np.random.default_rng(5)
    for dtype, encoding in (("float32", "bits"), ("float16", "bits"), ("float64", "decimal:20")):
        values = draw.normal(size=(2, 3)).astype(dtype)
        tensor = assay.encode(values, encoding, "flat")
        opened = assay.commit(tensor, assay.Srs.dev(tensor.axes, 1)).open([(0, 1), (1, 2)])
        assert [one.number for one in opened] == pytest.approx([values[0, 1], values[1, 2]])
        if encoding == "bits":
            assert [one.number for one in opened] == [values[0, 1], values[1, 2]]
    integers = assay.encode([[3, -4]], "int", "flat")
    commitment = assay.commit(integers, assay.Srs.dev(integers.axes, 1))
    one = commitment.open([(0, 1)])[0]
    assert (one.number, type(one.number)) == (-4, int)
    point, value, place = one
    assert (point, value, str(place)) == ((0, 1), -4, "array[0, 1]")
    assert made.commitment.open([[0, 0, 10**30]])[0].number is None
    assert assay.Proofs.from_bytes(made.proofs.to_bytes())[0].number is None


def test_a_verifier_key_is_written(made: Made, tmp_path: Path) -> None:
    for key, kind in ((made.key, assay.VerifierKey), (made.kzg_key, kzg.VerifierKey)):
        key.write(tmp_path / "a.vk")
        assert kind.open(tmp_path / "a.vk") == key
        assert (tmp_path / "a.vk").read_bytes() == bytes(key)
    with pytest.raises(assay.InputError):
        made.key.write(tmp_path / "nowhere" / "a.vk")


def test_swapped_arguments_are_named(made: Made) -> None:
    m: Any = made
    point = [(0, 0, 0)]
    wrong = [
        ("tensor: Srs", lambda: assay.commit(m.srs, m.tensor)),
        ("srs: Tensor", lambda: assay.commit(m.tensor, m.tensor)),
        ("commitment: Srs", lambda: assay.Challenge.draw(m.srs, 1)),
        ("commitment: Proofs", lambda: assay.verify(m.proofs, m.commitment, m.key)),
        ("claims: Proofs", lambda: assay.verify_all([(m.proofs, m.commitment)], m.key)),
        ("verifier_key: list", lambda: assay.verify_all(m.key, [(m.commitment, m.proofs)])),
        ("tensor: Srs", lambda: m.commitment.open(point, m.srs, m.tensor)),
        ("kept: Srs", lambda: m.commitment.open(point, kept=m.srs)),
        ("commitment: Srs", lambda: assay.KeptQuotients(m.srs)),
        ("commitment: VerifierKey", lambda: assay.Proofs.from_bytes(bytes(m.proofs), m.key)),
        ("transcript: VerifierKey", lambda: m.srs.verify(m.key)),
    ]
    for said, call in wrong:
        with pytest.raises(TypeError, match=said):
            call()


@pytest.mark.parametrize("given", ["a.commitment", 5, None, 1.5, ["a"]])
def test_bytes_are_bytes(given: Any) -> None:
    for read in (
        assay.Commitment.from_bytes,
        assay.Proofs.from_bytes,
        assay.VerifierKey.from_bytes,
        kzg.VerifierKey.from_bytes,
        merkle.InclusionProof.from_bytes,
    ):
        with pytest.raises(TypeError, match="bytes are expected"):
            read(given)


def test_bytes_of_other_kinds_are_taken(made: Made) -> None:
    data = made.commitment.to_bytes()
    for kind in (bytearray, memoryview, lambda d: np.frombuffer(d, np.uint8)):
        assert assay.Commitment.from_bytes(kind(data)) == made.commitment


def test_a_name_with_a_nul_byte_is_no_file(made: Made, tmp_path: Path) -> None:
    made.commitment.write(tmp_path / "c")
    for path in (f"{tmp_path}/c\0junk", f"{tmp_path}/d\0junk"):
        with pytest.raises(assay.InputError, match="has a NUL byte in its name"):
            made.commitment.write(path)
        with pytest.raises(assay.InputError, match="has a NUL byte in its name"):
            assay.Commitment.read(path)
    assert [each.name for each in tmp_path.iterdir()] == ["c"]
