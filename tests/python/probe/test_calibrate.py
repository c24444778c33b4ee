"""How far honest rows are apart: the profile, and what it must not let through."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import tiny_models
from assay import InputError, _core
from assay.models import Engine, find_layout, with_rounded_weights
from assay.probe import PositionRule, Setting, calibrate, read_rows

TEXTS = [[i % 40, 7 * i % 40, 3 * i % 40, 11 * i % 40][: 2 + i % 3] for i in range(1, 25)]
LAYER = 1


def rows_of(model: Any) -> list[Any]:
    layout = find_layout(model)
    return [read_rows(model, [text], [LAYER], layout)[0][0] for text in TEXTS]


@pytest.fixture(scope="module")
def probes() -> Any:
    """A direction, and how its reading varies."""
    rows = np.concatenate(rows_of(tiny_models.tiny()))
    covector = np.random.default_rng(3).standard_normal((1, tiny_models.HIDDEN))
    return SimpleNamespace(
        layer=LAYER, covectors=covector, reading_sd=[float((rows @ covector[0]).std())]
    )


def test_honest_settings_are_measured_and_judged(probes: Any) -> None:
    model = tiny_models.tiny()
    own = model.config._attn_implementation
    counted: list[tuple[int, int]] = []
    found = calibrate(
        model, TEXTS, probes, name="mine", on_count=lambda *one: counted.append(one),
        providers=[
            Setting(Engine(dtype, kernel), batch)
            for dtype in ("float32", "bfloat16")
            for kernel in ("sdpa", "eager")
            for batch in (1, 4)
        ],
        verifiers=[Setting(Engine("float32", kernel), 1) for kernel in ("sdpa", "eager")],
    )  # fmt: skip
    assert len(found.pairs) == 16
    assert counted[-1] == (8, 8)
    assert (found.learned, found.held_out) == (12, 12)
    assert model.config._attn_implementation == own
    profile = found.profile
    assert profile.honest_runs == 12
    assert profile.false_alarm_bound == pytest.approx(_core.rate_bound(found.alarms, 12))
    worst = {(str(one.provider), str(one.verifier)): max(one.row_errors) for one in found.pairs}
    assert worst["float32, sdpa, batch 1", "float32, sdpa, batch 1"] == 0
    assert 1e-4 < worst["bfloat16, sdpa, batch 1", "float32, sdpa, batch 1"] < 0.05
    learned = [max(one.row_errors[::2]) for one in found.pairs]
    assert profile.row_error == pytest.approx(4 * max(learned))
    readings = max(max(one.reading_errors[::2]) for one in found.pairs)
    assert readings > 0.05  # so that the margin ends at what the room allows
    assert profile.reading_error == pytest.approx(0.2)


def test_a_profile_tells_cheats_from_honest_runs(probes: Any) -> None:
    model = tiny_models.tiny()
    profile = calibrate(model, TEXTS, probes, name="mine").profile
    honest = rows_of(model)
    sd = probes.reading_sd[0]

    def outside(rows: list[Any]) -> list[bool]:
        errors = [
            _core.probe_compare_rows(own, theirs, probes.covectors, probes.reading_sd)
            for own, theirs in zip(honest, rows, strict=True)
        ]
        return [row > profile.row_error or at > profile.reading_error for row, at in errors]

    assert not any(outside(rows_of(tiny_models.tiny())))
    assert all(outside(rows_of(with_rounded_weights(model, 4))))
    with torch.no_grad():
        other = tiny_models.tiny()
        other.get_input_embeddings().weight.add_(0.01)  # type: ignore[operator,union-attr]
    assert all(outside(rows_of(other)))
    covector = probes.covectors[0]
    step = (0.5 * sd * covector / (covector @ covector)).astype(np.float32)
    assert all(outside([rows + step for rows in honest]))


def test_rows_of_a_rule_alone_count(probes: Any) -> None:
    model = tiny_models.tiny()
    last = calibrate(model, TEXTS[:8], probes, name="mine", rule=PositionRule("last"))
    every = calibrate(model, TEXTS[:8], probes, name="mine")
    assert max(map(max, (one.row_errors for one in last.pairs))) <= max(
        map(max, (one.row_errors for one in every.pairs))
    )


def test_what_cannot_be_measured(probes: Any) -> None:
    model = tiny_models.tiny()
    with pytest.raises(InputError, match="texts: 3 of them; give at least 4"):
        calibrate(model, TEXTS[:3], probes, name="mine")
    with pytest.raises(InputError, match=r"margin: is 0\.5"):
        calibrate(model, TEXTS, probes, name="mine", margin=0.5)
    deeper = SimpleNamespace(**{**vars(probes), "layer": 3})
    with pytest.raises(InputError, match="block 3; the model has blocks 0 to 2"):
        calibrate(model, TEXTS, deeper, name="mine")
