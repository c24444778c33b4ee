"""A random share of causal measurements again, by the verifier's own model."""

import math
import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .causal import Measurer
from .plans import Plan
from .telling import OnCount, uncounted


@dataclass(frozen=True)
class Remeasured:
    """What was measured again.

    Attributes:
        prompts: Of these the functional along the probe's direction at each shift, and with it
            taken out.
        directions: Of these random directions the same, as means over all prompts.
        numbers: How many numbers that were.
        difference: The largest difference from the results, in nats.
        where: Of which number.
    """

    prompts: list[int]
    directions: list[int]
    numbers: int
    difference: float
    where: str


def remeasure(
    measurer: Measurer,
    plan: Plan,
    results: dict[str, Any],
    share: float,
    *,
    on_count: OnCount = uncounted,
) -> Remeasured:
    """Measure a share of the prompts, and of the random directions, that nobody foresees.

    Args:
        measurer: Of the verifier's own model, with the moves of the plan.
        plan: Whose results these are.
        results: The fields of the file of results.
        share: Above 0, at most 1; at least one of each is measured.

    Raises:
        InputError: A share outside ("out_of_range"); results of other sizes ("mismatch").
    """
    if not 0 < share <= 1:
        raise InputError("out_of_range", "share", f"is {share}; give a number above 0, at most 1")
    given = {name: np.asarray(results[name], float) for name in
             ("dose", "random_dose", "ablated", "random_ablated")}  # fmt: skip
    count, shifts = len(plan.prompts), len(plan.alphas)
    wanted = {
        "dose": (count, shifts),
        "random_dose": (plan.random_directions, shifts),
        "ablated": (count,),
        "random_ablated": (plan.random_directions,),
    }
    for name, shape in wanted.items():
        if given[name].shape != shape:
            raise InputError("mismatch", f"results: {name}", f"not of shape {shape}")
    prompts = _drawn(count, share)
    directions = _drawn(plan.random_directions, share)
    chosen = [0, *(1 + one for one in directions)]
    doses, ablated = [], []
    for index in range(count):
        on_count(index, count)
        found = measurer.prompt(index, chosen)
        doses.append(found.dose)
        ablated.append(found.ablated)
    on_count(count, count)
    dose, without = np.array(doses), np.array(ablated)
    differences = {
        "dose": np.abs(dose[prompts, 0] - given["dose"][prompts]),
        "ablated": np.abs(without[prompts, 0] - given["ablated"][prompts]),
        "random_dose": np.abs(dose[:, 1:].mean(axis=0) - given["random_dose"][directions]),
        "random_ablated": np.abs(without[:, 1:].mean(axis=0) - given["random_ablated"][directions]),
    }
    where = max(differences, key=lambda name: float(differences[name].max()))
    return Remeasured(
        prompts,
        directions,
        sum(one.size for one in differences.values()),
        float(differences[where].max()),
        where,
    )


def _drawn(count: int, share: float) -> list[int]:
    most = math.ceil(share * count)
    return sorted(secrets.SystemRandom().sample(range(count), most))
