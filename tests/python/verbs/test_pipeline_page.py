"""The commands of docs/pipeline.md, run in their order, and the files that they leave."""

import json
from pathlib import Path

import pytest

from page_blocks import ROOT, blocks_of
from page_running import run_page

PAGE = ROOT / "docs/pipeline.md"

# What the original's steps leave, by the trees and lists of its own description.
DEEPSEEK = "activationCaptureLib/output/deepseek-ai_DeepSeek-R1-Distill-Qwen-1.5B"
LEFT = [
    f"{DEEPSEEK}_activations.pt",
    f"{DEEPSEEK}_stats.json",
    f"{DEEPSEEK}_int_activations/conversion_metadata.json",
    f"{DEEPSEEK}_int_activations/embedding.npy",
    f"{DEEPSEEK}_int_activations/layer_0.npy",
    f"{DEEPSEEK}_int_activations_hypercube/hypercube.npy",
    f"{DEEPSEEK}_int_activations_hypercube/hypercube_metadata.json",
    f"{DEEPSEEK}_int_activations_hypercube_polynomial/interpolation_metadata.json",
    f"{DEEPSEEK}_int_activations_hypercube_commitment/commitment.txt",
    f"{DEEPSEEK}_int_activations_hypercube_commitment/commitment_results.json",
    f"{DEEPSEEK}_int_activations_hypercube_commitment/proofs.json",
    "output/sshleifer_tiny-gpt2_activations.pt",
    "output/sshleifer_tiny-gpt2_stats.json",
    "output/sshleifer_tiny-gpt2_int_activations/layer_1.npy",
    "output/meta-llama_Llama-3.2-1B-Instruct_activations.pt",
    "output/facebook_opt-125m_activations.pt",
    "converted/sshleifer_tiny-gpt2_activations/conversion_metadata.json",
    "output/sshleifer_tiny-gpt2_int_activations_hypercube/hypercube_polynomial/"
    "interpolation_metadata.json",
    "output/sshleifer_tiny-gpt2_int_activations_hypercube_polynomial/coefficients.json",
    "my_output/proofs.json",
    "coeffs.json",
    "coefficients.json",
    "commitment.txt",
]


def run(where: Path, soak: bool) -> None:
    run_page(PAGE, where, soak=soak, seconds=600)
    for name in LEFT:
        assert (where / name).is_file(), name
    results = json.loads(
        (
            where / f"{DEEPSEEK}_int_activations_hypercube_commitment/commitment_results.json"
        ).read_text()
    )
    summary = results["verification_summary"]
    assert summary["all_proofs_verified"] is summary["all_ground_truth_matched"] is True


def test_each_command_has_one_beside_it() -> None:
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    theirs = [at for at, block in enumerate(blocks) if block.not_run == "the original's"]
    assert len(theirs) == 5
    for at in theirs:
        ours = blocks[at + 1]
        assert (ours.language, ours.not_run) == ("sh", "")


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, soak=False)


@pytest.mark.soak
def test_the_page_runs_with_the_whole_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, soak=True)
