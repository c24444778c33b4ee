"""What a direction does to the next token: measured on a model that was built for it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from assay import InputError, _core
from assay.models import CachedPrompt
from assay.probe.causal import Direction, Measurer, functional, measure, moves_of, write_results
from assay.probe.directions import normal_numbers, random_directions
from assay.probe.plans import FORMAT, Plan
from probe_models import LAYER, NEGATIVE, POSITIVE, Built, built, plan

WIDTH = 32
GEOMETRY = np.eye(WIDTH)


@pytest.fixture(scope="module")
def model() -> Built:
    return built()


def direction(along: NDArray[np.float64], rows: NDArray[np.float32]) -> Direction:
    return Direction(along, along, float((rows @ along).std()))


def raw_numbers(model: Built, along: NDArray[np.float64], asked: Plan) -> dict[str, list[Any]]:
    moves = moves_of(direction(along, model.rows), GEOMETRY, model.rows, asked)
    return measure(Measurer(model.model, LAYER, asked, moves), asked)


def judged(raw: dict[str, Any], asked: Plan, where: Path) -> _core.Verdict:
    """By the room's own rules, from files."""
    written = {
        "format": FORMAT,
        **{
            field.name: getattr(asked, field.name)
            for field in dataclasses.fields(asked)
            if field.name != "digest"
        },
    }
    (where / "plan.json").write_text(json.dumps(written, indent=2) + "\n")
    from assay.probe.plans import read_plan

    write_results(
        where / "results.json", raw, read_plan(where / "plan.json"),
        probe_set_sha256="00" * 32, model_id="made", layer=LAYER,
    )  # fmt: skip
    return _core.probe_causal_verdict(str(where / "results.json"), str(where / "plan.json"))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_direction_that_is_used_passes(sign: float, model: Built, tmp_path: Path) -> None:
    raw = raw_numbers(model, sign * model.used, plan())
    verdict = judged(raw, plan(), tmp_path)
    assert verdict, (verdict.step, verdict.reason)
    rising = np.polyfit(plan().alphas, np.mean(raw["dose"], axis=0), 1)[0]
    assert sign * rising > 1


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_direction_that_is_not_used_fails(sign: float, model: Built, tmp_path: Path) -> None:
    verdict = judged(raw_numbers(model, sign * model.unused, plan()), plan(), tmp_path)
    assert verdict.outcome == "rejected"
    assert verdict.step in ("causal effect", "direction")


def test_of_random_directions_at_most_two_in_a_hundred_pass(model: Built, tmp_path: Path) -> None:
    # 300 directions: each of 100 stands as the probe's own among the other 200.
    asked = plan(300)
    moves = moves_of(direction(model.used, model.rows), GEOMETRY, model.rows, asked)
    measurer = Measurer(model.model, LAYER, asked, moves, batch=512)
    found = [measurer.prompt(index) for index in range(len(asked.prompts))]
    dose = np.array([one.dose[1:] for one in found])  # prompts, directions, alphas
    ablated = np.array([one.ablated[1:] for one in found])
    few = plan(200)
    passed = 0
    for candidate in range(100):
        raw = {
            "dose": dose[:, candidate].tolist(),
            "random_dose": dose[:, 100:].mean(axis=0).tolist(),
            "ablated": ablated[:, candidate].tolist(),
            "random_ablated": ablated[:, 100:].mean(axis=0).tolist(),
            "neutral_kl": [0.0, 0.0],
        }
        passed += bool(judged(raw, few, tmp_path))
    assert passed <= 2


def test_the_functional_is_the_log_odds_of_two_sets() -> None:
    logits = torch.randn(3, 40, generator=torch.Generator().manual_seed(1))
    odds = logits.double().exp()
    theirs = (odds[:, list(POSITIVE)].sum(1) / odds[:, list(NEGATIVE)].sum(1)).log()
    np.testing.assert_allclose(functional(logits, plan()), theirs.numpy())


def test_a_shift_moves_the_reading_by_standard_deviations(model: Built) -> None:
    generator = np.random.default_rng(8)
    root = generator.standard_normal((WIDTH, WIDTH))
    geometry = root @ root.T
    vector = generator.standard_normal(WIDTH)
    covector = geometry @ vector
    sd = float((model.rows @ covector).std())
    asked = plan()
    moves = moves_of(Direction(covector, vector, sd), geometry, model.rows, asked)
    assert covector @ moves.steps[0] == pytest.approx(sd)
    # Random ones are as long, by Phi.
    lengths = np.sqrt(np.einsum("ij,jk,ik->i", moves.steps, geometry, moves.steps))
    np.testing.assert_allclose(lengths, lengths[0])
    # What takes a direction out leaves nothing of it, but the mean's part.
    here = model.rows[3].astype(float)
    for step, reader in zip(moves.steps, moves.readers, strict=True):
        out = here - (reader @ (here - moves.middle)) * step
        assert reader @ (out - moves.middle) == pytest.approx(0, abs=1e-9)


def test_numbers_are_those_of_one_move_after_another(model: Built) -> None:
    asked = plan()
    moves = moves_of(direction(model.used, model.rows), GEOMETRY, model.rows, asked)
    found = Measurer(model.model, LAYER, asked, moves, batch=7).prompt(2, [0, 5])
    prompt = CachedPrompt(model.model, asked.prompts[2], LAYER)
    here = prompt.residual.double().numpy()
    for at, which in enumerate((0, 5)):
        for column, alpha in enumerate(asked.alphas):
            move = torch.from_numpy(alpha * moves.steps[which]).float()[None]
            one = functional(prompt.moved(move), asked)
            np.testing.assert_allclose(found.dose[at, column], one[0], rtol=1e-4, atol=1e-5)
        taken = -(moves.readers[which] @ (here - moves.middle)) * moves.steps[which]
        one = functional(prompt.moved(torch.from_numpy(taken).float()[None]), asked)
        np.testing.assert_allclose(found.ablated[at], one[0], rtol=1e-4, atol=1e-5)


def test_the_divergence_on_neutral_prompts(model: Built) -> None:
    asked = plan()
    moves = moves_of(direction(model.used, model.rows), GEOMETRY, model.rows, asked)
    found = Measurer(model.model, LAYER, asked, moves).neutral(0)
    prompt = CachedPrompt(model.model, asked.neutral[0], LAYER)
    worst = 0.0
    own = torch.softmax(prompt.logits.double(), 0)
    for alpha in (-2, 2):
        logits = prompt.moved(torch.from_numpy(alpha * moves.steps[:1]).float())
        other = torch.softmax(logits[0].double(), 0)
        worst = max(worst, float((own * (own / other).log()).sum()))
    assert found == pytest.approx(worst)
    assert found > 0.01


def test_random_directions_have_the_covariance_of_the_rows() -> None:
    generator = np.random.default_rng(5)
    rows = (generator.standard_normal((60, 4)) @ generator.standard_normal((4, 4)) + 9).astype("f4")
    drawn = random_directions(rows, 20_000, 3)
    wanted = np.cov(rows.T.astype(float))
    np.testing.assert_allclose(np.cov(drawn.T), wanted, atol=0.05 * np.abs(wanted).max())
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.05 * np.sqrt(wanted.max()))


def test_random_directions_are_the_same_everywhere() -> None:
    # By SHAKE-256 and Box and Muller, worked out apart.
    import hashlib
    import math

    stream = hashlib.shake_256(
        b"assay/probe/direction/v1" + (7).to_bytes(8, "little") + (2).to_bytes(4, "little")
    ).digest(32)
    words = [int.from_bytes(stream[8 * i : 8 * i + 8], "little") for i in range(4)]
    u = [((word >> 11) + 0.5) / 2**53 for word in words]
    wanted = []
    for first in (0, 2):
        radius, angle = math.sqrt(-2 * math.log(u[first])), 2 * math.pi * u[first + 1]
        wanted += [radius * math.cos(angle), radius * math.sin(angle)]
    np.testing.assert_allclose(normal_numbers(3, 7, 2), wanted[:3], rtol=1e-12)


def test_what_cannot_be_measured(model: Built) -> None:
    asked = plan()
    flat = dataclasses.replace(direction(model.used, model.rows), reading_sd=0.0)
    with pytest.raises(InputError, match="direction: its reading does not vary"):
        moves_of(flat, GEOMETRY, model.rows, asked)
    with pytest.raises(InputError, match="width: probe of 32, rows of 31"):
        moves_of(direction(model.used, model.rows), GEOMETRY, model.rows[:, 1:], asked)
    with pytest.raises(InputError, match="geometry: a direction has no length"):
        moves_of(direction(model.used, model.rows), 0 * GEOMETRY, model.rows, asked)
    moves = moves_of(direction(model.used, model.rows), GEOMETRY, model.rows, asked)
    strange = dataclasses.replace(asked, positive=(40,))
    with pytest.raises(InputError, match="plan: token 40; the vocabulary has 40"):
        Measurer(model.model, LAYER, strange, moves)
