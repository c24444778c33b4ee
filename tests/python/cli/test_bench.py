"""`assay bench`: that it measures what it says, on small sizes; no figure is judged here."""

import json
from pathlib import Path

from assay_program import refused, report, run


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


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    assert "--kernels" in refused(tmp_path, "bench", "msm", "--kernels", "sse")
    assert "--log-sizes" in refused(tmp_path, "bench", "msm", "--log-sizes", "4,x")
    assert "--bits" in refused(tmp_path, "bench", "msm", "--bits", "0")


def test_without_json_it_is_a_table(tmp_path: Path) -> None:
    shown = run(tmp_path, "bench", "msm", "--log-sizes", "4", "--bits", "8", "--repeats", "1")
    assert shown.returncode == 0
    assert "ns_per_value" in shown.stdout
    assert json.dumps("msm") not in shown.stdout
