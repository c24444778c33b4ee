"""Measure how far honest rows of a model are apart, and make a profile of it.

Each text is run in every setting of a provider and in every one of a verifier; the worst of these
pairs counts, so that a text is one observation and not many. The bounds come from every other
text; the rest, which the bounds have not seen, are judged by them.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from .. import _core, models
from ..errors import InputError
from ..models import Engine
from .positions import PositionRule
from .reading import read_rows
from .telling import OnCount, uncounted

Profile = _core.ProbeProfile
"""Bounds on rows and on readings, as a file keeps them."""

DEFAULT_MARGIN = 4.0
"""Errors of texts have a long tail: of 440 the largest was three times the 99th percentile."""

_MOST_READING_ERROR = (
    0.2  # a margin leads no further; rows moved by half a deviation must stand out
)
_LEAST_ERROR = 1e-6  # where runs agree bit for bit, the next driver's need not
_LEAST_TEXTS = 4


@dataclass(frozen=True)
class Setting:
    """How an honest side may run the model.

    Attributes:
        engine: Dtype and attention kernel.
        batch: Texts that run together.
    """

    engine: Engine
    batch: int

    def __str__(self) -> str:
        return f"{self.engine}, batch {self.batch}"


@dataclass(frozen=True)
class Pair:
    """A provider's setting against a verifier's.

    Attributes:
        provider: Whose rows are judged.
        verifier: Whose rows they are held against.
        row_errors: Of each text, the largest.
        reading_errors: The same, in standard deviations of the reading.
    """

    provider: Setting
    verifier: Setting
    row_errors: list[float]
    reading_errors: list[float]


@dataclass(frozen=True)
class Calibration:
    """What was measured.

    Attributes:
        profile: The bounds, with the bound on the rate of false alarms.
        pairs: Every pair of settings.
        learned: Texts that the bounds come from.
        held_out: Texts that were judged by them.
        alarms: How many of these were outside in some pair.
    """

    profile: Profile
    pairs: list[Pair]
    learned: int
    held_out: int
    alarms: int


def calibrate(
    model: PreTrainedModel,
    texts: Sequence[Sequence[int]],
    probes: _core.ProbeSet,
    *,
    name: str,
    model_name: str = "",
    rule: PositionRule | None = None,
    providers: Sequence[Setting] | None = None,
    verifiers: Sequence[Setting] | None = None,
    margin: float = DEFAULT_MARGIN,
    on_count: OnCount = uncounted,
) -> Calibration:
    """Measure honest runs of `model` on `texts`.

    Args:
        model: In the verifier's dtype; attention kernels are set, and put back.
        texts: Token ids, at least 4 of them, of the kind that will be judged.
        probes: The layer, and the readings whose error is bounded.
        name: Of the profile.
        model_name: For the profile; by default the name of its class.
        rule: Which rows of a text count; by default all.
        providers: By default kernels sdpa and eager, batches of 1 and 4, in the model's dtype.
        verifiers: By default both kernels, one text at a time, in the model's dtype.
        margin: Bounds are this multiple of the worst that was seen; that on readings is 0.2 at
            most, unless the worst is larger.
        on_count: Told how many runs of how many are done.

    Raises:
        InputError: Too few texts, a margin below 1, a setting that cannot be run here, bounds that
            would exclude nothing ("out_of_range"); rows of another width than the probes'
            ("mismatch").
    """
    if len(texts) < _LEAST_TEXTS:
        reason = f"{len(texts)} of them; give at least {_LEAST_TEXTS}"
        raise InputError("out_of_range", "texts", reason)
    if not 1 <= margin < math.inf:
        raise InputError("out_of_range", "margin", f"is {margin}; give a number of at least 1")
    dtype = str(model.dtype).removeprefix("torch.")
    kernels = [Engine(dtype, kernel) for kernel in ("sdpa", "eager")]
    as_provider = list(providers or [Setting(one, n) for one in kernels for n in (1, 4)])
    as_verifier = list(verifiers or [Setting(one, 1) for one in kernels])
    settings = {str(one): one for one in (*as_provider, *as_verifier)}
    found: dict[str, list[NDArray[np.float32]]] = {}
    with _attention_put_back(model):
        for words, setting in settings.items():
            on_count(len(found), len(settings))
            found[words] = _rows_in(
                model, texts, probes.layer, setting, rule or PositionRule("all")
            )
    on_count(len(settings), len(settings))
    pairs = [_compared(one, other, found, probes) for one in as_provider for other in as_verifier]
    learned, held_out = range(0, len(texts), 2), range(1, len(texts), 2)
    row = margin * max(pair.row_errors[at] for pair in pairs for at in learned)
    worst = max(pair.reading_errors[at] for pair in pairs for at in learned)
    reading = max(worst, min(margin * worst, _MOST_READING_ERROR))
    row, reading = max(row, _LEAST_ERROR), max(reading, _LEAST_ERROR)
    alarms = sum(
        any(pair.row_errors[at] > row or pair.reading_errors[at] > reading for pair in pairs)
        for at in held_out
    )
    profile = Profile(
        name,
        model_name or type(model).__name__,
        dtype,
        ", ".join(dict.fromkeys(one.engine.attention for one in settings.values())),
        row,
        reading,
        _core.rate_bound(alarms, len(held_out)),
        len(held_out),
    )
    return Calibration(profile, pairs, len(learned), len(held_out), alarms)


def _compared(
    provider: Setting,
    verifier: Setting,
    found: dict[str, list[NDArray[np.float32]]],
    probes: _core.ProbeSet,
) -> Pair:
    errors = [
        _core.probe_compare_rows(own, theirs, probes.covectors, probes.reading_sd)
        for own, theirs in zip(found[str(verifier)], found[str(provider)], strict=True)
    ]
    return Pair(provider, verifier, [one[0] for one in errors], [one[1] for one in errors])


def _rows_in(
    model: PreTrainedModel,
    texts: Sequence[Sequence[int]],
    layer: int,
    setting: Setting,
    rule: PositionRule,
) -> list[NDArray[np.float32]]:
    running = as_set(model, setting.engine)
    layout = models.find_layout(running)
    rows: list[NDArray[np.float32]] = []
    for first in range(0, len(texts), setting.batch):
        together = texts[first : first + setting.batch]
        for (one,) in read_rows(running, together, [layer], layout):
            rows.append(np.ascontiguousarray(rule.pick(one, f"text {len(rows)}")))
    return rows


def as_set(model: PreTrainedModel, engine: Engine) -> PreTrainedModel:
    """The model in this dtype, a copy if that is another, with this kernel of attention."""
    wanted: torch.dtype = getattr(torch, engine.dtype)
    running: Any = model
    if model.dtype != wanted:
        # Values that another dtype cannot hold would not come back.
        running = copy.deepcopy(running).to(wanted)
    models.set_attention(running, engine.attention)
    made: PreTrainedModel = running
    return made


@contextmanager
def _attention_put_back(model: PreTrainedModel) -> Iterator[None]:
    own = model.config._attn_implementation
    try:
        yield
    finally:
        model.set_attn_implementation(own)
