"""What selections can be made by: one value for each layer, by the name of a method."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .norms import ModelNorms

ALPHAPRUN = "alphaprun"
RANDOM = "random"
_NORMS = ("norm_1", "norm_2", "norm_inf")
# The original pipeline selects by 1/norm_1 and 1/norm_2, and calls them norm_1 and norm_2; its
# norm_inf is the norm itself. Here a norm is itself, and its inverse says so.
METHODS = (RANDOM, *(f"{kind}{name}" for name in _NORMS for kind in ("", "inverse_")), ALPHAPRUN)

Floats = npt.NDArray[np.float64]


def objectives(
    significance: Sequence[float], norms: ModelNorms | None, case_id: int
) -> Mapping[str, Floats]:
    """The values of each method, by its name, in the order of `METHODS`.

    Args:
        significance: Of each layer: what "alphaprun" selects by.
        norms: Of the same model; None: the methods by norms are left out.
        case_id: What "random" draws from.

    Raises:
        InputError: A norm that is 0, which has no inverse ("out_of_range").
    """
    found = {RANDOM: random_values(len(significance), case_id)}
    if norms is not None:
        found |= dict(_by_norms(norms))
    return found | {ALPHAPRUN: np.asarray(significance, dtype=np.float64)}


def _by_norms(norms: ModelNorms) -> Iterator[tuple[str, Floats]]:
    for name in _NORMS:
        values = np.array([getattr(layer, name) for layer in norms.layers], dtype=np.float64)
        if not values.all():
            place = f"{name} of layer {int(np.argmin(values))}"
            raise InputError("out_of_range", place, "is 0: a matrix of zeros, which has no inverse")
        yield name, values
        yield f"inverse_{name}", 1 / values


def random_values(layers: int, case_id: int) -> Floats:
    """Integers from 1 to 999999, times a bump: 1 in the middle of the depth, .1 at its ends."""
    drawn = np.random.default_rng(case_id).integers(1, 1_000_000, layers)
    depth = np.linspace(-1.0, 1.0, layers) if layers > 1 else np.zeros(1)
    return np.asarray(drawn * (0.1 + 0.9 * (1 - depth**2)), dtype=np.float64)
