"""`assay two-party` on a tensor that both sides have."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay import two_party


@pytest.fixture
def tensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("tensor.npy", np.arange(64).reshape(4, 4, 4) - 20)
    return tmp_path


def played(capsys: pytest.CaptureFixture[str], line: str, code: int = 0) -> dict[str, Any]:
    assert two_party.main([*line.split(), "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_the_originals_files_are_left(tensor: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = played(capsys, "tensor.npy --num-queries 5")
    verdict = found["verifier"]["verdict"]
    assert verdict["verdict"] == "accepted"
    assert len(verdict["proofs"]) == 5
    # The verifier has the tensor too, and compared.
    assert verdict["all_ground_truth_matched"] is True
    polynomial = json.loads((tensor / "coefficients.json").read_text())
    assert polynomial["dims"] == [4, 4, 4]
    assert (tensor / "commitment.txt").read_text() == verdict["commitment_hex"] + "\n"
    sizes = found["provider"]["bytes"]
    assert set(sizes) == {"tensor", "coefficients", "commitment", "proofs"}
    assert sizes["coefficients"] == (tensor / "coefficients.json").stat().st_size
    assert {"interpolation", "commit", "prove"} <= set(found["provider"]["seconds"])
    assert {p.name for p in tensor.iterdir()} == {
        "tensor.npy", "coefficients.json", "commitment.txt",
    }  # fmt: skip


def test_coefficients_are_taken_where_they_are(
    tensor: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "tensor.npy --coeffs-json c.json --commitment-file c.txt --skip-interp"
    # As the original's, it interpolates where the file is not there.
    found = played(capsys, line)
    assert "interpolation" in found["provider"]["seconds"]
    before = (tensor / "c.json").stat().st_mtime_ns
    found = played(capsys, line + " --poly-project x")
    assert "interpolation" not in found["provider"]["seconds"]
    assert (tensor / "c.json").stat().st_mtime_ns == before
    assert (tensor / "c.txt").read_text().strip() == found["verifier"]["verdict"]["commitment_hex"]
    # Of another tensor they do not pass.
    np.save("tensor.npy", np.arange(64).reshape(4, 4, 4) - 21)
    verdict = played(capsys, line, code=1)["verifier"]["verdict"]
    assert verdict["step"] == "captured values"


def test_a_tensor_alone_leaves_nothing(tensor: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = played(capsys, "--tensor tensor.npy --num-queries 3")
    assert found["verifier"]["verdict"]["all_ground_truth_matched"] is True
    assert found["coefficients"] == {"bytes": 64 * 32, "written": False}
    assert [p.name for p in tensor.iterdir()] == ["tensor.npy"]


@pytest.mark.parametrize(
    "line",
    [
        "tensor.npy --tensor tensor.npy",
        "--tensor tensor.npy --coeffs-json c.json",
        "--commitment-file c.txt",
        "--skip-interp",
    ],
)
def test_flags_of_a_polynomial_go_with_its_tensor(
    tensor: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        two_party.main(line.split())
    assert ended.value.code == 2
    assert "TENSOR" in capsys.readouterr().err
