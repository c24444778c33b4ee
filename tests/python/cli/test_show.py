"""`assay show`: what any file of ours is, read by the room that it belongs to."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import assay
from assay_program import FAILED, done, listing, refused, report, run

ROOT = Path(__file__).parents[3]
CORPUS, VECTORS = ROOT / "fuzz" / "corpus", ROOT / "vectors"

# A sample of each kind that lies in the tree; of those for fuzzers, the bytes before the file.
SAMPLES: dict[str, list[tuple[Path, int]]] = {
    "secret signing key": [(CORPUS / "base_dsse_fuzz/secret", 1)],
    "public key": [(CORPUS / "base_dsse_fuzz/public", 1)],
    "signed statement": [(CORPUS / "base_dsse_fuzz/envelope", 1)],
    "transcript of a ceremony": [(CORPUS / "setup_transcript_fuzz/two", 0)],
    "powers of a ceremony": [(CORPUS / "setup_powers_fuzz/one", 0)],
    "trust list": [(CORPUS / "setup_trust_list_fuzz/good", 0)],
    "kept quotients": [
        (CORPUS / "pst_kept_fuzz/two", 0),
        (CORPUS / "pst_kept_fuzz/empty", 0),
    ],
    "SRS of public powers": [(CORPUS / "kzg_srs_header_fuzz/honest", 0)],
    "verifier key of public powers": [(CORPUS / "kzg_verifier_key_fuzz/honest_3", 0)],
    "powers of tau": [(VECTORS / "kzg/4.ptau", 0), (VECTORS / "kzg/4.powers.ptau", 0)],
    "commitment": [(CORPUS / "claim_commitment_fuzz/model", 0)],
    "challenge": [
        (CORPUS / "claim_challenge_fuzz/cube", 0),
        (CORPUS / "claim_challenge_fuzz/tokens", 0),
    ],
    "proofs": [(CORPUS / "claim_proofs_fuzz/slices", 0), (CORPUS / "claim_proofs_fuzz/cube", 0)],
    "log of blocks": [(CORPUS / "claim_log_fuzz/log", 0)],
    "head of a log of blocks": [(CORPUS / "claim_log_fuzz/head", 0)],
    "proof from a log of blocks": [(CORPUS / "claim_log_fuzz/proof", 0)],
    "proof of inclusion": [(CORPUS / "merkle_proof_fuzz/inclusion", 4)],
    "proof of inclusion of several leaves": [(CORPUS / "merkle_proof_fuzz/multi", 4)],
    "proof of consistency": [(CORPUS / "merkle_proof_fuzz/consistency", 4)],
    "array of numpy": [
        (VECTORS / "tensor/f32.npy", 0),
        (VECTORS / "tensor/object_small.npy", 0),
    ],
    "tensors of torch": [(VECTORS / "tensor/tiny_activations.pt", 0)],
    "tensors": [
        (VECTORS / "tensor/small.safetensors", 0),
        (VECTORS / "tensor/f8.safetensors", 0),
    ],
    "response of SGLang": [(CORPUS / "tensor_engines_fuzz/response.json", 0)],
    "manifest of a model": [(VECTORS / "weights/manifest", 0)],
    "opening of a row of weights": [(VECTORS / "weights/last_row", 0)],
    "folder of a model": [(VECTORS / "audit/llama/model", 0)],
    "folder of convert": [(VECTORS / "tensor/seed_int_activations", 0)],
    "metadata of convert": [(VECTORS / "tensor/seed_int_activations/conversion_metadata.json", 0)],
    "folder of reshape": [(VECTORS / "tensor/seed_int_activations_hypercube", 0)],
    "metadata of reshape": [
        (VECTORS / "tensor/seed_int_activations_hypercube/hypercube_metadata.json", 0)
    ],
    "coefficients as text": [(CORPUS / "pipeline_coefficients_json_fuzz/good", 0)],
    "proofs as text": [(CORPUS / "pipeline_proofs_json_fuzz/cube", 0)],
    "TOPLOC proofs": [(CORPUS / "toploc_proof_fuzz/file", 2)],
    "TOPLOC signature": [(CORPUS / "toploc_signature_fuzz/good", 0)],
    "TOPLOC profile": [
        (VECTORS / "toploc/smollm2_vllm.profile", 0),
        (VECTORS / "toploc/smollm2_vllm_float32.profile", 0),
    ],
    "fingerprint of hidden states": [(CORPUS / "toploc_fingerprint_fuzz/same", 0)],
    "scores of layers": [
        (CORPUS / "layers_scores_fuzz/original", 0),
        (CORPUS / "layers_scores_fuzz/with_origin", 0),
    ],
    "selection of layers": [(CORPUS / "layers_results_fuzz/original", 0)],
    "spectra of layers": [(CORPUS / "layers_spectra_fuzz/three", 0)],
    "signed head of an audit log": [(VECTORS / "audit/run/head", 0)],
    "log of an audited run": [(VECTORS / "audit/run", 0)],
    "steps of an audited run": [(VECTORS / "audit/run/steps", 0)],
    "request of an audited run": [(VECTORS / "audit/request", 0)],
    "secret key of a verifier's audits": [(CORPUS / "audit_key_fuzz/key", 0)],
    "challenge of an audit": [(VECTORS / "audit/challenge", 0)],
    "openings of an audit": [(VECTORS / "audit/openings", 0)],
    "profile of audits": [(CORPUS / "audit_profile_fuzz/good", 0)],
    "packets of sampled products": [(CORPUS / "audit_packet_fuzz/accepted", 1)],
    "activations": [
        (VECTORS / "probe/rows.gotact", 0),
        (CORPUS / "probe_activations_fuzz/rows.json", 0),
    ],
    "unembedding": [
        (VECTORS / "probe/u.gotue", 0),
        (CORPUS / "probe_activations_fuzz/u.json", 0),
    ],
    "checkpoint": [(VECTORS / "probe/phi.gotgeo", 0)],
    "set of probes": [(VECTORS / "probe/set.json", 0), (CORPUS / "probe_set_fuzz/ours.json", 0)],
    "statement": [(VECTORS / "probe/a.statement", 0)],
    "attestation of the original": [
        (VECTORS / "probe/plain.json", 0),
        (VECTORS / "probe/legacy.json", 0),
    ],
    "file of rows": [(VECTORS / "probe/a.rows", 0)],
    "token ids": [(VECTORS / "probe/a.tokens", 0)],
    "evaluation": [(CORPUS / "probe_evidence_fuzz/evaluation", 0)],
    "causal plan": [(CORPUS / "probe_evidence_fuzz/plan", 0)],
    "causal results": [(CORPUS / "probe_evidence_fuzz/results", 0)],
    "profile": [(CORPUS / "probe_evidence_fuzz/profile", 0)],
    "labels": [(CORPUS / "probe_rows_fuzz/labels", 0)],
}
# What verbs make, or a few lines: under these names in the folder `made`.
MADE = {
    "six.srs": "SRS",
    "trimmed.srs": "SRS without its first levels",
    "six.vk": "verifier key",
    "run.safetensors": "capture",
    "rows.safetensors": "rows of vLLM",
    "old.pt": "tensors of an old torch",
    "x_polynomial": "folder of interpolate",
    "y_polynomial": "folder of interpolate",
    "x_polynomial/coefficients.safetensors": "coefficients",
    "x_commitment": "folder of commit",
    "x_commitment/commitment_results.json": "results of commit",
    "record": "record of a verifier's audits",
    "x.tree": "tree",
    "x.root": "public part of a tree",
    "x.opened": "proof from a tree",
}
# Of which a change need not show: texts that another reading of fits, and what has no decoder.
LOOSE = {"trust list", "labels", "tensors of an old torch", "results of commit"}


def test_every_kind_has_a_sample(tmp_path: Path) -> None:
    kinds = report(tmp_path, "show --kinds")["kinds"]
    listed = {one["kind"] for one in kinds if one["read_by"] == "assay"}
    assert listed == {*SAMPLES, *MADE.values()}
    assert all(f"{one['kind']}  " in done(tmp_path, "show --kinds") for one in kinds)


def samples() -> Iterator[object]:
    for kind, places in SAMPLES.items():
        for path, aside in places:
            yield pytest.param(kind, path, aside, id=f"{kind}: {path.parent.name}/{path.name}")


def laid(folder: Path, path: Path, aside: int) -> Path:
    """A copy in a folder of its own, as what lies beside a file may belong to it."""
    if path.is_dir():
        return Path(shutil.copytree(path, folder / path.name))
    beside = folder / "beside"
    if aside or CORPUS in path.parents:
        beside.mkdir()
        (beside / path.name).write_bytes(path.read_bytes()[aside:])
    else:
        shutil.copytree(path.parent, beside)
    copy = beside / path.name
    copy.chmod(0o600)  # as secret keys must be
    return copy


@pytest.mark.parametrize(("kind", "path", "aside"), list(samples()))
def test_each_kind_is_shown(kind: str, path: Path, aside: int, tmp_path: Path) -> None:
    check_shown(tmp_path, laid(tmp_path, path, aside), kind)


def check_shown(where: Path, file: Path, kind: str) -> None:
    before = listing(where)
    found = report(where, "show", file)
    assert (found["file"], found["kind"]) == (str(file), kind)
    assert len(found) > 2, "something of what it holds"
    lines = done(where, "show", file).splitlines()
    assert lines[0] == f"{file}: {kind}"
    assert [line.split()[0] for line in lines[1:]] == list(found)[2:]
    assert listing(where) == before


@pytest.mark.parametrize(("kind", "path", "aside"), list(samples()))
def test_a_broken_file_is_named_as_broken(
    kind: str, path: Path, aside: int, tmp_path: Path
) -> None:
    file = laid(tmp_path, path, aside)
    if file.is_dir():
        file = next(p for p in sorted(file.iterdir()) if p.name != "rows" and "_1" not in p.name)
        shown = file.parent
    else:
        shown = file
    data = file.read_bytes()
    file.write_bytes(data[: len(data) - max(2, len(data) // 10)])
    ended = run(tmp_path, "show", shown)
    if kind in LOOSE or (kind, ended.returncode) == ("spectra of layers", 0):
        return  # a file of spectra that was cut off within a record is as good as before it
    assert ended.returncode == FAILED, ended.stdout
    assert file.name in ended.stderr
    assert "no kind" not in ended.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that verbs make; do not change them."""
    where = tmp_path_factory.mktemp("made")
    done(where, "srs dev --axes 2,3 --seed 1 --out six.srs")
    done(where, "srs trim --srs six.srs --from-level 1 --out trimmed.srs")
    cube = np.arange(6, dtype=np.int64).reshape(2, 3)
    np.save(where / "x.npy", cube)
    np.save(where / "flat.npy", cube.ravel())
    done(where, "interpolate --npy x.npy --output-dir x_polynomial")
    done(where, "interpolate --npy x.npy --coeffs y_polynomial/coefficients.json")
    done(where, "commit --poly-dir x_polynomial --output-dir x_commitment")
    done(where, "tree build --values flat.npy --kind merkle --arities 2 --out x.tree --root x.root")
    done(where, "tree prove --tree x.tree --index 2 --out x.opened")
    for name, kind in (("run", "assay/capture/v1"), ("rows", "assay/vllm/rows/v1")):
        header = {"__metadata__": {"format": kind}}
        header |= {"layer_0": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
        text = json.dumps(header).encode()
        (where / f"{name}.safetensors").write_bytes(
            len(text).to_bytes(8, "little") + text + bytes(8)
        )
    record = where / "record"
    record.mkdir()
    outcomes = [f"{'ab' * 32} {head * 32} rejected missing\n" for head in ("cd", "ef", "ef")]
    (record / "outcomes").write_text("".join(outcomes))
    (record / f"{'cd' * 32}.challenge").write_bytes(b"")
    return where


@pytest.mark.parametrize("name", [name for name in MADE if name != "old.pt"])
def test_what_verbs_make_is_shown(name: str, made: Path) -> None:
    check_shown(made, made / name, MADE[name])


def test_fields_say_what_a_reader_asks_for(made: Path, tmp_path: Path) -> None:
    srs = report(made, "show six.srs")
    assert (srs["scheme"], srs["axes"], srs["trust"]) == ("tensor", [2, 3], "dev")
    assert srs["digest"] == report(made, "show six.vk")["digest"]
    assert report(made, "show trimmed.srs")["first_level"] == 1
    tally = report(made, "show record")["providers"]
    assert tally == [
        {"provider": "ab" * 32, "accepted": 0, "rejected": 2, "inconclusive": 0, "missing": 2}
    ]
    tensor = assay.encode({"a": np.arange(6, dtype=np.int32).reshape(2, 3)}, "int", "flat")
    commitment = assay.commit(tensor, assay.Srs.dev(tensor.axes, 1))
    commitment.write(tmp_path / "c")
    shown = report(tmp_path, "show c")
    assert (shown["digest"], shown["layers"]) == (commitment.digest, ["a"])
    commitment.open([(0, 1), (1, 2)]).write(tmp_path / "p")
    proofs = report(tmp_path, "show p")
    assert (proofs["proofs"], proofs["values"], proofs["verified"]) == (2, 2, None)


def test_of_a_secret_key_nothing_secret_is_shown(tmp_path: Path) -> None:
    done(tmp_path, "keygen --out key")
    secret = (tmp_path / "key").read_text().splitlines()[1]
    shown = done(tmp_path, "show key") + done(tmp_path, "show key --json")
    assert secret not in shown
    assert report(tmp_path, "show key")["key_id"] == report(tmp_path, "show key.pub")["key_id"]
    (tmp_path / "key").chmod(0o644)
    assert "key" in refused(tmp_path, "show key")


def test_a_file_of_an_old_torch_says_what_to_do(tmp_path: Path) -> None:
    old = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
    (tmp_path / "old.pt").write_bytes(old)
    for line in ("show old.pt", "commit --tensor old.pt --plan"):
        said = refused(tmp_path, line)
        assert "old.pt" in said
        assert "torch.save" in said


def test_what_is_of_no_kind_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.\n")
    (tmp_path / "b.json").write_text('{"format": "assay/unheard/v3"}')
    (tmp_path / "c.json").write_text('{"format": 3, "a": [1')
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for name in ("a.txt", "c.json", "empty", "folder"):
        line = refused(tmp_path, "show", name)
        assert name in line
        assert "--kinds" in line
    assert "assay/unheard/v3" in refused(tmp_path, "show b.json")
    assert "nowhere" in refused(tmp_path, "show nowhere")
    assert "--kinds" in refused(tmp_path, "show")


def test_an_old_version_is_refused_by_name(tmp_path: Path) -> None:
    data = bytearray((CORPUS / "claim_commitment_fuzz/model").read_bytes())
    data[8] = 1
    (tmp_path / "c").write_bytes(data)
    assert "version 1" in refused(tmp_path, "show c")
