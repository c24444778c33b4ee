"""Rows of layers that an engine commits to, beside a capture by transformers' own hooks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load
from vllm import SamplingParams

import assay
import tiny_engines
from assay import DecodeError, InputError, Srs, models, toploc
from assay import vllm as proving
from assay.vllm import passes
from assay.vllm.committing import Committer, plan_for
from tiny_engines import LAYERS, WIDTH, prompts, runner_of

MOST = 48
# Of a row in float32, relative to its length: both engines round sums of a few hundred terms.
NEAR = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_engines.small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def asked(folder: Path) -> dict[str, Any]:
    return tiny_engines.with_layers(folder.parent, MOST, fingerprint=True)


@pytest.fixture(scope="module")
def llm(folder: Path, asked: dict[str, Any]) -> Any:
    return tiny_engines.engine(
        folder,
        assay=asked,
        dtype="float32",
        max_num_seqs=8,
        max_num_batched_tokens=32,
        enable_prefix_caching=True,
    )


@pytest.fixture(scope="module")
def answers(llm: Any) -> list[Any]:
    settings = [SamplingParams(temperature=i % 2, max_tokens=7 * i + 6) for i in range(7)]
    outputs = llm.generate(prompts(7, [50, 3, 9]), settings, use_tqdm=False)
    found = [answer for (answer,) in proving.proofs(llm, outputs)]
    assert [len(one.signature.output_token_ids) for one in found] == list(range(6, 49, 7))
    return found


@pytest.fixture(scope="module")
def verifier(folder: Path) -> Any:
    return models.load(str(folder), models.Engine("float32", "sdpa", "cpu")).model


def test_rows_are_those_that_hooks_of_transformers_see(answers: list[Any], verifier: Any) -> None:
    for answer in answers:
        own, kept = tiny_engines.captured(verifier, answer.signature), load(answer.rows)
        assert own.keys() == kept.keys()
        for name, rows in own.items():
            assert kept[name].dtype == torch.float32
            apart = (kept[name] - rows).norm(dim=-1) / rows.norm(dim=-1)
            assert apart.max() < NEAR
            # Rows of the token before or behind are farther than that by orders of magnitude.
            moved = (kept[name][:, 1:] - rows[:, :-1]).norm(dim=-1) / rows[:, :-1].norm(dim=-1)
            assert moved.min() > 1000 * NEAR


def test_a_commitment_opens_to_the_rows(answers: list[Any], asked: dict[str, Any]) -> None:
    srs = Srs.open(asked["srs"])
    for answer in answers:
        header = answer.commitment.header
        assert (header.capture_mode, header.dtype, header.encoding) == ("decode", "float32", "bits")
        assert [(one.name, one.tap) for one in header.layers] == [
            ("layer_0", "block:0"),
            ("layer_1", "final_norm"),
        ]
        tensor = proving.kept_tensor(answer.rows, answer.commitment)
        count = len(answer.signature.output_token_ids)
        value = load(answer.rows)["layer_0"][0, count - 1, 5].view(torch.int32)
        at = answer.commitment.point_of("layer_0", (0, count - 1, 5))
        challenge = assay.Challenge.draw(answer.commitment, 3)
        for asked_for in (challenge, [at]):
            proofs = answer.commitment.open(asked_for, tensor, srs)
            verdict = assay.verify(
                answer.commitment,
                proofs,
                srs.verifier_key,
                challenge=asked_for if asked_for is challenge else None,
                captured=tensor,
            )
            assert verdict.outcome != "rejected", verdict
        assert proofs[0].value == int(value)


def test_fingerprints_are_judged_by_the_answers_own_seed(answers: list[Any], verifier: Any) -> None:
    bounds = toploc.Profile(
        **{**_fields(toploc.Profile.published()), "fingerprint_distance": 0.001}
    )
    for answer, other in zip(answers, [*answers[1:], answers[0]], strict=True):
        signature = answer.signature
        own = toploc.recompute(verifier, signature.prompt_token_ids, signature.output_token_ids)
        seed = answer.fingerprint_seed
        assert toploc.fingerprint.verify(answer.fingerprint, own, seed, bounds)
        assert not toploc.fingerprint.verify(answer.fingerprint, own + 0.01, seed, bounds)
        judged = toploc.fingerprint.verify(answer.fingerprint, own, other.fingerprint_seed, bounds)
        assert judged.step == "seed"


def _fields(profile: Any) -> dict[str, Any]:
    import json

    fields = json.loads(profile.to_json())
    del fields["format"]
    return fields


def test_an_answer_of_more_tokens_has_none_and_says_so(llm: Any) -> None:
    outputs = llm.generate(prompts(2, [4]), SamplingParams(max_tokens=MOST + 1), use_tqdm=False)
    for (answer,) in proving.proofs(llm, outputs):
        assert answer.commitment is None
        assert answer.rows is None
        assert answer.without == {"commitment": "it has more than 48 tokens, for which the SRS is"}
        # The seed is then of the proofs alone.
        assert toploc.fingerprint.Fingerprint.from_bytes(answer.fingerprint).seed == (
            answer.fingerprint_seed
        )


def test_rows_that_are_not_where_they_should_be_cost_proofs_alone(
    llm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = passes._places

    def shifted(scheduled: Any) -> Any:
        return {
            name: place._replace(fed=place.fed + (place.fed > 1))
            for name, place in places(scheduled).items()
        }

    monkeypatch.setattr(passes, "_places", shifted)
    outputs = llm.generate(prompts(3, [9]), SamplingParams(max_tokens=3), use_tqdm=False)
    monkeypatch.undo()
    for (answer,) in proving.proofs(llm, outputs):
        assert answer.signature is None
        assert "a pass could not be followed" in answer.reason


def test_what_is_kept_is_read_strictly(answers: list[Any]) -> None:
    one, other = answers[0], answers[1]
    with pytest.raises(DecodeError, match="rows"):
        proving.kept_tensor(b"none", one.commitment)
    kept = load(one.rows)
    from safetensors.torch import save

    for wrong, reason in (
        ({"layer_0": kept["layer_0"]}, "of other layers"),
        ({**kept, "layer_1": kept["layer_1"][..., :-1].contiguous()}, "of shape"),
        ({**kept, "layer_1": kept["layer_1"][0]}, "of shape"),
    ):
        with pytest.raises(InputError, match=reason):
            proving.kept_tensor(save(wrong), one.commitment)
    # Another answer's rows do not open it.
    tensor = proving.kept_tensor(other.rows, one.commitment)
    assert tensor.axes == one.commitment.header.axes


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"layers": "7"}, "7"),
        ({"layers": "0"}, "it is for the axes"),
        ({"srs": "/none"}, "No such file"),
    ],
)
def test_what_cannot_be_committed_to_stops_the_engine(
    folder: Path, asked: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        tiny_engines.engine(folder, assay={**asked, **change}, dtype="float32")
    assert "\n" not in str(caught.value)


def test_a_model_that_hands_on_nothing(llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker
    with pytest.raises(InputError, match="for another's sake"):
        passes.hand_on(worker, (0,))
    monkeypatch.setattr(worker.model_runner, "use_aux_hidden_state_outputs", False)
    kind = type(worker.get_model())
    monkeypatch.setattr(kind, "set_aux_hidden_state_layers", lambda *_: None)
    with pytest.raises(InputError, match="does not hand on what its blocks give"):
        passes.hand_on(worker, (0,))
    monkeypatch.undo()
    assert runner_of(llm).use_aux_hidden_state_outputs


def test_rows_that_cannot_be_committed_to(asked: dict[str, Any]) -> None:
    plan = plan_for(proving.settings_from(asked), LAYERS, WIDTH, torch.float32)
    assert plan is not None
    committer = Committer(plan, True)
    rows = models.Rows(torch.full((2, WIDTH), torch.nan), (models.Span(7, 2, 0, 2),))
    committer.begin(7, [1, 2, 3])
    for tap in range(LAYERS):
        committer.rows(tap, rows)
    committer.end(7, [4, 5])
    committer._thread.shutdown()
    found = committer.result(7)
    assert found is not None
    assert found.commitment == b""
    assert "layer_0" in found.reason
    assert committer.waiting_bytes == 0
