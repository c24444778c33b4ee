"""Measure how far honest runs of a model are apart, and make a profile of it.

Each prompt is continued by every provider setting and recomputed by every verifier setting; of
each statistic the worst of these runs counts, so that a prompt is one observation and not many. The
bounds come from every other prompt, and the rest, which the bounds have not seen, are judged by
them: what the profile promises rests on those alone.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from .. import _core
from ..errors import InputError
from ..models import Engine, set_attention
from . import fingerprint
from .attacks import in_dtype
from .chunks import Shape
from .producing import produce
from .recomputing import recompute
from .verifying import (
    Comparison,
    Profile,
    Statistics,
    compare,
    decide,
    deviating_chunks,
    statistics,
)
from .watching import Produced

rate_bound = _core.rate_bound

_PUBLISHED = Profile.published()
# Where honest runs differ by next to nothing, a multiple of that would reject the next driver.
_FLOORS = {
    "exponent_mismatches": 2.0,
    "mantissa_mean": 0.5,
    "mantissa_median": 0.5,
    "sign_mismatches": 1.0,
    # The worst of a longer answer is worse. Another sequence's chunk has all 128.
    "worst_chunk_exponent_mismatches": 64.0,
}
_LEAST_DISTANCE = 1e-3
_LEAST_SHARE = _PUBLISHED.deviating_share
# As far as this is from its own, a fingerprint of half of every value is.
_MOST_DISTANCE = 0.5
# A proof that repeats a few values has a dispersion near 0, an honest one near 1.
_DISPERSIONS = (0.3, 0.9)


@dataclass(frozen=True)
class Provider:
    """How an honest provider may run the model.

    Attributes:
        engine: Dtype and attention kernel.
        batch: Sequences that run together.
    """

    engine: Engine
    batch: int

    def __str__(self) -> str:
        return f"{self.engine}, batch {self.batch}"


@dataclass
class Run:
    """One pair of settings.

    Attributes:
        provider: Decoded so.
        verifier: Recomputed in one pass so.
        comparisons: Of each sequence.
        distances: Of the fingerprints of each sequence; none where states were not kept.
        alarms: How many of the held-out sequences the profile rejects.
    """

    provider: Provider
    verifier: Engine
    comparisons: list[list[Comparison]] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    alarms: int = 0

    @property
    def statistics(self) -> list[Statistics]:
        """Of each sequence."""
        return [statistics(one) for one in self.comparisons]


@dataclass(frozen=True)
class Calibration:
    """What was measured.

    Attributes:
        profile: The bounds, with the bound on the rate of false alarms.
        runs: Every pair of settings.
        learned: Prompts that the bounds come from.
        held_out: Prompts that were judged by them.
        alarms: How many of these were rejected in some run.
    """

    profile: Profile
    runs: list[Run]
    learned: int
    held_out: int
    alarms: int


def calibrate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    name: str,
    model_name: str = "",
    providers: Sequence[Provider] | None = None,
    verifiers: Sequence[Engine] | None = None,
    max_new_tokens: int = 64,
    min_new_tokens: int = 0,
    shape: Shape | None = None,
    margin: float = 1.5,
    on_count: Callable[[int, int], None] = lambda done, total: None,
    answered: Callable[[Provider], Sequence[Produced]] | None = None,
    recomputed: Callable[[Engine, Sequence[Produced]], Iterable[Tensor]] | None = None,
) -> Calibration:
    """Measure honest runs of `model` on `prompts`.

    Args:
        model: In the dtype of the verifier; attention kernels are set, and put back.
        prompts: Token ids, at least 4 of them, of the kind that will be judged: what the profile
            promises holds for prompts drawn like these.
        name: Of the profile.
        model_name: For the profile; by default the name of its class.
        providers: By default batches of 1 and 4, attention kernels sdpa and eager.
        verifiers: By default both kernels, in the model's dtype.
        max_new_tokens: For each prompt.
        min_new_tokens: No answer ends before; one of a few tokens has much less to average over.
        shape: What proofs cover.
        margin: Bounds are this multiple of the worst that was seen.
        on_count: Told how many runs of how many are done.
        answered: What another engine than transformers made of the prompts, run in this way.
            Without the states of its answers the profile has no bound on fingerprints.
        recomputed: The states that another engine than transformers, as a verifier run in this way,
            has of these answers.

    Raises:
        InputError: Too few prompts, or a setting that cannot be run here.
    """
    if len(prompts) < 4:
        raise InputError("out_of_range", "prompts", f"{len(prompts)} of them; give at least 4")
    if not 1 <= margin < math.inf:
        raise InputError("out_of_range", "margin", f"is {margin}; give a number of at least 1")
    form = shape or Shape()
    most = _core.toploc_largest_judged_topk
    if form.k > most:
        reason = f"is {form.k}, and no verdict is given over {most}; lower k"
        raise InputError("out_of_range", "k", reason)
    dtype = str(model.dtype).removeprefix("torch.")
    kernels = ("sdpa", "eager")
    as_verifier = list(verifiers or [Engine(dtype, kernel) for kernel in kernels])
    as_provider = list(
        providers or [Provider(Engine(dtype, kernel), n) for kernel in kernels for n in (1, 4)]
    )
    runs: list[Run] = []
    seed = fingerprint.new_seed()
    with _attention_put_back(model):
        for provider in as_provider:
            produced = (
                produce(
                    _set_up(model, provider.engine),
                    prompts,
                    max_new_tokens=max_new_tokens,
                    min_new_tokens=min_new_tokens,
                    batch=provider.batch,
                    shape=form,
                    keep_states=True,
                )
                if answered is None
                else answered(provider)
            )
            for verifier in as_verifier:
                states = (
                    _recomputed(model, verifier, produced)
                    if recomputed is None
                    else recomputed(verifier, produced)
                )
                runs.append(_run(states, produced, provider, verifier, form, seed))
                on_count(len(runs), len(as_provider) * len(as_verifier))
    learned, held_out = range(0, len(prompts), 2), range(1, len(prompts), 2)
    fields: dict[str, Any] = {
        "name": name,
        "model": model_name or type(model).__name__,
        "dtype": dtype,
        "kernel": ", ".join(
            dict.fromkeys(one.attention for one in (*(p.engine for p in as_provider), *as_verifier))
        ),
        "topk": form.k,
        "decode_batching_size": form.chunk,
        "minimum_points": _least_points(runs, learned, form),
        "honest_sequences": len(held_out),
        # Each once: the other settings answer the same prompts.
        "honest_chunks": sum(len(runs[0].comparisons[index]) for index in held_out),
        **bounds_of(runs, learned, margin),
    }
    profile = Profile(**fields)
    for run in runs:
        run.alarms = sum(_rejected([run], index, profile) for index in held_out)
    alarms = sum(_rejected(runs, index, profile) for index in held_out)
    bound = rate_bound(alarms, len(held_out))
    profile = Profile(**fields, false_alarm_bound=bound)
    return Calibration(profile, runs, len(learned), len(held_out), alarms)


def _least_points(runs: Sequence[Run], prompts: Sequence[int], form: Shape) -> int:
    """Those of one proof; where these answers had fewer, as many as the shortest of them."""
    seen = [run.statistics[index].counted_points for run in runs for index in prompts]
    # One token decides nothing.
    return max(min(form.k, *seen), _core.toploc_points_of_row + 1)


def bounds_of(
    runs: Sequence[Run], prompts: Sequence[int], margin: float
) -> dict[str, float | None]:
    """The bounds of a profile, from these of the prompts.

    What honest runs differ in by as much as anything does gets a bound that a profile refuses, but
    for the fingerprint, which gets none.
    """
    seen = [run.statistics[index] for run in runs for index in prompts]
    measured = {
        name: max(floor, margin * max(getattr(one, name) for one in seen))
        for name, floor in _FLOORS.items()
    }
    # Above this a chunk is another sequence's, whatever an honest one came to.
    chunk = min(
        measured.pop("worst_chunk_exponent_mismatches"), _PUBLISHED.chunk_exponent_mismatches
    )
    bounds: dict[str, float | None] = {**measured, "chunk_exponent_mismatches": chunk}
    lacking = margin * max(1 - one.dispersion for one in seen)
    least, most = _DISPERSIONS
    bounds["dispersion"] = min(max(1 - lacking, least), most)
    bounds["deviating_share"] = _share_of(runs, prompts, margin, bounds)
    far = [run.distances[index] for run in runs for index in prompts if run.distances]
    distance = max(_LEAST_DISTANCE, margin * max(far, default=math.inf))
    bounds["fingerprint_distance"] = distance if distance <= _MOST_DISTANCE else None
    return bounds


def _share_of(
    runs: Sequence[Run], prompts: Sequence[int], margin: float, bounds: dict[str, float | None]
) -> float:
    """The share of chunks that may exceed these bounds each by itself."""
    fields: dict[str, Any] = {**bounds, "name": "", "deviating_share": 0, "minimum_points": 128}
    profile = Profile(**fields)
    seen = [run.comparisons[index] for run in runs for index in prompts]
    # One chunk may deviate in any case: of an answer of two it would be half.
    shares = [count / len(one) for one in seen if (count := deviating_chunks(one, profile)) > 1]
    return min(max(_LEAST_SHARE, margin * max(shares, default=0.0)), 1.0)


def _rejected(runs: Sequence[Run], index: int, profile: Profile) -> bool:
    return any(decide(run.comparisons[index], profile).outcome == "rejected" for run in runs)


def _recomputed(
    model: PreTrainedModel, verifier: Engine, produced: Sequence[Produced]
) -> Iterator[Tensor]:
    running = _set_up(model, verifier)
    for sequence in produced:
        yield recompute(running, sequence.prompt, sequence.output)


def _run(
    states: Iterable[Tensor],
    produced: Sequence[Produced],
    provider: Provider,
    verifier: Engine,
    form: Shape,
    seed: bytes,
) -> Run:
    run = Run(provider, verifier)
    for own, sequence in zip(states, produced, strict=True):
        run.comparisons.append(
            compare(
                own,
                sequence.proofs,
                chunk=form.chunk,
                k=form.k,
                merge_short_tails=form.merge_short_tails,
                rounded=True,
            )
        )
        if sequence.states is not None:
            theirs = fingerprint.project(sequence.states, seed)
            run.distances.append(theirs.distance(fingerprint.project(own, seed)))
    return run


def _set_up(model: PreTrainedModel, engine: Engine) -> PreTrainedModel:
    wanted: torch.dtype = getattr(torch, engine.dtype)
    # A copy: values that another dtype cannot hold would not come back.
    running = model if model.dtype == wanted else in_dtype(model, wanted)
    set_attention(running, engine.attention)
    return running


@contextmanager
def _attention_put_back(model: PreTrainedModel) -> Iterator[None]:
    own = model.config._attn_implementation
    try:
        yield
    finally:
        model.set_attn_implementation(own)
