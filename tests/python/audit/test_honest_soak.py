"""Honest runs of SmolLM2: a million product rows in each type, and 2,048 tokens.

Part of `make soak`. Quantiles are printed (`pytest -s`): docs/audit.md has them.

Rows of bfloat16 hide the order of summation, and the formula holds as it stands. In float32 that
order is all there is to see: a factor is measured on every other run, and must hold for the rest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from transformers import PreTrainedModel

from assay import _core, models
from assay.audit.calibrating import honest_runs
from assay.models import Engine

pytestmark = pytest.mark.soak

ROWS = 1_000_000
PROMPTS = 100
LENGTHS = (128, 256, 512, 1024, 1536, 2040)
QUANTILES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
# Of the error of a head, in the Euclidean norm: see docs/audit.md.
ATTENTION = {"bfloat16": 0.0055, "float32": 1e-4}


@dataclass
class Seen:
    """Of all runs of a type."""

    outcomes: list[str] = field(default_factory=list)
    residuals: list[NDArray[np.float32]] = field(default_factory=list)
    variances: list[NDArray[np.float64]] = field(default_factory=list)
    differing: list[NDArray[np.float64]] = field(default_factory=list)
    worst: list[NDArray[np.float64]] = field(default_factory=list)
    chain: list[NDArray[np.float64]] = field(default_factory=list)
    attention: list[float] = field(default_factory=list)

    def add(self, by_key: _core.AuditMeasured, by_weights: _core.AuditMeasured) -> None:
        opened = np.frombuffer(by_key.product_recomputed) == 0
        residuals = np.frombuffer(by_key.residuals).reshape(len(opened), -1)
        self.outcomes += [by_key.outcome, by_weights.outcome]
        self.residuals.append(residuals[opened].astype(np.float32))
        opened = np.frombuffer(by_weights.product_recomputed) == 0
        self.variances.append(np.frombuffer(by_weights.product_variance)[opened])
        self.differing.append(np.frombuffer(by_weights.product_differing)[opened])
        self.worst.append(np.frombuffer(by_weights.product_worst)[opened])
        self.chain.append(np.frombuffer(by_key.chain_differing))
        self.attention += by_key.attention

    def factor(self) -> float:
        """What sums in this order vary by, over the formula, of every other run."""
        return float(np.concatenate(self.residuals[::2]).var())

    def rest(self) -> float:
        """The same of the other runs."""
        return float(np.concatenate(self.residuals[1::2]).var())

    def show(self, title: str) -> None:
        residuals = np.concatenate(self.residuals)
        shares = np.concatenate(self.chain)
        print(f"\n{title}: {len(self.outcomes) // 2} runs, {len(residuals)} product rows")
        print(
            f"  variance of residuals {residuals.var():.4f}; of every other run {self.factor():.4f}"
        )
        print(f"  variance by the weights {np.concatenate(self.variances).mean():.4f}")
        for name, values in (
            ("residuals, absolute", np.abs(residuals).ravel() / np.sqrt(self.factor())),
            ("outputs rounded otherwise", np.concatenate(self.differing)),
            ("error over what is allowed", np.concatenate(self.worst)),
            ("rows of the chain: share that differs", shares),
            ("attention", np.array(self.attention)),
        ):
            found = ", ".join(f"{one:.4g}" for one in np.quantile(values, QUANTILES))
            print(f"  {name}: {found}, most {values.max():.4g}")


@pytest.fixture(params=["bfloat16", "float32"])
def loaded(request: pytest.FixtureRequest) -> models.Loaded:
    return models.load("smollm2", Engine(request.param, "sdpa", "cpu"))


def measured(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], tokens: int, batch: int
) -> Iterator[tuple[_core.AuditMeasured, _core.AuditMeasured]]:
    """Of each run, with a key and by the weights."""
    with honest_runs(model) as runs:
        by_key, by_weights = runs.measurer(8), runs.measurer(0)
        for run in runs.record(prompts, max_new_tokens=tokens, batch=batch):
            yield runs.measure(run, by_key), runs.measure(run, by_weights)


def test_no_honest_run_is_rejected(loaded: models.Loaded) -> None:
    texts = models.made_prompts(PROMPTS)
    prompts = models.encode_prompts(loaded.tokenizer, texts)
    seen = Seen()
    for pair in measured(loaded.model, prompts, 64, 25):
        seen.add(*pair)
    dtype = str(loaded.model.dtype).removeprefix("torch.")
    seen.show(dtype)
    assert set(seen.outcomes) == {"accepted"}
    residuals = np.concatenate(seen.residuals)
    assert len(residuals) >= ROWS
    of_formula = seen.factor() if dtype == "float32" else 1
    assert abs(seen.rest() / of_formula - 1) < 0.02
    assert max(seen.attention) < ATTENTION[dtype]


def test_long_sequences_are_not_rejected(loaded: models.Loaded) -> None:
    texts = " ".join(models.made_prompts(200))
    ids = loaded.tokenizer(texts, add_special_tokens=False)["input_ids"]
    seen = Seen()
    for length in LENGTHS:
        for pair in measured(loaded.model, [ids[:length], ids[length : 2 * length]], 8, 1):
            seen.add(*pair)
    dtype = str(loaded.model.dtype).removeprefix("torch.")
    seen.show(f"{dtype}, to {max(LENGTHS) + 8} tokens")
    assert set(seen.outcomes) == {"accepted"}
    assert max(seen.attention) < ATTENTION[dtype]
