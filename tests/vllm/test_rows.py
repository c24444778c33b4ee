"""Proofs hold the rows that their own tokens were chosen from, whatever else runs."""

from pathlib import Path
from typing import Any

import pytest
import torch
from vllm import SamplingParams

import tiny_engines
from assay import InputError, Srs, models, toploc
from assay import vllm as proving
from tiny_engines import (
    BOUNDS,
    CHUNK,
    K,
    Recorder,
    check_fingerprint,
    check_layers,
    expected,
    noted,
    prompts,
    runner_of,
)

# Few blocks, so that requests are preempted; few tokens in a pass, so that prompts come in pieces.
BLOCKS = 34
IN_A_PASS = 48

# Of tokens that are committed to; some answers have more.
MOST = 100
TOO_LONG = "it has more than 100 tokens, for which the SRS is"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_engines.small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def llm(folder: Path) -> Any:
    return tiny_engines.engine(
        folder,
        assay=tiny_engines.with_layers(folder.parent, MOST, fingerprint=True),
        max_num_seqs=32,
        max_num_batched_tokens=IN_A_PASS,
        num_gpu_blocks_override=BLOCKS,
        block_size=32,
        enable_prefix_caching=True,
    )


@pytest.fixture(scope="module")
def verifier(folder: Path) -> Any:
    return models.load(str(folder), models.Engine("bfloat16", "sdpa", "cpu")).model


def counts(llm: Any) -> Any:
    (status,) = llm.collective_rpc("assay_status")
    return status["counts"]


def check(llm: Any, recorder: Recorder, outputs: list[Any], names: Any) -> list[Any]:
    """Each answer's proofs are those of its own rows."""
    found = proving.proofs(llm, outputs)
    srs = Srs.open(llm.llm_engine.vllm_config.additional_config["assay"]["srs"])
    for number, (output, answers) in enumerate(zip(outputs, found, strict=True)):
        for completion, answer in zip(output.outputs, answers, strict=True):
            assert answer.reason == ""
            signature = answer.signature
            assert signature.output_token_ids == list(completion.token_ids)
            assert signature.prompt_token_ids == list(output.prompt_token_ids)
            place = (
                names[output.request_id, completion.index],
                len(output.prompt_token_ids),
                len(completion.token_ids),
            )
            rows = recorder.of(*place)
            assert answer.proofs == expected(rows)
            check_fingerprint(answer, rows)
            if len(rows) > MOST:
                assert answer.without == {"commitment": TOO_LONG}
            else:
                check_layers(answer, recorder.layers_of(*place), None if number % 10 else srs)
    return found


def generate(llm: Any, asked: Any, settings: Any) -> tuple[Recorder, list[Any], Any]:
    with Recorder(runner_of(llm), blocks=True) as recorder:
        outputs = llm.generate(asked, settings, use_tqdm=False)
    return recorder, outputs, noted(llm)


@pytest.fixture
def preempted(llm: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    seen: list[str] = []
    preempt = scheduler._preempt_request

    def count(request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(request.request_id)
        return preempt(request, *args, **kwargs)

    monkeypatch.setattr(scheduler, "_preempt_request", count)
    return seen


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_500_requests_under_all_that_moves_them(
    llm: Any, verifier: Any, preempted: list[str], temperature: float
) -> None:
    asked = prompts(250, [3, 17, 40, 90, 1, 64], seed=int(temperature))
    shared = asked[3]["prompt_token_ids"][:48]
    for one in asked[5::7]:
        one["prompt_token_ids"] = shared + one["prompt_token_ids"][:20]
    settings = [
        SamplingParams(temperature=temperature, max_tokens=1 + (13 * i) % (57 if i % 9 else 150))
        for i in range(len(asked))
    ]
    recorder, outputs, names = generate(llm, asked, settings)
    found = check(llm, recorder, outputs, names)
    # All of what was to be tried did happen.
    assert preempted
    assert max(recorder.batches) > 16
    assert any(answers[0].missing_prompt_rows > 0 for answers in found)
    assert any(len(one["prompt_token_ids"]) > IN_A_PASS for one in asked)
    assert any(answer.without for (answer,) in found)
    verdicts: dict[str, int] = {}
    rejected = 0
    for (answer,) in found:
        signature = answer.signature
        if len(signature.output_token_ids) < 2:
            continue
        own = toploc.recompute(verifier, signature.prompt_token_ids, signature.output_token_ids)
        verdict = toploc.verify(own, signature.proofs, BOUNDS, chunk=CHUNK, k=K)
        # A few of the shortest have rows that are all alike.
        word = "accepted" if verdict else f"{verdict.outcome}: {verdict.step}"
        verdicts[word] = verdicts.get(word, 0) + 1
        seed = answer.fingerprint_seed
        judged = toploc.fingerprint.verify(answer.fingerprint, own, seed, BOUNDS)
        rejected += judged.outcome == "rejected"
    assert verdicts.keys() <= {"accepted", "inconclusive: states"}
    assert verdicts["accepted"] > 0.95 * sum(verdicts.values())
    assert rejected == 0
    assert counts(llm)["broken"] == 0
    assert (counts(llm)["held"], counts(llm)["held_bytes"]) == (0, 0)


def test_tokens_are_those_without_proofs(llm: Any) -> None:
    asked = prompts(24, [5, 30, 60], seed=3)
    settings = SamplingParams(temperature=0, max_tokens=40)
    llm.reset_prefix_cache()
    with_proofs = llm.generate(asked, settings, use_tqdm=False)
    assert all(answer.signature for (answer,) in proving.proofs(llm, with_proofs))
    llm.reset_prefix_cache()
    with tiny_engines.unfollowed(runner_of(llm)):
        plain = llm.generate(asked, settings, use_tqdm=False)
    for one, other in zip(with_proofs, plain, strict=True):
        assert one.outputs[0].token_ids == other.outputs[0].token_ids
    (answer,) = proving.proofs(llm, plain[:1])[0]
    assert answer.reason == "no rows of such a request are held"


def test_a_pause_leaves_no_proofs(llm: Any) -> None:
    asked, settings = prompts(4, [5, 60], seed=8), SamplingParams(temperature=0, max_tokens=40)
    llm.collective_rpc("assay_pause", args=(True,))
    assert not runner_of(llm).use_aux_hidden_state_outputs
    plain = llm.generate(asked, settings, use_tqdm=False)
    llm.collective_rpc("assay_pause", args=(False,))
    for (answer,) in proving.proofs(llm, plain):
        assert answer.reason == "no rows of such a request are held"
    recorder, outputs, names = generate(llm, asked, settings)
    check(llm, recorder, outputs, names)


def test_tokens_that_come_later_than_their_rows(llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asynchronous outputs, as devices other than the CPU give them."""
    from vllm.v1.outputs import AsyncModelRunnerOutput

    from assay.vllm.passes import Begun, Chosen, Follower, Handed, follow

    told: dict[tuple[str, int], torch.Tensor] = {}

    class Telling(Follower):
        def begin(self, request: Begun) -> None:
            pass

        def chosen(self, rows: torch.Tensor, chosen: Any) -> None:
            for name, position, start, tokens in map(Chosen._make, chosen):
                for i in range(len(tokens)):
                    told[name, position + i] = rows[start + i, 0].clone()

        def close(self, name: str) -> None:
            pass

        def broken(self, error: Exception) -> None:
            raise AssertionError from error

    class Later(AsyncModelRunnerOutput):
        def __init__(self, output: Any) -> None:
            self._output, self._before = output, len(told)

        def get_output(self) -> Any:
            assert len(told) == self._before  # nothing is told until the engine asks
            return self._output

    executor = llm.llm_engine.engine_core.engine_core.model_executor
    worker = executor.driver_worker.worker
    runner = worker.model_runner
    sample = runner.sample_tokens
    monkeypatch.setattr(runner, "execute_model", runner.execute_model)
    monkeypatch.setattr(runner, "sample_tokens", lambda grammar: Later(sample(grammar)))
    follow(worker, Telling(), Handed((1,), (1,)))  # what the fixture's settings lead to
    recorder, outputs, names = generate(
        llm, prompts(6, [5, 60, 17], seed=12), SamplingParams(temperature=0, max_tokens=20)
    )
    monkeypatch.undo()
    places = [
        (names[one.request_id, 0], len(one.prompt_token_ids) - 1 + i)
        for one in outputs
        for i in range(20)
    ]
    assert set(places) == set(told)
    assert all(torch.equal(told[place], recorder.rows[place]) for place in places)
    check(llm, recorder, outputs, names)


def test_several_answers_to_a_prompt(llm: Any) -> None:
    settings = SamplingParams(temperature=1.0, max_tokens=30, n=4)
    recorder, outputs, names = generate(llm, prompts(5, [7, 20]), settings)
    found = check(llm, recorder, outputs, names)
    assert [[one.choice for one in answers] for answers in found] == [[0, 1, 2, 3]] * 5
    proofs = [tuple(one.proofs) for answers in found for one in answers]
    assert len(set(proofs)) == len(proofs)


def test_texts_and_tokens_that_end_an_answer(llm: Any) -> None:
    asked = prompts(8, [6, 33], seed=9)
    plain = llm.generate(asked, SamplingParams(temperature=0, max_tokens=60), use_tqdm=False)
    proving.proofs(llm, plain)
    settings = []
    for index, output in enumerate(plain):
        token = output.outputs[0].token_ids[20 + index]
        if index % 2:
            settings.append(SamplingParams(temperature=0, max_tokens=60, stop_token_ids=[token]))
        else:
            stop = [f"w{token} "]
            settings.append(SamplingParams(temperature=0, max_tokens=60, stop=stop))
    recorder, outputs, names = generate(llm, asked, settings)
    check(llm, recorder, outputs, names)
    lengths = [len(output.outputs[0].token_ids) for output in outputs]
    assert min(lengths) < 60
    assert {output.outputs[0].finish_reason for output in outputs} >= {"stop"}


def test_prompt_logprobs_do_not_disturb(llm: Any, verifier: Any) -> None:
    settings = SamplingParams(temperature=0, max_tokens=20, prompt_logprobs=1, logprobs=2)
    outputs = llm.generate(prompts(6, [50, 9], seed=11), settings, use_tqdm=False)
    for (answer,) in proving.proofs(llm, outputs):
        signature = answer.signature
        own = toploc.recompute(verifier, signature.prompt_token_ids, signature.output_token_ids)
        assert toploc.verify(own, signature.proofs, BOUNDS, chunk=CHUNK, k=K)


def test_an_aborted_request_leaves_nothing(llm: Any) -> None:
    engine = llm.llm_engine
    settings = SamplingParams(temperature=0, max_tokens=50)
    for index, one in enumerate(prompts(4, [10], seed=2)):
        engine.add_request(f"mine-{index}", one, settings)
    for _ in range(12):
        engine.step()
    engine.abort_request(["mine-1", "mine-3"])
    outputs = []
    while engine.has_unfinished_requests():
        outputs += [one for one in engine.step() if one.finished]
    found = dict(
        zip([one.request_id for one in outputs], proving.proofs(llm, outputs), strict=True)
    )
    assert all(found[name][0].signature for name in ("mine-0", "mine-2"))


def test_a_name_that_is_asked_twice(llm: Any) -> None:
    engine = llm.llm_engine
    settings = SamplingParams(temperature=0, max_tokens=12)
    one, other = prompts(2, [10, 11], seed=4)
    with Recorder(runner_of(llm)) as recorder:
        engine.add_request("same", one, settings)
        engine.add_request("same", other, settings)
        outputs = []
        while engine.has_unfinished_requests():
            outputs += [each for each in engine.step() if each.finished]
    assert [each.request_id for each in outputs] == ["same", "same"]
    for output in outputs:
        ((answer,),) = proving.proofs(llm, [output])
        tokens = output.outputs[0].token_ids
        length = len(output.prompt_token_ids)
        firsts = {
            name: min(at for of, at in recorder.rows if of == name) for name, _ in recorder.rows
        }
        (name,) = (name for name, first in firsts.items() if first == length - 1)
        assert answer.proofs == expected(recorder.of(name, length, len(tokens)))
        assert answer.signature.prompt_token_ids == output.prompt_token_ids


def test_proofs_are_given_once(llm: Any) -> None:
    outputs = llm.generate(prompts(1, [4]), SamplingParams(max_tokens=3), use_tqdm=False)
    assert proving.proofs(llm, outputs)[0][0].signature
    (answer,) = proving.proofs(llm, outputs)[0]
    assert "given before" in answer.reason
    with pytest.raises(InputError, match="the answer has none"):
        _ = answer.proofs


def test_a_pass_that_is_not_as_it_is_known_costs_proofs_alone(
    llm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.vllm import passes

    def changed(*_: Any) -> Any:
        raise InputError("unsupported", "vLLM", "no longer so")

    before = counts(llm)["broken"]
    monkeypatch.setattr(passes, "_places", changed)
    outputs = llm.generate(prompts(3, [4]), SamplingParams(max_tokens=3), use_tqdm=False)
    monkeypatch.undo()
    assert [len(output.outputs[0].token_ids) for output in outputs] == [3, 3, 3]
    for (answer,) in proving.proofs(llm, outputs):
        assert answer.reason == "a pass could not be followed: vLLM: no longer so"
    assert counts(llm)["broken"] == before + 3
    again = llm.generate(prompts(3, [4]), SamplingParams(max_tokens=3), use_tqdm=False)
    assert all(answer.signature for (answer,) in proving.proofs(llm, again))


def test_embeddings_are_refused_by_request(llm: Any) -> None:
    from assay.vllm.passes import begun_of

    class New:
        req_id = "a"
        prompt_token_ids = None
        prompt_embeds = torch.zeros(3, 4)
        mm_features = ()
        sampling_params = SamplingParams()
        num_computed_tokens = 0

    assert "embeddings" in begun_of(New).refused
    New.prompt_token_ids, New.prompt_embeds, New.mm_features = [1], None, ("an image",)
    assert "more than text" in begun_of(New).refused


def test_a_front_that_fails_costs_proofs_alone(llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.vllm import fronts

    def failing(*_: Any) -> None:
        raise RuntimeError("of no matter to others")

    monkeypatch.setitem(fronts._LISTENING, llm.llm_engine.output_processor, failing)
    outputs = llm.generate(prompts(2, [4]), SamplingParams(max_tokens=3), use_tqdm=False)
    assert [len(output.outputs[0].token_ids) for output in outputs] == [3, 3]
    monkeypatch.undo()
    for (answer,) in proving.proofs(llm, outputs):
        assert answer.reason == "no such answer is known, or its proofs were given before"
