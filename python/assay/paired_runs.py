"""Runs that are measured in turns, so that what drifts weighs on all alike."""

import gc
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .stopping import obey

# OpenMP's threads must sleep when they have nothing to do: the CPU time of spinning says nothing.
_WAITING = ("OMP_WAIT_POLICY", "PASSIVE")
# Says to the started process itself that it has been started anew.
_STARTED = "ASSAY_BENCH_STARTED"
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Cost:
    """Seconds of one run."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Added:
    """What is added, in percent of the runs alone: the mean and its confidence interval."""

    mean: float
    low: float
    high: float


def start_anew(module: str, threads: int, given: Sequence[str]) -> None:
    """Become the same program with an environment that libraries read when they are loaded.

    Args:
        module: That is run as a program.
        threads: Of OpenMP.
        given: The program's arguments.
    """
    wanted = {_WAITING[0]: _WAITING[1], "OMP_NUM_THREADS": str(threads)}
    if os.environ.get(_STARTED) == "1" or all(os.environ.get(k) == v for k, v in wanted.items()):
        return
    environment = {**os.environ, **wanted, _STARTED: "1"}
    arguments = [sys.executable, "-m", module, *given]
    os.execve(sys.executable, arguments, environment)  # noqa: S606 - ourselves, without a shell


def wait_policy() -> str:
    """How OpenMP's threads wait, as the environment says it."""
    return os.environ.get(_WAITING[0], "")


def in_turns(
    runs: Mapping[str, Callable[[], object]],
    repetitions: range,
    after: Callable[[int, dict[str, Cost], dict[str, object]], None],
    prepare: Mapping[str, Callable[[], object]] | None = None,
) -> None:
    """Make each run once in each repetition.

    Args:
        runs: By name; every other repetition makes them in the other order.
        repetitions: Their numbers.
        after: Is told after each repetition its number, what each run cost, and what it gave.
        prepare: By name, what is done before a run and not counted.
    """
    for repetition in repetitions:
        costs: dict[str, Cost] = {}
        results: dict[str, object] = {}
        for name in runs if repetition % 2 == 0 else reversed(list(runs)):
            obey()
            if prepare and name in prepare:
                prepare[name]()
            gc.collect()
            cpu_before, wall_before = time.process_time(), time.perf_counter()
            results[name] = runs[name]()
            costs[name] = Cost(time.process_time() - cpu_before, time.perf_counter() - wall_before)
        after(repetition, costs, results)


def paired(alone: Sequence[float], other: Sequence[float]) -> Added:
    """The mean of `other - alone` over the mean of `alone`, in percent, with its interval.

    Args:
        alone: At least two.
        other: As many, each of the same repetition.
    """
    differences = [b - a for a, b in zip(alone, other, strict=True)]
    base = statistics.fmean(alone)
    mean = statistics.fmean(differences)
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    half = student_quantile(len(differences) - 1) * error
    return Added(100 * mean / base, 100 * (mean - half) / base, 100 * (mean + half) / base)


def student_quantile(freedom: int, confidence: float = _CONFIDENCE) -> float:
    """Bounds: Student's distribution with `freedom` degrees lies in [-t, t] so often."""
    # With t = sqrt(freedom) tan(u) the density is a power of the cosine of u.
    wanted = confidence * _cosines(freedom - 1, math.pi / 2)
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        middle = (low + high) / 2
        too_low = _cosines(freedom - 1, middle) < wanted
        low, high = (middle, high) if too_low else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _cosines(power: int, end: float) -> float:
    """The integral of cos(u)**power from 0 to `end`, by parts."""
    total = math.sin(end) if power % 2 else end
    for k in range(2 + power % 2, power + 1, 2):
        total = (math.cos(end) ** (k - 1) * math.sin(end) + (k - 1) * total) / k
    return total
