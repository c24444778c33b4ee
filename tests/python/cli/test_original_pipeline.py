"""What the original pipeline published and wrote, and its names of files, fields and flags."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay_program import INCONCLUSIVE, REJECTED, done, refused, report, run

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
PUBLISHED = Path(__file__).parents[3] / "vectors/pipeline/published_proofs.json"
LAYERS = ("embedding", "layer_0", "layer_1")
CONVERSION = {
    "scale_factor": 16,
    "quantize_pct": 50.0,
    "truncated_digits": 8,
    "effective_scale": 8,
    "formula": "integer = round(float_value * 10^effective_scale)",
    "reverse": "float_approx = integer / 10^effective_scale",
}


def objects(values: list[int], shape: tuple[int, ...]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """m_int_activations and m_int_activations_hypercube as the original scripts write them."""
    draw = random.Random(42)
    values = {name: [draw.randrange(-(10**9), 10**9) for _ in range(20)] for name in LAYERS}
    folder = tmp_path / "m_int_activations"
    folder.mkdir()
    entries = []
    for name in LAYERS:
        np.save(folder / f"{name}.npy", objects(values[name], (1, 10, 2)), allow_pickle=True)
        entries.append(
            {
                "layer": name,
                "original_shape": [1, 10, 2],
                "num_elements": 20,
                "original_dtype": "torch.float32",
                "npy_file": f"{name}.npy",
                "sample_original": values[name][0] / 1e8,
                "sample_converted": values[name][0],
            }
        )
    words = {"model_name": "some/model", "prompt": "Hello", "generated_text": " x"}
    metadata = {**words, "conversion": CONVERSION, "layers": entries}
    (folder / "conversion_metadata.json").write_text(json.dumps(metadata, indent=2))

    cube = tmp_path / "m_int_activations_hypercube"
    cube.mkdir()
    flat = [value for name in LAYERS for value in values[name]]
    flat += [flat[7], flat[3], flat[59], flat[0]]
    np.save(cube / "hypercube.npy", objects(flat, (4, 4, 4)), allow_pickle=True)
    layer_map = [
        {
            "layer": name,
            "original_shape": [1, 10, 2],
            "num_elements": 20,
            "flat_offset": 20 * i,
            "flat_end": 20 * i + 20,
        }
        for i, name in enumerate(LAYERS)
    ]
    metadata = {
        "source_dir": "/elsewhere/m_int_activations",
        "model_name": "some/model",
        "conversion_params": CONVERSION,
        "hypercube": {
            "dimensions": [4, 4, 4],
            "num_dimensions": 3,
            "product": 64,
            "total_real_elements": 60,
            "padding_elements": 4,
            "sparsity_pct": 6.25,
            "pad_fill": "random (sampled from real activations)",
            "pad_seed": 42,
            "dim_range": [4, 10],
            "flatten_order": "C (row-major)",
        },
        "layer_map": layer_map,
        "recovery": {"is_padding": "flat_index >= 60"},
    }
    (cube / "hypercube_metadata.json").write_text(json.dumps(metadata, indent=2))
    return tmp_path


def load(path: Path) -> Any:
    return json.loads(path.read_text())


# ---- Published proofs


def test_published_proofs_verify_under_the_original_setup(tmp_path: Path) -> None:
    # Two million points.
    line = "srs original --axes 6,6,6,6,6,6,6,6 --out original.srs --json"
    made = json.loads(done(tmp_path, line, seconds=600))
    assert (made["num_values"], made["trust"]) == (6**8, "dev")
    assert "everybody knows" in made["warnings"][0]
    verdict = report(tmp_path, "verify --srs original.vk --proofs", PUBLISHED)
    assert verdict["verdict"] == "accepted"
    assert [proof["verified"] for proof in verdict["proofs"]] == [True, True, True]
    (worth,) = verdict["assumptions"]
    assert "known to all" in worth
    # To trust it changes nothing: everybody knows its secrets.
    done(tmp_path, "trust add original.vk --label mine")
    assert report(tmp_path, "verify --srs original.vk --proofs", PUBLISHED)["assumptions"] == [
        worth
    ]
    bundle = load(PUBLISHED)
    bundle["proofs"][2]["evaluation"] += 1
    (tmp_path / "changed.json").write_text(json.dumps(bundle))
    rejected = report(tmp_path, "verify --srs original.vk --proofs changed.json", code=REJECTED)
    assert rejected["step"] == "opening equation"
    assert [proof["verified"] for proof in rejected["proofs"]] == [True, True, False]


def test_a_proof_under_the_original_setup_is_named_under_another(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(16).reshape(4, 4))
    done(tmp_path, "interpolate a.npy")
    done(tmp_path, "srs original --axes 4,4 --out original.srs")
    done(tmp_path, "srs dev --axes 4,4 --seed 1 --out own.srs")
    done(tmp_path, "commit-prove-verify --poly-dir a_polynomial --srs original.srs")
    line = "verify --proofs a_commitment/proofs.json --srs"
    assert report(tmp_path, line, "original.vk")["verdict"] == "accepted"
    verdict = report(tmp_path, line, "own.vk", code=REJECTED)
    assert verdict["step"] == "opening equation"
    assert any("assay srs original" in note for note in verdict["notes"])
    verdict = report(tmp_path, "srs verify --srs original.srs")
    assert verdict["verdict"] == "accepted"
    assert any("known to all" in note for note in verdict["notes"])
    assert "--axes" in refused(tmp_path, "srs original --axes 0 --out x.srs")
    assert ".srs" in refused(tmp_path, "srs original --axes 2 --out x.vk")


# ---- Directories that the original scripts wrote


CUBE = "m_int_activations_hypercube"


def test_directories_of_the_original_keep_encoding_and_layers(original: Path) -> None:
    done(original, "interpolate --input-dir", CUBE)
    made = report(original, "commit-prove-verify --poly-dir", f"{CUBE}_polynomial")
    assert made["verdict"] == "accepted"
    assert (made["header"]["encoding"], made["header"]["num_layers"]) == ("decimal:8", 3)
    point = made["point_results"][0]
    assert point["place"] == "embedding[0, 0, 0]"
    assert float(point["number"]) == point["ground_truth_int"] / 10**8
    plan = report(original, "commit --plan --tensor", CUBE)
    assert plan["encoding"] == "decimal:8"
    # The original's own layers in our cube: the same values, our padding.
    done(original, "reshape --input-dir m_int_activations --output-dir ours")
    ours = np.load(original / "ours/hypercube.npy").reshape(-1)[:60]
    theirs = np.load(original / CUBE / "hypercube.npy", allow_pickle=True).reshape(-1)[:60]
    assert ours.tolist() == theirs.tolist()
    assert report(original, "commit --plan --tensor ours")["encoding"] == "decimal:8"
    # The scale is the verifier's question.
    line = f"verify --poly-dir {CUBE}_polynomial"
    assert report(original, line, code=INCONCLUSIVE)["step"] == "encoding"
    assert report(original, line, "--expect", "encoding=decimal:8")["verdict"] == "accepted"


def test_our_cubes_have_the_fields_of_the_original(original: Path) -> None:
    done(original, "reshape --input-dir m_int_activations --output-dir ours --format seed")
    ours, theirs = (load(original / name / "hypercube_metadata.json") for name in ("ours", CUBE))
    for fields, wanted in ((ours, theirs), (ours["hypercube"], theirs["hypercube"])):
        assert set(wanted) <= set(fields)
    for name in ("model_name", "conversion_params", "layer_map"):
        assert ours[name] == theirs[name]
    for name in theirs["hypercube"]:
        assert ours["hypercube"][name] == theirs["hypercube"][name], name


def test_directories_without_metadata_are_plain_integers(original: Path) -> None:
    (original / "m_int_activations/conversion_metadata.json").unlink()
    said = report(original, "reshape --input-dir m_int_activations --output-dir alone")
    assert (said["dimensions"], said["num_layers"]) == ([4, 4, 4], 3)
    metadata = load(original / "alone/hypercube_metadata.json")
    assert [entry["layer"] for entry in metadata["layer_map"]] == list(LAYERS)
    assert report(original, "commit --plan --tensor alone")["encoding"] == "int"

    (original / CUBE / "hypercube_metadata.json").unlink()
    done(original, "interpolate --input-dir", CUBE)
    metadata = load(original / f"{CUBE}_polynomial/interpolation_metadata.json")
    assert metadata["hypercube_metadata"] is None
    made = report(original, "commit-prove-verify --poly-dir", f"{CUBE}_polynomial")
    assert made["verification_summary"]["all_ground_truth_matched"] is True
    assert made["hypercube_source"] == CUBE
    assert (made["header"]["encoding"], made["header"]["num_layers"]) == ("int", 1)
    (original / "empty").mkdir()
    assert "no .npy file" in refused(original, "reshape --input-dir empty")


# ---- interpolate


def test_interpolate_takes_a_file_by_its_place(tmp_path: Path) -> None:
    np.save(tmp_path / "file.npy", np.arange(24).reshape(2, 3, 4))
    done(tmp_path, "interpolate file.npy --coeffs coeffs.json")
    assert load(tmp_path / "coeffs.json")["dims"] == [2, 3, 4]
    assert not (tmp_path / "file_polynomial").exists()
    assert report(tmp_path, "interpolate file.npy")["output_dir"] == "file_polynomial"
    for line in ("interpolate", "interpolate file.npy --input-dir x"):
        assert "give exactly one of --input-dir and an .npy file" in refused(tmp_path, line)
    assert "leave one out" in refused(tmp_path, "interpolate a.npy --npy b.npy")


def test_interpolate_writes_the_originals_file_when_asked(tmp_path: Path) -> None:
    values = np.arange(27).reshape(3, 3, 3) - 9
    np.save(tmp_path / "a.npy", values + 1)
    folder = tmp_path / "a_polynomial"
    done(tmp_path, "interpolate a.npy")
    assert {path.name for path in folder.iterdir()} == {
        "coefficients.safetensors", "interpolation_metadata.json",
    }  # fmt: skip
    np.save(tmp_path / "a.npy", values)
    said = report(tmp_path, "interpolate a.npy --format seed")
    assert said["coefficients_file"] == "a_polynomial/coefficients.json"
    # The rows of the run before would be read first.
    assert {path.name for path in folder.iterdir()} == {
        "coefficients.json", "interpolation_metadata.json",
    }  # fmt: skip
    polynomial = load(folder / "coefficients.json")
    assert set(polynomial) == {"dims", "degree_bound", "coefficients"}
    assert polynomial["coefficients"][0] == str(R - 9)
    metadata = load(folder / "interpolation_metadata.json")
    assert metadata["artifacts"]["coefficients_json"] == "a_polynomial/coefficients.json"
    assert metadata["artifacts"]["coefficients_size_bytes"] == len(
        (folder / "coefficients.json").read_bytes()
    )
    assert metadata["data_stats"]["value_min"] == -9
    done(tmp_path, "commit --poly-dir a_polynomial")
    assert (
        load(tmp_path / "a_commitment/commitment_results.json")["polynomial"]["degree_bound"] == 3
    )


def test_the_polynomial_of_an_array_stands_beside_it(original: Path) -> None:
    line = f"interpolate --npy {CUBE}/hypercube.npy"
    folder = f"{CUBE}/hypercube_polynomial"
    assert report(original, line)["output_dir"] == folder
    # With what the directory says about it: here the encoding, and what the values are.
    made = report(original, "commit-prove-verify --poly-dir", folder)
    assert made["output_dir"] == f"{CUBE}/hypercube_commitment"
    assert made["hypercube_source"] == CUBE
    assert made["header"]["encoding"] == "decimal:8"
    ended = run(original / CUBE, "commit-prove-verify --poly-dir hypercube_polynomial --json")
    assert json.loads(ended.stdout)["hypercube_source"] == "."


# ---- commit-prove-verify


def test_the_last_steps_in_one_leave_the_originals_files(original: Path) -> None:
    done(original, "interpolate --format seed --input-dir", CUBE)
    poly = f"{CUBE}_polynomial"
    text = done(original, "commit-prove-verify --poly-dir", poly)
    assert "accepted" in text
    out = original / f"{CUBE}_commitment"
    assert {path.name for path in out.iterdir()} == {
        "commitment.txt", "commitment_results.json", "proofs.json",
        "commitment.assay", "proofs.assay", "dev.srs", "dev.vk",
    }  # fmt: skip
    results = load(out / "commitment_results.json")
    assert {
        "commitment_hex", "commitment_bytes", "polynomial", "hypercube_source",
        "verification_summary", "timing", "proof_stats", "point_results",
    } <= set(results)  # fmt: skip
    assert results["commitment_hex"] == (out / "commitment.txt").read_text().strip()
    assert results["hypercube_source"] == CUBE
    assert results["verification_summary"] == {
        "num_queries": 10, "all_proofs_verified": True, "all_ground_truth_matched": True,
    }  # fmt: skip
    assert set(results["timing"]) == {
        "setup_time_s", "commit_time_s", "total_eval_time_s", "total_prove_time_s",
        "total_verify_time_s", "avg_prove_time_s", "avg_verify_time_s",
    }  # fmt: skip
    assert all(seconds > 0 for seconds in results["timing"].values())
    assert results["proof_stats"] == {"avg_proof_bytes": 96.0, "proof_elements_per_query": 3}
    bundle = load(out / "proofs.json")
    cube = np.load(original / CUBE / "hypercube.npy", allow_pickle=True)
    for point, proof in zip(results["point_results"], bundle["proofs"], strict=True):
        assert list(point)[:10] == [
            "point", "evaluation", "proof_hex", "proof_bytes", "verified", "ground_truth_int",
            "ground_truth_match", "eval_time_s", "prove_time_s", "verify_time_s",
        ]  # fmt: skip
        for name in ("point", "evaluation", "proof_hex"):
            assert point[name] == proof[name]
        value = int(cube[tuple(point["point"])])
        assert (point["evaluation"], point["ground_truth_int"]) == (value % R, value)
        assert point["verified"] is point["ground_truth_match"] is True
        assert point["proof_bytes"] == 96
    sums = [sum(point[name] for point in results["point_results"])
            for name in ("eval_time_s", "prove_time_s", "verify_time_s")]  # fmt: skip
    totals = [results["timing"][f"total_{name}_time_s"] for name in ("eval", "prove", "verify")]
    assert sums == pytest.approx(totals)
    # The same points as those of `prove`, and the same proofs.
    before = (out / "proofs.json").read_text()
    done(original, "prove --poly-dir", poly)
    assert (out / "proofs.json").read_text() == before
    results = load(out / "commitment_results.json")
    assert results["timing"]["total_eval_time_s"] is None
    assert results["point_results"][0]["ground_truth_match"] is True


def test_the_first_points_are_those_of_the_original(original: Path) -> None:
    done(original, "interpolate --input-dir", CUBE)
    line = f"commit-prove-verify --poly-dir {CUBE}_polynomial"

    def points(*flags: object) -> list[list[int]]:
        return [point["point"] for point in report(original, line, *flags)["point_results"]]

    fixed = [[0, 0, 0], [3, 3, 3], [2, 2, 2], [1, 1, 1]]
    ten = points()
    assert ten[:4] == fixed
    assert len({tuple(point) for point in ten}) == 10
    assert points("--num-queries", 3) == fixed[:3]
    assert points("--num-queries", 20, "--seed", 42)[:4] == fixed
    assert points("--seed", 43)[:4] == fixed
    assert points("--seed", 43) != ten
    # Sixty values, and the last corner, which is padding.
    assert len(points("--num-queries", 100)) == 61
    assert "--num-queries" in refused(original, line, "--num-queries", 0)


def test_the_flags_of_the_original(original: Path) -> None:
    done(original, "interpolate --output-dir elsewhere --input-dir", CUBE)
    line = "commit-prove-verify --poly-dir elsewhere --output-dir out --num-queries 5 --seed 1"
    made = report(original, line)
    assert made["hypercube_source"] is None
    assert made["verification_summary"]["all_ground_truth_matched"] is None
    assert made["point_results"][0]["ground_truth_int"] is None
    assert "no hypercube was found" in done(original, line)
    made = report(original, line, "--hypercube-dir", CUBE)
    assert made["verification_summary"]["all_ground_truth_matched"] is True
    assert made["output_dir"] == "out"
    # A cube of other values is a rejection, which the files tell as well.
    cube = np.load(original / CUBE / "hypercube.npy", allow_pickle=True)
    cube[0, 0, 0] += 1
    np.save(original / CUBE / "hypercube.npy", cube, allow_pickle=True)
    made = report(original, line, "--hypercube-dir", CUBE, code=REJECTED)
    assert made["step"] == "captured values"
    results = load(original / "out/commitment_results.json")
    assert results["verification_summary"]["all_proofs_verified"] is True
    assert results["verification_summary"]["all_ground_truth_matched"] is False
    assert [p["ground_truth_match"] for p in results["point_results"]] == [False] + 4 * [True]
    first = results["point_results"][0]
    assert first["ground_truth_int"] == cube[0, 0, 0]
    assert first["evaluation"] == (cube[0, 0, 0] - 1) % R
    done(original, "srs dev --axes 4,4,4 --seed 9 --out own.srs")
    made = report(original, "commit-prove-verify --poly-dir elsewhere --srs own.srs")
    assert made["srs"] == "own.srs"
