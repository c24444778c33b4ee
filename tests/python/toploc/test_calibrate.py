"""A profile that is made of honest runs: bounds, what they exclude, and what they promise."""

from typing import Any

import pytest
import torch

import tiny_models
from assay import InputError, toploc
from assay.models import Engine
from assay.toploc import attacks
from assay.toploc.calibrating import Provider, Run, bounds_of, calibrate, rate_bound
from assay.toploc.chunks import Shape
from assay.toploc.producing import produce

K = 16
SHAPE = Shape(chunk=4, k=K)


@pytest.mark.parametrize(
    ("events", "trials", "bound"),
    [(0, 1, 0.95), (0, 59, 0.0495), (0, 300, 0.00994), (1, 10, 0.3942), (10, 10, 1.0)],
)
def test_a_rate_is_bounded_by_what_was_seen(events: int, trials: int, bound: float) -> None:
    assert rate_bound(events, trials) == pytest.approx(bound, rel=2e-3)


def honest_run(deviating: int, chunks: int) -> Run:
    """An answer of equal chunks, of which some are farther from the verifier's than the others."""
    rows = torch.randn((4, 200), generator=torch.manual_seed(3))
    noise = torch.randn(rows.shape, generator=torch.manual_seed(4)) * 0.01
    far = [rows * (1 + 30 * noise)] * deviating
    calm = [rows * (1 + noise)] * (chunks - deviating)
    own = rows.repeat(chunks, 1).bfloat16()
    proofs = toploc.build(torch.cat(far + calm).bfloat16(), chunk=4, k=K)
    found = toploc.compare(own, proofs, chunk=4, k=K)
    return Run(Provider(Engine(), 1), Engine(), [found], [0.01])


@pytest.mark.parametrize(
    ("deviating", "chunks", "margin", "share"),
    [
        (0, 16, 1.5, 0.125),
        # One chunk may deviate whatever the share, so that it says nothing about longer answers.
        (1, 2, 1.5, 0.125),
        (1, 16, 1.5, 0.125),
        (2, 16, 1.5, 1.5 * 2 / 16),
        (4, 16, 1.5, 1.5 * 4 / 16),
        (4, 16, 2.0, 2.0 * 4 / 16),
    ],
)
def test_the_share_of_chunks_that_deviate_in_honest_runs(
    deviating: int, chunks: int, margin: float, share: float
) -> None:
    calm, other = honest_run(0, chunks), honest_run(deviating, chunks)
    bounds = bounds_of([calm, other], [0], margin)
    assert bounds["deviating_share"] == pytest.approx(share)
    profile = toploc.Profile(name="honest", minimum_points=K, **bounds)
    assert toploc.deviating_chunks(other.comparisons[0], profile) == deviating
    assert toploc.decide(other.comparisons[0], profile)


@pytest.mark.parametrize(("tokens", "least"), [(8, K), (2, 8), (1, 5)])
def test_the_fewest_points_are_those_of_the_shortest_honest_answer(tokens: int, least: int) -> None:
    made = tiny_models.tiny("llama", torch.bfloat16)
    engine = Engine("bfloat16", "sdpa")
    found = calibrate(
        made, [[1 + i, 2, 3 + i, 4] for i in range(4)], name="short", max_new_tokens=tokens,
        providers=[Provider(engine, 1)], verifiers=[engine], shape=SHAPE,
    )  # fmt: skip
    # One row gives four points at most, and one token alone decides nothing.
    assert found.profile.minimum_points == least


def test_a_chunk_as_far_as_another_sequences_moves_no_bound_past_the_published() -> None:
    run = honest_run(0, 16)
    shape = (64, 200)
    other, rows = (torch.randn(shape, generator=torch.manual_seed(s)).bfloat16() for s in (5, 6))
    apart = toploc.compare(rows, toploc.build(other, chunk=4, k=K), chunk=4, k=K)
    # The last chunk alone is another sequence's.
    mixed = Run(run.provider, run.verifier, [[*run.comparisons[0][:-1], apart[-1]]], [0.01])
    assert toploc.statistics(mixed.comparisons[0]).worst_chunk_exponent_mismatches > 112 / 1.5
    assert bounds_of([mixed], [0], 1.5)["chunk_exponent_mismatches"] == 112
    # Where every chunk is, no bound would be left that other sequences do not meet.
    far = Run(run.provider, run.verifier, [apart], [0.01])
    with pytest.raises(InputError, match="another run would meet it"):
        bounds_of([far], [0], 1.5)


@pytest.mark.parametrize(("farthest", "bound"), [(0.3, 0.45), (0.4, None), (float("inf"), None)])
def test_a_fingerprint_too_far_away_gets_no_bound(farthest: float, bound: float | None) -> None:
    run = honest_run(0, 4)
    run.distances = [farthest]
    bounds = bounds_of([honest_run(0, 4), run], [0], 1.5)
    assert bounds["fingerprint_distance"] == (None if bound is None else pytest.approx(bound))
    assert toploc.Profile(name="honest", minimum_points=K, **bounds)


def test_answers_that_must_not_end_early() -> None:
    made = tiny_models.tiny("llama", torch.bfloat16)
    made.generation_config.eos_token_id = list(range(tiny_models.VOCAB // 2))
    prompts = [[1 + i, 2, 3 + i, 4] for i in range(4)]
    lengths = {}
    for least in (0, 8):
        found = calibrate(
            made,
            prompts,
            name="tiny",
            providers=[Provider(Engine("bfloat16", "sdpa"), 2)],
            verifiers=[Engine("bfloat16", "sdpa")],
            max_new_tokens=8,
            min_new_tokens=least,
            shape=SHAPE,
        )
        lengths[least] = [len(one) for one in found.runs[0].comparisons]
    assert min(lengths[0]) == 1
    assert lengths[8] == [2] * 4


def judged(made: Any, found: toploc.Produced, profile: Any) -> Any:
    own = toploc.recompute(made, found.prompt, found.output)
    return toploc.verify(own, found.proofs, profile, chunk=4, k=K)


def test_a_profile_of_honest_runs(tmp_path: Any) -> None:
    made = tiny_models.tiny("llama", torch.bfloat16)
    prompts = [[1 + i, 2, 3 + i, 4] for i in range(8)]
    told: list[tuple[int, int]] = []
    found = calibrate(
        made,
        prompts,
        name="tiny",
        providers=[
            Provider(Engine("bfloat16", "sdpa"), 1),
            Provider(Engine("bfloat16", "eager"), 3),
            Provider(Engine("float32", "sdpa"), 1),
        ],
        verifiers=[Engine("bfloat16", "sdpa")],
        max_new_tokens=8,
        shape=SHAPE,
        on_count=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert (found.learned, found.held_out) == (4, 4)
    assert found.profile.false_alarm_bound == pytest.approx(rate_bound(found.alarms, 4))
    # An answer that some run rejects is rejected; each run rejects as many as it does alone.
    assert max(run.alarms for run in found.runs) <= found.alarms
    assert [run.alarms for run in found.runs] == [
        sum(not toploc.decide(one, found.profile) for one in run.comparisons[1::2])
        for run in found.runs
    ]
    assert found.profile.name == "tiny"
    assert (found.profile.topk, found.profile.decode_batching_size) == (K, 4)
    # Those of the 4 prompts that the promise rests on, each once.
    assert (found.profile.honest_sequences, found.profile.honest_chunks) == (4, 4 * 2)
    seen = [s for run in found.runs for s in run.statistics[::2]]
    assert found.profile.mantissa_mean >= 1.5 * max(s.mantissa_mean for s in seen) - 1e-9
    assert made.config._attn_implementation == "sdpa"
    assert made.dtype == torch.bfloat16
    path = tmp_path / "tiny.profile"
    found.profile.save(str(path))
    (answer,) = produce(made, [[9, 9, 9]], max_new_tokens=8, shape=SHAPE)
    assert judged(made, answer, path)
    (answer,) = produce(attacks.another_model(made), [[9, 9, 9]], max_new_tokens=8, shape=SHAPE)
    assert judged(made, answer, path).outcome == "rejected"
    with pytest.raises(InputError, match="at least 4"):
        calibrate(made, prompts[:3], name="few")
    with pytest.raises(InputError, match="no verdict is given over 962"):
        calibrate(made, prompts, name="large", shape=Shape(32, 963))
