"""`assay bench`: that it measures what it says, on small sizes; no figure is judged here."""

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from assay_program import refused, report, run
from layer_cases import write_model


def rows(where: Path, line: str) -> list[dict]:
    table = report(where, *line.split(), "--repeats", 1)
    assert table["processors"] >= 1
    assert "portable" in table["kernels"]
    return table["rows"]


def test_msm_by_size_width_kernel_and_threads(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "bench msm --log-sizes 4,10 --bits 16,254 --kernels portable,ifma --thread-counts 1,2",
    )
    wanted = {
        (kernel, size, bits, threads)
        for kernel in ("portable", "ifma")
        for size in (4, 10)
        for bits in (16, 254)
        for threads in (1, 2)
    }
    assert {(r["kernel"], r["log_size"], r["bits"], r["threads"]) for r in found} == wanted
    for row in found:
        if row["seconds"] is None:
            assert row["kernel"] == "ifma"
            assert "processor" in row["reason"]
        else:
            assert 0 < row["fastest"] <= row["seconds"] <= row["slowest"]
            assert row["additions_per_second"] > 0
            assert row["cpu_seconds"] >= 0


def test_commitments_and_pairing(tmp_path: Path) -> None:
    found = rows(tmp_path, "bench commitments --axes 3,4,5 --bits 12")
    assert {row["what"] for row in found} >= {
        "commit", "open one entry", "keep the first axis", "open one entry, first axis kept",
        "verify one proof from bytes", "interpolate", "dev SRS",
    }  # fmt: skip
    assert all(row["seconds"] > 0 for row in found)
    pairing = rows(tmp_path, "bench pairing --seconds 0.1")
    assert {row["what"] for row in pairing} >= {
        f"{what}{lines}"
        for what in ("pairing", "product of 9 pairings")
        for lines in ("", ", lines made")
    }


def test_schemes(tmp_path: Path) -> None:
    ptau = Path(__file__).parents[3] / "vectors/kzg/4.ptau"
    found = rows(
        tmp_path,
        "bench schemes --capture 2,3,5 --log-size 6 --log-block 3 --log-all 4 --log-all-block 2 "
        f"--thread-counts 1,2 --ptau {ptau}",
    )
    assert {(row["what"], row["scheme"], row["threads"]) for row in found} == {
        *(
            (what, scheme, threads)
            for threads in (1, 2)
            for scheme in ("tensor", "kzg", "merkle")
            for what in (
                "commit to a capture",
                *(
                    f"{done} {asked}{how}"
                    for done, how in (("open", ""), ("verify", ", from bytes"))
                    for asked in (
                        "an entry", "a token of all layers", "a layer", "1,000 entries together",
                    )
                ),
            )
        ),
        *((what, "kzg", threads)
        for threads in (1, 2)
        for what in (
            "commit", "open an entry", "open a block", "open all blocks",
            "verify an entry from bytes", "verify a block from bytes",
            "open 1,000 entries in 64 bytes", "verify 1,000 entries in 64 bytes", "import powers",
        )),
    }  # fmt: skip
    assert all(row["seconds"] > 0 for row in found)


def test_layers(tmp_path: Path) -> None:
    write_model(tmp_path)
    small = "bench layers --matrix 40,64 --layers 30 --verifiers 2,3 --equal 4 --thread-counts 1,2"
    found = rows(tmp_path, f"{small} --weights model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    shape = ("what", "threads", "verifiers", "matrices")
    assert [tuple(row.get(name) for name in shape) for row in found] == [
        ("spectrum of a matrix", 1, None, None),
        *(
            (what, threads, verifiers, None)
            for threads in (1, 2)
            for what, verifiers in (
                ("select, equal budgets", 4),
                ("select, different budgets", 2),
                ("select, different budgets", 3),
            )
        ),
        ("hash all weights", 1, None, None),
        ("spectra and metrics", 1, None, 9),
        ("hash all weights", 2, None, None),
        ("spectra and metrics", 2, None, 9),
    ]
    assert all(0 < row["fastest"] <= row["seconds"] <= row["slowest"] for row in found)
    assert all(row["proven_optimal"] and row["layers"] == 30 for row in found[1:7])
    stored = load_file(tmp_path / "model" / "model.safetensors")
    hashed = found[7]
    assert hashed["bytes"] == sum(one.nbytes for one in stored.values())
    assert hashed["bytes_per_second"] == pytest.approx(hashed["bytes"] / hashed["seconds"])
    matrix = found[0]
    assert matrix["matrix"] == "40x64 bf16"
    assert matrix["peak_memory_bytes"] - matrix["above_file_bytes"] == 40 * 64 * 2
    for wrong in ("--matrix 4", "--matrix 4,0", "--verifiers 0", "--thread-counts x", "--layers 0"):
        assert wrong.split()[0] in refused(tmp_path, f"bench layers {wrong}")
    assert "config.json" in refused(tmp_path, "bench layers --weights none")


def test_without_a_folder_what_needs_one_is_left_out(tmp_path: Path) -> None:
    found = rows(tmp_path, "bench layers --matrix 8,9 --layers 9 --verifiers 2 --equal 2")
    left_out = [row for row in found if row["seconds"] is None]
    assert [row["what"] for row in left_out] == ["hash all weights", "spectra and metrics"]
    assert all(row["reason"] == "needs --weights DIR" for row in left_out)
    assert len(found) == 5


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    assert "--kernels" in refused(tmp_path, "bench", "msm", "--kernels", "sse")
    assert "--log-sizes" in refused(tmp_path, "bench", "msm", "--log-sizes", "4,x")
    assert "--bits" in refused(tmp_path, "bench", "msm", "--bits", "0")


def test_without_json_it_is_a_table(tmp_path: Path) -> None:
    shown = run(tmp_path, "bench", "msm", "--log-sizes", "4", "--bits", "8", "--repeats", "1")
    assert shown.returncode == 0
    assert "ns_per_value" in shown.stdout
    assert json.dumps("msm") not in shown.stdout
