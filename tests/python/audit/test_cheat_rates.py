"""How often a cheat is found when one token is opened, and that it is as often as the formulas say.

The fast tests are of a small model and few requests; `make soak` runs 200 of each.
"""

import math
import random
from collections.abc import Iterator

import pytest
import torch
from transformers import PreTrainedModel

from assay import _core
from assay.audit.calibrating import HonestRuns
from audit_cheats import (
    changed,
    coarse_cache,
    fp8,
    integers,
    llama,
    now_and_then,
    shortened,
    skipping,
)

TOKENS = 32
FEW = 12
MANY = 200


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HonestRuns]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield HonestRuns(llama(1), tmp_path_factory.mktemp("honest"))
    torch.set_num_threads(before)


def prompts(count: int) -> list[list[int]]:
    draw = random.Random(5)
    return [[draw.randrange(1, 300) for _ in range(draw.randrange(4, 9))] for _ in range(count)]


def outcomes(
    honest: HonestRuns,
    measurer: _core.AuditMeasurer,
    model: PreTrainedModel | None,
    requests: int,
    *,
    opened: int = 1,
    blocks: int = 0,
) -> list[str]:
    """Of each request the outcome, and the step, when so many tokens and blocks are drawn."""
    draw = random.Random(6)
    found = []
    for run in honest.record(prompts(requests), max_new_tokens=TOKENS, batch=50, model=model):
        assert len(run.output) == TOKENS
        steps = draw.sample(range(TOKENS), opened)
        drawn = draw.sample(range(honest.blocks), blocks)
        outcome = honest.measure(run, measurer, steps=steps, blocks=drawn).outcome
        found.append(outcome.split(":")[0])
    return found


def cheats(model: PreTrainedModel) -> dict[str, tuple[PreTrainedModel, str]]:
    """Another model in place of this one, and the step at which a key finds it."""
    return {
        "int8 by channel": (changed(model, integers(8)), "product"),
        "int8 by groups of 128": (changed(model, integers(8, 128)), "product"),
        "fp8": (changed(model, fp8), "product"),
        "int4": (changed(model, integers(4, 128)), "product"),
        "a skipped block": (skipping(model, 2), "product"),
        "fewer blocks": (shortened(model, 3), "head"),
        "another model": (llama(2), "product"),
    }


REQUESTS = [FEW, pytest.param(MANY, marks=pytest.mark.soak)]


@pytest.mark.parametrize("requests", REQUESTS)
def test_honest_runs_are_accepted(honest: HonestRuns, requests: int) -> None:
    for vectors in (0, 8):
        measurer = honest.measurer(vectors)
        assert set(outcomes(honest, measurer, None, requests, blocks=2)) == {"accepted"}


@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.parametrize("name", cheats(llama(1, num_hidden_layers=4)))
def test_one_token_and_a_key_reject_every_request(
    honest: HonestRuns, name: str, requests: int
) -> None:
    model, step = cheats(honest.model)[name]
    found = outcomes(honest, honest.measurer(8), model, requests)
    assert found == [f"rejected {step}"] * requests


@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.parametrize("bits", [10, 12])
def test_one_token_and_the_weights_reject_finer_integers(
    honest: HonestRuns, bits: int, requests: int
) -> None:
    model = changed(honest.model, integers(bits))
    found = outcomes(honest, honest.measurer(0), model, requests)
    assert found == ["rejected product"] * requests


def within(count: int, requests: int, chance: float) -> bool:
    """Whether a count is within four standard deviations of a binomial one."""
    return abs(count - requests * chance) <= 4 * math.sqrt(requests * chance * (1 - chance)) + 1


@pytest.mark.parametrize("requests", [40, pytest.param(MANY, marks=pytest.mark.soak)])
@pytest.mark.parametrize("opened", [1, 3, 8])
def test_a_share_of_the_tokens_is_found_as_often_as_the_formula_says(
    honest: HonestRuns, opened: int, requests: int
) -> None:
    cheated = set(range(2, TOKENS, 4))
    share = len(cheated) / TOKENS
    with now_and_then(honest.model, integers(4), cheated):
        # One batch: passes are counted from the first.
        draw = random.Random(7)
        measurer = honest.measurer(8)
        runs = honest.record(prompts(requests), max_new_tokens=TOKENS, batch=requests)
        count = 0
        for run in runs:
            steps = set(draw.sample(range(TOKENS), opened))
            outcome = honest.measure(run, measurer, steps=sorted(steps), blocks=[]).outcome
            # One that is drawn is found, and no other is.
            assert outcome.startswith("rejected product" if steps & cheated else "accepted")
            count += outcome != "accepted"
    missed = math.comb(TOKENS - len(cheated), opened) / math.comb(TOKENS, opened)
    assert missed <= (1 - share) ** opened
    assert within(count, requests, 1 - missed)


@pytest.mark.parametrize("requests", [40, pytest.param(MANY, marks=pytest.mark.soak)])
@pytest.mark.parametrize("coarse", [1, 2, 4])
def test_keys_and_values_in_8_bits_are_found_in_the_blocks_that_are_drawn(
    honest: HonestRuns, coarse: int, requests: int
) -> None:
    measurer = honest.measurer(8)
    with coarse_cache(set(range(coarse))):
        found = outcomes(honest, measurer, None, requests, blocks=2)
    assert set(found) <= {"accepted", "rejected attention"}
    missed = math.comb(honest.blocks - coarse, 2) / math.comb(honest.blocks, 2)
    # (1 - f)^n is for draws with replacement, and so no less.
    assert missed <= (1 - coarse / honest.blocks) ** 2
    assert within(found.count("rejected attention"), requests, 1 - missed)
