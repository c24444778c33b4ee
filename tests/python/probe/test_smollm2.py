"""Rows of a real model: honest ones in every calibrated setting, and what is not honest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assay import _core
from assay.models import (
    Engine,
    Loaded,
    encode_prompts,
    find_layout,
    load,
    with_random_weights,
    with_rounded_weights,
)  # fmt: skip
from assay.probe import PositionRule, Profile, Setting, calibrate, read_corpus, read_rows
from assay.probe.calibrating import as_set
from assay_program import done

pytestmark = pytest.mark.soak

LAYER = 16
HONEST = 200
SETTINGS = [
    Setting(Engine(dtype, kernel, "cpu"), batch)
    for dtype, kernel, batch in (
        ("float32", "sdpa", 1), ("float32", "sdpa", 4), ("float32", "eager", 1),
        ("bfloat16", "sdpa", 1),
    )
]  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A probe of SmolLM2, a profile, and texts that neither has seen."""

    loaded: Loaded
    probes: _core.ProbeSet
    profile: Profile
    texts: list[list[int]]

    def rows(self, model: Any, batch: int = 1, texts: list[list[int]] | None = None) -> Any:
        """The last row of each text."""
        given = self.texts if texts is None else texts
        layout = find_layout(model)
        found: list[NDArray[np.float32]] = []
        for first in range(0, len(given), batch):
            together = given[first : first + batch]
            found += [one[-1:] for (one,) in read_rows(model, together, [LAYER], layout)]
        return found

    def outside(self, own: Any, theirs: Any) -> int:
        """How many of the texts' rows exceed a bound."""
        count = 0
        for one, other in zip(own, theirs, strict=True):
            row, reading = _core.probe_compare_rows(
                np.ascontiguousarray(one), np.ascontiguousarray(other), self.probes.covectors,
                self.probes.reading_sd,
            )  # fmt: skip
            count += row > self.profile.row_error or reading > self.profile.reading_error
        return count


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    where: Path = tmp_path_factory.mktemp("smollm2")
    done(
        where, f"probe extract --model smollm2 --corpus tense --positions last --layers {LAYER}",
        "--quiet", "--device", "cpu", "--output-activations", "a.gotact",
        "--output-unembedding", "u.gotue", seconds=900,
    )  # fmt: skip
    done(
        where, f"probe train --layer {LAYER} --dimension tense --no-baselines",
        "--activations", "a.gotact", "--labels", "a.labels", "--unembedding", "u.gotue",
        "--output", "probes.json", seconds=900,
    )  # fmt: skip
    probes = _core.ProbeSet.read(str(where / "probes.json"))
    loaded = load("smollm2", Engine("float32", "sdpa", "cpu"))
    samples = [sample.text for sample in read_corpus("tense").samples]
    texts = encode_prompts(loaded.tokenizer, samples)
    found = calibrate(
        loaded.model, texts[HONEST : HONEST + 240], probes, name="soak", model_name="smollm2",
        rule=PositionRule("last"), providers=SETTINGS, verifiers=SETTINGS[:1],
    )  # fmt: skip
    return Measured(loaded, probes, found.profile, texts[:HONEST])


@pytest.fixture(scope="module")
def own(measured: Measured) -> Any:
    return measured.rows(measured.loaded.model)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_honest_rows_are_accepted(setting: Setting, measured: Measured, own: Any) -> None:
    model = as_set(measured.loaded.model, setting.engine)
    try:
        theirs = measured.rows(model, setting.batch)
    finally:
        as_set(measured.loaded.model, SETTINGS[0].engine)
    assert measured.outside(own, theirs) == 0


def test_other_rows_are_rejected(measured: Measured, own: Any) -> None:
    model = measured.loaded.model
    cheats = {
        "another model": measured.rows(with_random_weights(model, 1)),
        "weights of 4 bits": measured.rows(with_rounded_weights(model, 4, 128)),
        "another prompt": [*own[1:], own[0]],
    }
    covector, vector = measured.probes.covectors[0], measured.probes.vectors[0]
    step = 0.5 * measured.probes.reading_sd[0] / (covector @ vector) * vector
    cheats["moved"] = [(one + step).astype(np.float32) for one in own]
    assert {name: measured.outside(own, rows) for name, rows in cheats.items()} == dict.fromkeys(
        cheats, HONEST
    )
