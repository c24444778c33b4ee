"""The chain from convert to verify, with the files that other programs read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay_program import INCONCLUSIVE, REJECTED, done, refused, report, run

torch = pytest.importorskip("torch")

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
CUBE = "tiny_int_activations_hypercube"


def capture(where: Path, dtype: Any = None) -> list[Any]:
    generator = torch.Generator().manual_seed(4)
    states = [
        torch.randn(1, 10, 2, generator=generator).to(dtype or torch.float32) for _ in range(3)
    ]
    torch.save(
        {
            "model_name": "tiny/model",
            "prompt": "Hello world",
            "generated_text": " stairs",
            "token_sequence": torch.arange(10).reshape(1, 10),
            "hidden_states": tuple(states),
        },
        where / "tiny_activations.pt",
    )
    return states


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """The steps as they are written down, with 60 values in a cube of 64."""
    capture(tmp_path)
    done(tmp_path, "convert --input tiny_activations.pt --scale-factor 16 --quantize 50")
    done(tmp_path, "reshape --input-dir tiny_int_activations")
    done(tmp_path, "interpolate", "--input-dir", CUBE)
    return tmp_path


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def evaluate(polynomial: dict[str, Any], point: tuple[int, ...]) -> int:
    total = 0
    dims = polynomial["dims"]
    for index, coefficient in enumerate(polynomial["coefficients"]):
        term = int(coefficient)
        for exponent, coordinate in zip(np.unravel_index(index, dims), point, strict=True):
            term = term * pow(coordinate, int(exponent), R) % R
        total += term
    return total % R


def test_convert_says_how_to_reverse_it(tmp_path: Path) -> None:
    states = capture(tmp_path)
    said = report(tmp_path, "convert --input tiny_activations.pt --scale-factor 16 --quantize 50")
    folder = tmp_path / "tiny_int_activations"
    assert said["output_dir"] == folder.name
    metadata = load(folder / "conversion_metadata.json")
    assert metadata["model_name"] == "tiny/model"
    conversion = metadata["conversion"]
    assert (conversion["scale_factor"], conversion["quantize_pct"]) == (16, 50.0)
    assert (conversion["truncated_digits"], conversion["effective_scale"]) == (8, 8)
    assert [layer["layer"] for layer in metadata["layers"]] == ["embedding", "layer_0", "layer_1"]
    for state, layer in zip(states, metadata["layers"], strict=True):
        assert layer["original_shape"] == [1, 10, 2]
        assert layer["original_dtype"] == "torch.float32"
        stored = np.load(folder / layer["npy_file"])
        expected = np.round(state.double().numpy() * 10**8).astype(np.int64)
        assert (stored == expected).all()


def test_python_integers_for_those_who_read_them(tmp_path: Path) -> None:
    states = capture(tmp_path)
    done(tmp_path, "convert --input tiny_activations.pt --format seed")
    done(tmp_path, "reshape --input-dir tiny_int_activations --format seed")
    stored = np.load(tmp_path / "tiny_int_activations" / "layer_0.npy", allow_pickle=True)
    assert stored.dtype == object
    assert all(type(value) is int for value in stored.flat)
    # 32 digits: the exact value of the float, which no float64 product gives.
    numerator, denominator = float(states[1][0, 3, 1]).as_integer_ratio()
    quotient, rest = divmod(numerator * 10**32, denominator)
    assert stored[0, 3, 1] - quotient in ({0} if 2 * rest < denominator else {0, 1})
    cube = np.load(tmp_path / CUBE / "hypercube.npy", allow_pickle=True)
    assert cube.dtype == object
    assert cube.shape == (4, 4, 4)
    assert cube.reshape(-1)[20:40].tolist() == stored.reshape(-1).tolist()
    # What the original pipeline's loaders read is read back, as our own compact files are.
    done(tmp_path, "interpolate", "--input-dir", CUBE, "--output-dir", "a")
    done(tmp_path, "reshape --input-dir tiny_int_activations")
    done(tmp_path, "interpolate", "--input-dir", CUBE, "--output-dir", "b")
    rows = [Path(tmp_path, name, "coefficients.safetensors").read_bytes() for name in "ab"]
    assert rows[0] == rows[1]


def test_reshape_prints_the_shape(tmp_path: Path) -> None:
    capture(tmp_path)
    done(tmp_path, "convert --input tiny_activations.pt --encoding bits")
    line = "reshape --input-dir tiny_int_activations"
    said = done(tmp_path, line)
    assert "Optimal shape: (4, 4, 4)   product=64   padding=4   sparsity=6.25%" in said
    metadata = load(tmp_path / CUBE / "hypercube_metadata.json")
    assert metadata["hypercube"]["dimensions"] == [4, 4, 4]
    assert metadata["hypercube"]["total_real_elements"] == 60
    assert [entry["flat_offset"] for entry in metadata["layer_map"]] == [0, 20, 40]
    assert report(tmp_path, line, "--min-dim", 5, "--max-dim", 8)["dimensions"] == [8, 8]
    assert report(tmp_path, line, "--num-dims", 2)["dimensions"] == [8, 8]
    assert "--min-dim" in refused(tmp_path, line, "--min-dim", 5, "--max-dim", 4)


def test_the_whole_chain(chain: Path) -> None:
    poly = f"{CUBE}_polynomial"
    ended = run(chain, "commit", "--poly-dir", poly, "--quiet", "--json")
    assert ended.returncode == 0
    assert "WARNING" in ended.stderr  # parameters from a known seed are said aloud
    out = chain / f"{CUBE}_commitment"
    made = json.loads(ended.stdout)
    assert (out / "commitment.txt").read_text().strip() == made["commitment_hex"]
    results = load(out / "commitment_results.json")
    assert results["commitment_bytes"] == 32
    assert results["polynomial"] == {
        "num_variables": 3, "degree_bound": 4, "num_coefficients": 64, "source_dir": poly,
    }  # fmt: skip
    assert results["verification_summary"]["all_proofs_verified"] is None
    assert results["point_results"] == []

    proven = report(chain, "prove", "--poly-dir", poly, "--num-queries", 6)
    results = load(out / "commitment_results.json")
    assert results["verification_summary"] == proven["verification_summary"]
    assert results["verification_summary"] == {
        "num_queries": 6, "all_proofs_verified": True, "all_ground_truth_matched": True,
    }  # fmt: skip
    for name in ("setup_time_s", "commit_time_s", "avg_prove_time_s", "avg_verify_time_s"):
        assert results["timing"][name] > 0
    cube = np.load(chain / CUBE / "hypercube.npy")
    bundle = load(out / "proofs.json")
    assert (bundle["num_variables"], bundle["degree_bound"]) == (3, 4)
    assert bundle["commitment_hex"] == made["commitment_hex"]
    assert len(bundle["proofs"]) == len(results["point_results"]) == 6
    for proof, result in zip(bundle["proofs"], results["point_results"], strict=True):
        value = int(cube[tuple(proof["point"])])
        assert proof["evaluation"] == result["evaluation"] == value % R
        assert result["ground_truth_int"] == value
        assert len(proof["proof_hex"]) == 3
    again = report(chain, "prove", "--poly-dir", poly, "--num-queries", 6, "--seed", 42)
    assert [p["point"] for p in again["proofs"]] == [p["point"] for p in proven["proofs"]]
    # By default ten points.
    assert len(report(chain, "prove", "--poly-dir", poly)["proofs"]) == 10

    expected = ("--expect", "encoding=decimal:8")
    verdict = report(chain, "verify", "--poly-dir", poly, *expected)
    assert verdict["verdict"] == "accepted"
    assert verdict["all_ground_truth_matched"] is True
    # The cube was rounded, and by whom nobody says.
    unsure = report(chain, "verify", "--poly-dir", poly, code=INCONCLUSIVE)
    assert unsure["step"] == "encoding"
    assert unsure["all_ground_truth_matched"] is True
    places = [proof["place"] for proof in verdict["proofs"]]
    assert places.pop(1) == "padding"  # the last corner of the cube
    assert all(place.startswith(("embedding", "layer_")) for place in places)
    assert report(chain, "verify", "--output-dir", out.name)["all_ground_truth_matched"] is None


def test_the_proof_bundle_alone(chain: Path) -> None:
    poly = f"{CUBE}_polynomial"
    done(chain, "commit", "--poly-dir", poly, "--output-dir", "out")
    done(chain, "prove", "--poly-dir", poly, "--output-dir", "out")
    line = "verify --proofs out/proofs.json --srs out/dev.vk"
    verdict = report(chain, line)
    assert verdict["verdict"] == "accepted"
    assert any("header unbound" in note for note in verdict["notes"])
    assert verdict["digest"] is verdict["header"] is None
    bound = report(chain, line, "--commitment", "out/commitment.assay")
    assert bound["verdict"] == "accepted"
    assert not any("header unbound" in note for note in bound["notes"])
    assert "--commitment" in refused(chain, line, "--digest", "0" * 64)

    bundle = load(chain / "out" / "proofs.json")
    bundle["proofs"][2]["evaluation"] += 1
    (chain / "bad.json").write_text(json.dumps(bundle))
    bad = "verify --proofs bad.json --srs out/dev.vk"
    verdict = report(chain, bad, code=REJECTED)
    assert verdict["step"] == "opening equation"
    held = [proof["verified"] for proof in verdict["proofs"]]
    assert held.count(False) == 1
    assert held[2] is False
    bound = report(chain, bad, "--commitment", "out/commitment.assay", code=REJECTED)
    assert bound["step"] == "opening equation"
    # The bundle of one commitment does not speak of another.
    done(chain, "commit", "--poly-dir", poly, "--output-dir", "b", "--capture-mode", "recompute")
    other = report(chain, line, "--commitment", "b/commitment.assay", code=REJECTED)
    assert other["step"] == "commitment digest"


def test_coefficients_are_those_of_the_values(chain: Path) -> None:
    text = done(chain, "interpolate", "--input-dir", CUBE, "--coeffs", "-")
    polynomial = json.loads(text)
    assert (polynomial["dims"], polynomial["degree_bound"]) == ([4, 4, 4], 4)
    cube = np.load(chain / CUBE / "hypercube.npy")
    for point in [(0, 0, 0), (1, 2, 3), (3, 3, 3)]:
        assert evaluate(polynomial, point) == int(cube[point]) % R
    done(chain, "interpolate", "--npy", f"{CUBE}/hypercube.npy", "--coeffs", "c.json")
    assert (chain / "c.json").read_text() == text
    # Either form of the coefficients gives the same commitment.
    folder = chain / "json_polynomial"
    folder.mkdir()
    (folder / "coefficients.json").write_text(text)
    done(chain, "srs dev --axes 4,4,4 --seed 2 --out s.srs")
    digests = {
        report(
            chain, "commit", "--poly-dir", poly, "--hypercube-dir", CUBE, "--srs", "s.srs",
            "--output-dir", f"out_{i}",
        )["digest"]
        for i, poly in enumerate([folder.name, f"{CUBE}_polynomial"])
    }  # fmt: skip
    assert len(digests) == 1
    # And so does the cube itself.
    assert (
        report(chain, "commit", "--tensor", CUBE, "--srs", "s.srs", "--out", "c")["digest"]
        in digests
    )


def test_interpolation_metadata(chain: Path) -> None:
    metadata = load(chain / f"{CUBE}_polynomial" / "interpolation_metadata.json")
    cube = np.load(chain / CUBE / "hypercube.npy")
    assert metadata["hypercube_metadata"] == load(chain / CUBE / "hypercube_metadata.json")
    stats = metadata["data_stats"]
    assert [stats["value_min"], stats["value_max"]] == [int(cube.min()), int(cube.max())]
    assert stats["has_negative_values"] is True
    assert metadata["polynomial"]["field_modulus"] == str(R)
    assert metadata["polynomial"]["dims"] == [4, 4, 4]
    assert metadata["source_npy"].endswith("hypercube.npy")
    assert metadata["artifacts"]["coefficients_json"] is None
    assert metadata["timing"]["total_time_s"] > 0


def test_flags_of_a_build_are_taken_and_not_needed(chain: Path) -> None:
    line = f"interpolate --input-dir {CUBE} --skip-build --poly-project x"
    ended = run(chain, line)
    assert ended.returncode == 0
    assert ended.stderr.count("nothing is built") == 2
    assert run(chain, line, "--quiet").stderr == ""


def test_a_polynomial_of_other_values_does_not_match(chain: Path) -> None:
    cube = np.load(chain / CUBE / "hypercube.npy")
    np.save(chain / "other.npy", cube + 1)
    done(chain, "interpolate --npy other.npy --output-dir other_polynomial")
    named = f"--poly-dir other_polynomial --hypercube-dir {CUBE} --output-dir o"
    done(chain, f"commit {named}")
    proven = report(chain, f"prove {named}", code=REJECTED)
    assert proven["verification_summary"]["all_proofs_verified"] is True
    assert proven["verification_summary"]["all_ground_truth_matched"] is False
    assert report(chain, f"verify {named}", code=REJECTED)["step"] == "captured values"


def test_a_capture_brings_its_mode_and_taps(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    names = ["embedding", "layer_0"]
    states = {name: torch.randn(1, 4, 6, dtype=torch.bfloat16) for name in names}
    taps = [
        {"name": "embedding", "tap": "embedding", "block": None},
        {"name": "layer_0", "tap": "residual", "block": 0},
    ]
    tokens = {"token_sequence": torch.arange(5).reshape(1, 5)}
    metadata = {"format": "assay/capture/v1", "capture_mode": "decode", "taps": json.dumps(taps)}
    save_file(states | tokens, tmp_path / "x.safetensors", metadata)
    plan = report(tmp_path, "commit --tensor x.safetensors --plan")
    assert (plan["axes"], plan["layout"], plan["encoding"]) == ([2, 4, 6], "model", "bits")
    assert (plan["capture_mode"], plan["dtype"]) == ("decode", "torch.bfloat16")
    done(tmp_path, "srs dev --axes 2,4,6 --seed 1 --out s.srs")
    done(tmp_path, "commit --tensor x.safetensors --srs s.srs --out c")
    place = report(tmp_path, "locate --commitment c --entry layer_0:0,2,1")
    assert (place["coordinates"], place["tap"]) == ([1, 2, 1], "block:0")
    line = "prove --tensor x.safetensors --srs s.srs --commitment c --entry layer_0:13 --out p"
    pattern = states["layer_0"].view(torch.int16)[0, 2, 1].item()
    assert report(tmp_path, line)["proofs"][0]["value"] == str(pattern)
    line = "commit --tensor x.safetensors --plan --capture-mode recompute"
    assert "x.safetensors" in refused(tmp_path, line)


def test_padding_is_named(chain: Path) -> None:
    place = report(chain, "locate", "--hypercube-dir", CUBE, "--index", 63)
    assert place["padding"] is True
    assert place["layer"] is None
    assert "padding" in done(chain, "locate", "--hypercube-dir", CUBE, "--at", "3,3,3")
    place = report(chain, "locate", "--hypercube-dir", CUBE, "--entry", "layer_1:0,9,1")
    assert (place["flat_index"], place["coordinates"]) == (59, [3, 2, 3])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
    state = torch.zeros(1, 2, 2)
    state[0, 1, 0] = value
    torch.save({"hidden_states": (torch.zeros(1, 2, 2), state)}, tmp_path / "x.pt")
    for line in ("convert --input x.pt", "commit --tensor x.pt --plan"):
        said = refused_but_folder(tmp_path, line)
        assert "x.pt" in said
        assert "layer_0" in said
        assert "2" in said  # its index


def refused_but_folder(where: Path, line: str) -> str:
    """As refused(); an empty output folder may stay."""
    before = {p for p in where.rglob("*") if p.is_file()}
    ended = run(where, line)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1), ended.stderr
    assert {p for p in where.rglob("*") if p.is_file()} == before
    return ended.stderr
