"""What `assay run` ends with: the verdict's own code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import assay
from assay import run


def verdicts() -> dict[str, Any]:
    """A real verdict of each kind."""
    tensor = assay.encode(np.arange(4), "int", "flat")
    srs = assay.Srs.dev(tensor.axes, seed=1)
    commitment = assay.commit(tensor, srs)
    proofs = commitment.open([(2,)])
    none = assay.Proofs.from_bytes(proofs.to_bytes()[:48] + bytes(4))
    key = srs.verifier_key
    return {
        "accepted": assay.verify(commitment, proofs, key),
        "rejected": assay.verify(commitment, proofs, key, digest=bytes(32)),
        "inconclusive": assay.verify(commitment, none, key),
    }


@pytest.mark.parametrize(
    ("outcome", "code"), [("accepted", 0), ("rejected", 1), ("inconclusive", 3)]
)
def test_ends_with_the_code_of_the_verdict(
    outcome: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = verdicts()[outcome]
    assert verdict.outcome == outcome
    np.save(tmp_path / "cube.npy", np.arange(8).reshape(2, 4))
    monkeypatch.setattr(run, "verify", lambda *_, **__: verdict)
    line = [
        "--tensor",
        str(tmp_path / "cube.npy"),
        "--srs-seed",
        "7",
        "--num-queries",
        "2",
        "--quiet",
    ]
    assert run.main([*line, "--json"]) == code
    assert run.main(line) == code
