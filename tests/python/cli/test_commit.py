"""`assay srs dev`, `commit`, `prove`, `verify`: the four lines, and what they must give."""

import hashlib
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from py_ecc import optimized_bn128 as oracle
from safetensors.numpy import save_file

import ceremonies
from assay_program import DONE, INCONCLUSIVE, REJECTED, done, refused, report, run

R = oracle.curve_order
P = oracle.field_modulus


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    """A folder with a cube of integers, an SRS and a commitment."""
    values = np.random.default_rng(3).integers(-(2**40), 2**40, (6, 6, 6))
    np.save(tmp_path / "cube.npy", values)
    done(tmp_path, "srs", "dev", "--axes", "6,6,6", "--seed", 7, "--out", "six.srs")
    done(tmp_path, "commit --tensor cube.npy --srs six.srs --out cube.commitment")
    return tmp_path


def prove(where: Path, *points: str) -> None:
    asked = [part for point in points for part in ("--at", point)]
    done(
        where, "prove --tensor cube.npy --srs six.srs --commitment cube.commitment",
        *asked, "--out", "cube.proofs",
    )  # fmt: skip


VERIFY = "verify --commitment cube.commitment --proofs cube.proofs --srs six.vk"


def test_the_four_lines(tmp_path: Path) -> None:
    values = np.arange(216).reshape(6, 6, 6) - 100
    np.save(tmp_path / "cube.npy", values)
    lines = """\
srs dev --axes 6,6,6 --seed 7 --out six.srs
commit --tensor cube.npy --srs six.srs --out cube.commitment --json
prove --tensor cube.npy --srs six.srs --commitment cube.commitment \
  --at 0,5,2 --at 1,1,1 --out cube.proofs
verify --commitment cube.commitment --proofs cube.proofs --srs six.vk --json"""
    outputs = [done(tmp_path, line) for line in lines.splitlines()]
    commitment = json.loads(outputs[1])
    assert len(bytes.fromhex(commitment["commitment_hex"])) == 32
    assert len(bytes.fromhex(commitment["digest"])) == 32
    verdict = json.loads(outputs[3])
    assert verdict["verdict"] == "accepted"
    assert verdict["step"] is verdict["reason"] is None
    assert verdict["digest"] == commitment["digest"]
    assert [proof["point"] for proof in verdict["proofs"]] == [[0, 5, 2], [1, 1, 1]]
    assert [proof["value"] for proof in verdict["proofs"]] == [
        str(values[0, 5, 2]),
        str(values[1, 1, 1]),
    ]
    for proof in verdict["proofs"]:
        assert proof["verified"] is True
        assert proof["padding"] is False
        assert proof["ground_truth"]["matched"] is None
    assert any("SRS unverified" in text for text in verdict["assumptions"])
    # A verifier may as well hold the whole SRS.
    assert report(tmp_path, VERIFY.replace("six.vk", "six.srs"))["verdict"] == "accepted"


def test_accepts_and_says_so_in_words(cube: Path) -> None:
    prove(cube, "0,0,0")
    said = done(cube, VERIFY)
    assert said.startswith("accepted\n")
    assert "\033" not in said


def test_another_commitment_is_rejected(cube: Path) -> None:
    prove(cube, "0,0,0")
    changed = np.load(cube / "cube.npy")
    changed[3, 3, 3] += 1
    np.save(cube / "other.npy", changed)
    done(cube, "commit --tensor other.npy --srs six.srs --out cube.commitment")
    verdict = report(cube, VERIFY, code=REJECTED)
    assert (verdict["verdict"], verdict["step"]) == ("rejected", "commitment digest")
    assert "commitment digest" in done(cube, VERIFY, code=REJECTED).splitlines()[0]


def test_a_changed_value_is_rejected_by_the_equation(cube: Path) -> None:
    prove(cube, "0,5,2", "1,1,1")
    value = int(np.load(cube / "cube.npy")[1, 1, 1])
    raw = (cube / "cube.proofs").read_bytes()
    honest = (value % R).to_bytes(32, "little")
    assert raw.count(honest) == 1
    (cube / "cube.proofs").write_bytes(
        raw.replace(honest, ((value + 1) % R).to_bytes(32, "little"))
    )
    verdict = report(cube, VERIFY, code=REJECTED)
    assert verdict["step"] == "opening equation"
    assert [proof["verified"] for proof in verdict["proofs"]] == [True, False]


def test_an_agreed_digest_binds(cube: Path) -> None:
    prove(cube, "0,0,0")
    digest = report(cube, VERIFY)["digest"]
    assert report(cube, VERIFY, "--digest", digest)["verdict"] == "accepted"
    assert report(cube, VERIFY, "--digest", "0" * 64, code=REJECTED)["step"] == "expected digest"
    assert "--digest" in refused(cube, VERIFY, "--digest", "00")


def test_captured_values_are_compared(cube: Path) -> None:
    prove(cube, "0,0,0", "5,5,5")
    verdict = report(cube, VERIFY, "--tensor", "cube.npy")
    assert [proof["ground_truth"]["matched"] for proof in verdict["proofs"]] == [True, True]
    changed = np.load(cube / "cube.npy")
    changed[5, 5, 5] -= 1
    np.save(cube / "own.npy", changed)
    verdict = report(cube, VERIFY, "--tensor", "own.npy", code=REJECTED)
    assert verdict["step"] == "captured values"
    assert [proof["verified"] for proof in verdict["proofs"]] == [True, True]
    assert [proof["ground_truth"]["matched"] for proof in verdict["proofs"]] == [True, False]
    np.save(cube / "small.npy", changed[0])
    verdict = report(cube, VERIFY, "--tensor", "small.npy", code=REJECTED)
    assert verdict["step"] == "captured tensor"


def test_trust_is_the_verifiers_own(cube: Path) -> None:
    prove(cube, "0,0,0")
    shown = report(cube, "srs", "verify", "--srs", "six.srs")
    assert shown["verdict"] == "accepted"
    # A file that is well formed is no reason for trust.
    assert not Path(cube, "trusted").exists()
    assert "SRS unverified" in report(cube, VERIFY)["assumptions"][0]
    vouched = report(cube, VERIFY, "--srs-digest", shown["srs_digest"])
    assert (
        "trusted by the verifier's list as 'given with --srs-digest'" in vouched["assumptions"][0]
    )
    assert "six.vk" in refused(cube, VERIFY, "--srs-digest", "0" * 64)
    done(cube, "srs verify --srs six.srs --vk again.vk")
    assert not Path(cube, "trusted").exists()
    assert Path(cube, "again.vk").read_bytes() == Path(cube, "six.vk").read_bytes()


@pytest.mark.parametrize("what", ["six.vk", "six.srs", "digest"])
def test_the_list_of_trusted_parameters(cube: Path, what: str) -> None:
    prove(cube, "0,0,0")
    digest = report(cube, VERIFY)["srs_digest"]
    named = digest if what == "digest" else what
    assert report(cube, "trust list")["trusted"] == []
    assert "not in the list" in refused(cube, "trust remove", named)
    done(cube, "trust add", named, "--label", "made by me")
    assert Path(cube, "trusted").read_text() == f"{digest} made by me\n"
    assert report(cube, "trust list")["trusted"] == [{"srs_digest": digest, "label": "made by me"}]
    listed = "SRS trusted by the verifier's list as 'made by me' (the file's own word: dev, "
    assert report(cube, VERIFY)["assumptions"][0].startswith(listed)
    done(cube, "trust add", named, "--label", "again")
    assert done(cube, "trust list") == f"{digest} again\n"
    done(cube, "trust remove", named)
    assert Path(cube, "trusted").read_text() == ""
    assert "SRS unverified" in report(cube, VERIFY)["assumptions"][0]
    refused(cube, "trust add", named)
    assert "--label" in refused(cube, "trust add", named, "--label", "")
    assert "label" in refused(cube, "trust add", named, "--label", "two\nlines")
    assert "what" in refused(cube, "trust add", "", "--label", "x")


def test_where_the_list_lies(cube: Path) -> None:
    """By $ASSAY_TRUST_FILE, else in $XDG_CONFIG_HOME, else in $HOME; nothing else counts."""
    digest = "ab" * 32
    places = {
        "ASSAY_TRUST_FILE": (cube / "mine", cube / "mine"),
        "XDG_CONFIG_HOME": (cube / "config", cube / "config" / "assay" / "srs-digests"),
        "HOME": (cube / "home", cube / "home" / ".config" / "assay" / "srs-digests"),
    }
    unset = dict.fromkeys(places, "")
    for variable, (given, path) in places.items():
        added = run(
            cube, "trust add", digest, "--label", variable, **{**unset, variable: str(given)}
        )
        assert added.returncode == DONE, added.stderr
        assert path.read_text() == f"{digest} {variable}\n"
    every = {variable: str(given) for variable, (given, _) in places.items()}
    for variable in places:
        assert run(cube, "trust list", **every).stdout == f"{digest} {variable}\n"
        every[variable] = ""
    assert "ASSAY_TRUST_FILE" in refused(cube, "trust list", **every)


# The label in a file is some bytes, which anybody can change.
def test_a_dev_srs_relabelled_is_quoted_as_its_own_word(cube: Path) -> None:
    for name, change in (
        ("six.srs", ceremonies.relabelled),
        ("six.vk", ceremonies.relabelled_key),
    ):
        path = Path(cube, name)
        path.write_bytes(change(path.read_bytes(), 3, "ab" * 32))
    # Whose secrets are those of a seed that people take is found out.
    found = report(cube, "srs verify --srs six.srs", code=REJECTED)
    assert "that of a dev SRS of seed 7, and the label says ceremony" in found["reason"]
    for name in ("six.srs", "six.vk"):
        said = refused(cube, "trust add", name, "--label", "mine")
        assert "that of a dev SRS of seed 7, and the label says ceremony: anybody can open" in said
    assert report(cube, "trust list")["trusted"] == []
    done(cube, "commit --tensor cube.npy --srs six.srs --out cube.commitment")
    prove(cube, "0,0,0")
    said = report(cube, VERIFY)["assumptions"][0]
    assert said.startswith("SRS unverified: ")
    assert "the file's own word: ceremony(3)" in said
    assert "transcript not seen" in said


def test_what_the_numbers_are_is_the_provers_word_until_expected(tmp_path: Path) -> None:
    own = {"a,b": np.full((1, 2, 3), 0.25, np.float32), "c+d": np.ones((1, 2, 3), np.float32)}
    zeros = {"a,b": np.zeros((1, 2, 3), np.float32), "c+d": np.ones((1, 2, 3), np.float32)}
    save_file(own, tmp_path / "own.safetensors")
    save_file(zeros, tmp_path / "zeros.safetensors")
    tensor = "--tensor zeros.safetensors --encoding decimal:0"
    axes = report(tmp_path, f"commit {tensor} --plan")["axes"]
    done(tmp_path, "srs dev --seed 1 --out s.srs --axes", ",".join(map(str, axes)))
    done(tmp_path, f"commit {tensor} --srs s.srs --out c")
    line = "prove --tensor zeros.safetensors --srs s.srs --commitment c --random 3 --out p"
    assert " = " in done(tmp_path, line)
    verify = "verify --commitment c --proofs p --srs s.vk"
    said = done(tmp_path, verify)
    for text in ("encoding: decimal:0, self-reported", "dtype: float32, self-reported",
                 "mode: unknown, self-reported"):  # fmt: skip
        assert f"  {text}\n" in said
    unsure = report(tmp_path, verify, "--tensor", "own.safetensors", code=INCONCLUSIVE)
    assert unsure["step"] == "encoding"
    assert unsure["figures"]["largest hidden error"] == {
        "value": 0.5, "unit": "in the unit of the values"
    }  # fmt: skip
    assert [proof["ground_truth"]["matched"] for proof in unsure["proofs"]] == [True] * 3
    assert [proof["verified"] for proof in unsure["proofs"]] == [True] * 3
    expected = "--expect encoding=decimal:0,dtype=float32 --expect mode=unknown"
    met = report(tmp_path, f"{verify} {expected}", "--tensor", "own.safetensors")
    assert met["figures"]["encoding"]["value"] == "decimal:0, as expected"
    named = ("--expect", "layer=a,b", "--expect", "layer=c+d")
    done(tmp_path, verify, *named)
    (tmp_path / "names").write_text("a,b\nc+d\n")
    done(tmp_path, verify, "--expect", "layers=@names")
    for bad in ("encoding=bits", "dtype=bfloat16", "mode=decode", "layer=a,b", "layer=c+d"):
        assert report(tmp_path, verify, "--expect", bad, code=REJECTED)["step"] == "expectation"
    for bad in ("", "bits", "layer=", "encoding=bits,layer=a,b", "layers=@none"):
        refused(tmp_path, verify, "--expect", bad)


def test_opened_values_stand_beside_their_numbers(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[0.1, -2.5]], np.float32))
    done(tmp_path, "srs dev --axes 1,2 --seed 1 --out s.srs")
    for encoding, numbers in (("bits", ["0.1", "-2.5"]), ("decimal:2", ["0.1", "-2.5"])):
        done(tmp_path, f"commit --tensor x.npy --encoding {encoding} --srs s.srs --out c")
        line = "prove --tensor x.npy --srs s.srs --commitment c --at 0,0 --at 0,1 --out p"
        assert all(f" ({number})" in done(tmp_path, line) for number in numbers)
        shown = report(tmp_path, "verify --commitment c --proofs p --srs s.vk")["proofs"]
        assert [proof["number"] for proof in shown] == numbers


def test_rows_of_the_geometry_of_trust(tmp_path: Path) -> None:
    vectors = Path(__file__).parents[3] / "vectors" / "tensor"
    rows = vectors / "rows.gotact"
    done(tmp_path, "srs dev --axes 2,3,2 --seed 1 --out s.srs")
    header = report(tmp_path, "commit --srs s.srs --out c --tensor", rows)["header"]
    assert (header["layout"], header["encoding"], header["dtype"]) == (
        "model", "bits", "torch.float32",
    )  # fmt: skip
    done(tmp_path, "prove --srs s.srs --commitment c --at 1,2,0 --out p --tensor", rows)
    verify = "verify --commitment c --proofs p --srs s.vk --expect layer=layer_3 --expect"
    (proof,) = report(tmp_path, verify, "layer=layer_7")["proofs"]
    assert proof["number"] == "750.5"
    assert report(tmp_path, "locate --commitment c --at 1,2,0")["tap"] == "block:7"
    assert "no value differs" in done(tmp_path, "compare", rows, rows)
    said = refused(tmp_path, "commit --srs s.srs --out c --tensor", vectors / "misaligned.gotact")
    assert "misaligned.gotact: the layer's index stands before every position" in said


def test_a_broken_srs_is_rejected(cube: Path) -> None:
    raw = bytearray(Path(cube, "six.srs").read_bytes())
    # The second point of level 0 becomes the first: on the curve, and wrong.
    raw[4096 + 64 : 4096 + 128] = raw[4096 : 4096 + 64]
    Path(cube, "bad.srs").write_bytes(raw)
    verdict = report(cube, "srs", "verify", "--srs", "bad.srs", code=REJECTED)
    assert verdict["step"] == "level digests"
    assert not Path(cube, "trusted").exists()


def test_prove_refuses_another_tensor(cube: Path) -> None:
    changed = np.load(cube / "cube.npy")
    changed[0, 0, 1] += 1
    np.save(cube / "other.npy", changed)
    line = "prove --tensor other.npy --srs six.srs --commitment cube.commitment --out x.proofs"
    said = refused(cube, line, "--at", "0,0,0")
    assert "other.npy" in said
    assert "0,0,0" in said
    assert "not the one that was committed to" in said
    done(cube, line, "--at", "0,0,0", "--no-check")
    verdict = report(
        cube, "verify --commitment cube.commitment --proofs x.proofs --srs six.vk",
        code=REJECTED,
    )  # fmt: skip
    assert verdict["step"] == "opening equation"


def test_points_by_every_name(cube: Path) -> None:
    line = "prove --tensor cube.npy --srs six.srs --commitment cube.commitment --out p"
    named = report(cube, line, "--entry", "array:8", "--entry", "array:0,1,2", "--at", "0,1,2")
    assert [proof["point"] for proof in named["proofs"]] == [[0, 1, 2]]
    assert len(report(cube, line, "--random", 5)["proofs"]) == 5
    seeded = [report(cube, line, "--random", 5, "--seed", 1)["proofs"] for _ in range(2)]
    assert seeded[0] == seeded[1]
    values = np.load(cube / "cube.npy")
    proof = report(cube, line, "--at-field", "0x1,2,3")["proofs"][0]
    assert (proof["point"], proof["value"]) == ([1, 2, 3], str(values[1, 2, 3]))
    proof = report(cube, line, "--at-field", "-1,7,0")["proofs"][0]
    assert proof["point"] == ["-1", "7", "0"]
    assert proof["place"] is None
    factors = [lagrange(6, z) for z in (-1, 7, 0)]
    assert int(proof["value"]) % R == combine(values, factors)
    checked = "verify --commitment cube.commitment --proofs p --srs six.vk --tensor cube.npy"
    assert report(cube, checked)["proofs"][0]["ground_truth"]["matched"] is True


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ((), "no points"),
        (("--at", "0,0"), "--at"),
        (("--at", "0,0,6"), "0,0,6"),
        (("--at", "0,0,x"), "--at"),
        (("--at", "0,0,-1"), "--at"),
        (("--at-field", "0,0"), "--at-field"),
        (("--at-field", "0,0,0x"), "--at-field"),
        (("--at-field", f"0,0,{R}"), "--at-field"),
        (("--entry", "array"), "--entry"),
        (("--entry", "array:216"), "array"),
        (("--entry", "array:0,0"), "--entry"),
        (("--entry", "array:0,6,0"), "--entry"),
        (("--entry", "layer_0:1"), "layer_0"),
        (("--random", "217"), "217"),
        (("--random", "0"), "0"),
        (("--seed", "1", "--at", "0,0,0"), "--seed"),
    ],
)
def test_points_that_there_are_not(cube: Path, flags: tuple[str, ...], word: str) -> None:
    line = "prove --tensor cube.npy --srs six.srs --commitment cube.commitment --out p"
    assert word in refused(cube, line, *flags)


def test_two_parties(cube: Path) -> None:
    """They share what is sent and no more; the verifier holds the .vk alone."""
    provider = cube
    verifier = cube / "verifier"
    verifier.mkdir()
    for name in ("six.vk", "cube.commitment"):
        (verifier / name).write_bytes((provider / name).read_bytes())
    drawn = report(verifier, "challenge --commitment cube.commitment --num-queries 7 --out c")
    assert len({tuple(point) for point in drawn["points"]}) == 7
    (provider / "c").write_bytes((verifier / "c").read_bytes())
    line = "prove --tensor cube.npy --srs six.srs --commitment cube.commitment --out cube.proofs"
    done(provider, line, "--challenge", "c")
    (verifier / "cube.proofs").write_bytes((provider / "cube.proofs").read_bytes())
    verdict = report(verifier, VERIFY, "--challenge", "c")
    assert verdict["verdict"] == "accepted"
    assert [proof["point"] for proof in verdict["proofs"]] == drawn["points"]
    assert any("nothing shows that the verifier drew" in note for note in verdict["notes"])
    known = report(
        verifier, VERIFY, "--challenge", "c", "--challenge-digest", drawn["challenge_digest"]
    )
    assert not any("challenge" in note for note in known["notes"])
    assert drawn["challenge_digest"] == hashlib.sha256((verifier / "c").read_bytes()).hexdigest()
    said = refused(verifier, VERIFY, "--challenge-digest", drawn["challenge_digest"])
    assert "--challenge-digest" in said
    done(verifier, VERIFY, "--challenge", "c", "--at-least", 7)
    for count, code in ((8, INCONCLUSIVE), (7, DONE)):
        assert run(verifier, VERIFY, "--at-least", count).returncode == code
    assert "--at-least" in refused(verifier, VERIFY, "--at-least", 0)
    for other in ("0x7", "07", "+7", " 7", "7.0", "0b111", "1e1"):
        said = refused(verifier, VERIFY, "--at-least", other)
        assert f"--at-least: '{other}' is not an integer in decimal" in said

    done(provider, line, "--at", "0,0,0")
    (verifier / "cube.proofs").write_bytes((provider / "cube.proofs").read_bytes())
    assert report(verifier, VERIFY, "--challenge", "c", code=REJECTED)["step"] == "challenge"
    assert "--challenge" in refused(provider, line, "--challenge", "c", "--at", "0,0,0")


def test_challenges_are_fresh_unless_seeded(cube: Path) -> None:
    line = "challenge --commitment cube.commitment --out c"
    points = [report(cube, line)["points"] for _ in range(2)]
    assert len(points[0]) == 10
    assert points[0] != points[1]
    ended = run(cube, line, "--seed", 5, "--json")
    assert ended.returncode == DONE
    assert "not for real use" in ended.stderr
    assert json.loads(ended.stdout)["points"] == report(cube, line, "--seed", 5)["points"]


def test_no_proofs_are_inconclusive(cube: Path) -> None:
    prove(cube, "0,0,0")
    raw = (cube / "cube.proofs").read_bytes()
    # Magic, version, digest and count of axes stay; the count of proofs becomes zero.
    (cube / "cube.proofs").write_bytes(raw[:48] + bytes(4))
    verdict = report(cube, VERIFY, code=INCONCLUSIVE)
    assert (verdict["verdict"], verdict["step"]) == ("inconclusive", "no proofs")


def test_locate_gives_all_three_names(cube: Path) -> None:
    for flags in (("--at", "1,2,3"), ("--index", "51"), ("--entry", "array:51")):
        place = report(cube, "locate", "--commitment", "cube.commitment", *flags)
        assert place["coordinates"] == place["layer_coordinates"] == [1, 2, 3]
        assert place["flat_index"] == place["position"] == 51
        assert place["layer"] == "array"
        assert place["padding"] is False
    assert "216" in refused(cube, "locate --commitment cube.commitment --index 216")


def test_arrays_are_read_as_flags_say(tmp_path: Path) -> None:
    values = np.random.default_rng(5).standard_normal((4, 3)).astype(np.float32)
    np.save(tmp_path / "f.npy", values)
    plan = report(tmp_path, "commit --tensor f.npy --plan")
    assert (plan["axes"], plan["encoding"], plan["layout"]) == ([4, 3], "bits", "flat")
    assert plan["count"] == 12
    plan = report(tmp_path, "commit --tensor f.npy --plan --encoding decimal:3 --axes 12")
    assert (plan["axes"], plan["encoding"]) == ([12], "decimal:3")
    plan = report(tmp_path, "commit --tensor f.npy --plan --layout cube")
    assert (plan["axes"], plan["padding_elements"]) == ([4, 4], 4)
    plan = report(tmp_path, "commit --tensor f.npy --plan --capture-mode prefill")
    assert plan["capture_mode"] == "prefill"
    for flags, word in [
        ("--encoding int", "f.npy"),
        ("--encoding decimal", "--encoding"),
        ("--encoding decimal:201", "--encoding"),
        ("--layout square", "--layout"),
        ("--axes 5,3", "f.npy"),
        ("--axes 0", "--axes"),
        ("--axes 12 --layout cube", "axes"),
        ("--capture-mode dreamt", "--capture-mode"),
    ]:
        assert word in refused(tmp_path, "commit --tensor f.npy --plan", *flags.split())

    done(tmp_path, "srs dev --axes 4,3 --seed 1 --out s.srs")
    done(tmp_path, "commit --tensor f.npy --srs s.srs --out c --encoding decimal:3")
    opened = report(tmp_path, "prove --tensor f.npy --srs s.srs --commitment c --at 2,1 --out p")[
        "proofs"
    ][0]
    assert int(opened["value"]) == round(float(values[2, 1]) * 1000)


# ---- Against an independent computation from the seed's secrets


def secret(seed: int, axis: int) -> int:
    label = b"assay/srs/dev/v1" + seed.to_bytes(8, "little") + axis.to_bytes(4, "little")
    return int.from_bytes(hashlib.sha512(label).digest(), "little") % R


def lagrange(size: int, t: int) -> list[int]:
    basis = []
    for j in range(size):
        others = [k for k in range(size) if k != j]
        top, bottom = (math.prod(x - k for k in others) for x in (t, j))
        basis.append(top * pow(bottom, -1, R) % R)
    return basis


def combine(values: np.ndarray, factors: list[list[int]]) -> int:
    products = itertools.product(*factors)
    return sum(int(v) * math.prod(f) for v, f in zip(values.flat, products, strict=True)) % R


def compressed(scalar: int) -> str:
    x, y = oracle.normalize(oracle.multiply(oracle.G1, scalar % R))
    return (int(x) | (int(y) > (P - 1) // 2) << 255).to_bytes(32, "little").hex()


@pytest.mark.parametrize("kind", ["int8", "int64", "object"])
def test_commitment_is_that_of_the_definition(tmp_path: Path, kind: str) -> None:
    largest = {"int8": 2**7, "int64": 2**63, "object": 2**240}[kind]
    draw = np.random.default_rng(8)
    values = np.empty((2, 3, 2), dtype=object)
    for index in np.ndindex(values.shape):
        values[index] = int.from_bytes(draw.bytes(30), "little") % (2 * largest) - largest
    np.save(tmp_path / "x.npy", values if kind == "object" else values.astype(kind))
    done(tmp_path, "srs dev --axes 2,3,2 --seed 9 --out x.srs")
    made = report(tmp_path, "commit --tensor x.npy --srs x.srs --out c")
    factors = [lagrange(size, secret(9, axis)) for axis, size in enumerate(values.shape)]
    assert made["commitment_hex"] == compressed(combine(values, factors))
    # The polynomial's coefficients commit to the same point.
    done(tmp_path, "interpolate --npy x.npy --output-dir poly")
    other = report(tmp_path, "commit --poly-dir poly --srs x.srs --output-dir out")
    assert other["commitment_hex"] == made["commitment_hex"]


def test_commitment_of_the_known_answer(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[5, -3], [2**200, 7]], dtype=object))
    done(tmp_path, "srs dev --axes 2,2 --seed 7 --out x.srs")
    made = report(tmp_path, "commit --tensor x.npy --srs x.srs --out c")
    known = "5f10fa5ecdad6d295d6ad5b5669bf5df61fd5b9e8de8d73156fe72a59277af97"
    assert made["commitment_hex"] == known
