"""What a direction does to what a model says next: raw numbers, which `assay probe verify` judges.

The residual of the last token of a prompt is moved along a direction, that of no other token, and
the functional of the next token's logits is noted. The same is done along random directions whose
Phi-norm is the same.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from .. import models
from ..errors import InputError
from ..models import CachedPrompt, Layout
from ..writing import write_together
from .directions import random_directions
from .plans import Plan
from .telling import OnCount, uncounted

FORMAT = "assay/probe/causal/v1"

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Direction:
    """A probe, as far as it moves a residual.

    Attributes:
        covector: v, (width,): the reading is v . h.
        vector: w, (width,), along which a residual is moved; v . w is not 0.
        reading_sd: Standard deviation of the reading.
    """

    covector: Rows
    vector: Rows
    reading_sd: float


@dataclass(frozen=True)
class Moves:
    """What is added to a residual, and what takes a direction out of it.

    Attributes:
        steps: Of the probe's direction and of each random one, (1 + random, width): what shifts
            the reading of the probe by one standard deviation, and random steps as long by Phi.
        readers: For each of them, (1 + random, width): r such that the part of h along the
            direction is (r . h) times its step.
        middle: The mean residual, (width,): where a direction is taken out, its part is that of
            the mean.
    """

    steps: Rows
    readers: Rows
    middle: Rows


def moves_of(direction: Direction, geometry: Rows, rows: NDArray[np.float32], plan: Plan) -> Moves:
    """The moves of a plan.

    Args:
        direction: The probe.
        geometry: Phi, (width, width).
        rows: Residuals of the layer, (n, width), whose covariance random directions have.
        plan: How many directions, and their seed.

    Raises:
        InputError: Sizes that do not fit each other ("mismatch"); a direction or geometry of no
            length ("out_of_range").
    """
    width = len(direction.covector)
    if geometry.shape != (width, width) or rows.ndim != 2 or rows.shape[1] != width:
        reason = f"probe of {width}, rows of {rows.shape[-1]}, geometry of {len(geometry)}"
        raise InputError("mismatch", "width", reason)
    along = float(direction.covector @ direction.vector)
    if len(rows) < 2 or not along > 0 or not direction.reading_sd > 0:
        reason = "its reading does not vary, or moving along it does not change the reading"
        raise InputError("out_of_range", "direction", reason)
    own = direction.vector * (direction.reading_sd / along)
    length = np.sqrt(own @ geometry @ own)
    drawn = random_directions(rows, plan.random_directions, plan.seed)
    lengths = np.sqrt(np.einsum("ij,ij->i", drawn @ geometry, drawn))
    if not (length > 0 and lengths.min() > 0):
        raise InputError("out_of_range", "geometry", "a direction has no length in it")
    steps = np.vstack([own, drawn * (length / lengths)[:, None]])
    by_metric = steps @ geometry
    readers = by_metric / np.einsum("ij,ij->i", by_metric, steps)[:, None]
    # Of the probe its own covector, which is Phi w but for the jitter.
    readers[0] = direction.covector / direction.reading_sd
    return Moves(steps, readers, rows.astype(np.float64).mean(axis=0))


def functional(logits: Tensor, plan: Plan) -> Rows:
    """Log-sum-exp of the positive tokens' logits less that of the negative ones, for each row."""
    values = logits.double()
    up = torch.logsumexp(values[:, list(plan.positive)], dim=1)
    down = torch.logsumexp(values[:, list(plan.negative)], dim=1)
    return (up - down).numpy()


@dataclass(frozen=True)
class Measured:
    """The functional of one prompt.

    Attributes:
        dose: By direction and alpha, (directions, alphas).
        ablated: By direction, taken out.
    """

    dose: Rows
    ablated: Rows


class Measurer:
    """Measures a model on the prompts of a plan."""

    def __init__(
        self, model: PreTrainedModel, layer: int, plan: Plan, moves: Moves, *, batch: int = 64
    ) -> None:
        """Nothing is run yet.

        Args:
            model: In evaluation mode; nobody else runs it meanwhile.
            layer: The block behind which residuals are moved.
            plan: What is measured.
            moves: From `moves_of`.
            batch: Moved residuals that run together.

        Raises:
            InputError: A token of the plan that the model has not ("out_of_range").
        """
        embedding: Any = model.get_input_embeddings()
        size = int(embedding.weight.shape[0])
        for token in (*plan.positive, *plan.negative):
            if token >= size:
                reason = f"token {token}; the vocabulary has {size}"
                raise InputError("out_of_range", "plan", reason)
        self._model = model
        self._layout: Layout = models.find_layout(model)
        self._layer = layer
        self._plan = plan
        self._moves = moves
        self._batch = batch

    def prompt(self, index: int, directions: Sequence[int] | None = None) -> Measured:
        """Measure prompt `index` along these directions, by default all; 0 is the probe's own."""
        chosen = list(range(len(self._moves.steps)) if directions is None else directions)
        prompt = self._cached(self._plan.prompts[index])
        here = prompt.residual.double().numpy()
        steps, readers = self._moves.steps[chosen], self._moves.readers[chosen]
        alphas = np.array(self._plan.alphas)
        shifted = (alphas[alphas != 0][None, :, None] * steps[:, None]).reshape(-1, steps.shape[1])
        taken_out = -(readers @ (here - self._moves.middle))[:, None] * steps
        values = self._functionals(prompt, np.vstack([shifted, taken_out]))
        dose = np.empty((len(chosen), len(alphas)))
        dose[:, alphas == 0] = functional(prompt.logits[None], self._plan)
        dose[:, alphas != 0] = values[: len(shifted)].reshape(len(chosen), -1)
        return Measured(dose, values[len(shifted) :])

    def neutral(self, index: int) -> float:
        """KL divergence, in nats, of neutral prompt `index`, at the worse of the outermost alphas.

        Of the next token's distribution as it is from that with the residual moved.
        """
        prompt = self._cached(self._plan.neutral[index])
        outermost = np.array([self._plan.alphas[0], self._plan.alphas[-1]])
        logits = prompt.moved(torch.from_numpy(outermost[:, None] * self._moves.steps[:1]).float())
        own = torch.log_softmax(prompt.logits.double(), dim=0)
        moved = torch.log_softmax(logits.double(), dim=1)
        return max(0.0, float((own.exp() * (own - moved)).sum(dim=1).max()))

    def _cached(self, ids: Sequence[int]) -> CachedPrompt:
        return CachedPrompt(self._model, ids, self._layer, self._layout)

    def _functionals(self, prompt: CachedPrompt, moves: Rows) -> Rows:
        pieces = [
            functional(prompt.moved(torch.from_numpy(piece).float()), self._plan)
            for piece in _pieces(moves, self._batch)
        ]
        return np.concatenate(pieces)


def _pieces(rows: Rows, size: int) -> Iterator[Rows]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def measure(
    measurer: Measurer, plan: Plan, *, on_count: OnCount = uncounted
) -> dict[str, list[Any]]:
    """All raw numbers of a plan, as the file of results has them.

    `dose` and `ablated` are of each prompt along the probe's direction; `random_dose` and
    `random_ablated` of each random direction, the mean over the prompts; `neutral_kl` of each
    neutral prompt.
    """
    total = len(plan.prompts) + len(plan.neutral)
    found: list[Measured] = []
    for index in range(len(plan.prompts)):
        on_count(index, total)
        found.append(measurer.prompt(index))
    neutral = []
    for index in range(len(plan.neutral)):
        on_count(len(plan.prompts) + index, total)
        neutral.append(measurer.neutral(index))
    on_count(total, total)
    return {
        "dose": [one.dose[0].tolist() for one in found],
        "random_dose": np.mean([one.dose[1:] for one in found], axis=0).tolist(),
        "ablated": [float(one.ablated[0]) for one in found],
        "random_ablated": np.mean([one.ablated[1:] for one in found], axis=0).tolist(),
        "neutral_kl": neutral,
    }


def write_results(
    path: Path,
    raw: dict[str, list[Any]],
    plan: Plan,
    *,
    probe_set_sha256: str,
    model_id: str,
    layer: int,
) -> None:
    """Write the file of results.

    Raises:
        SaveError: It could not be written.
    """
    written = {
        "format": FORMAT,
        "plan_sha256": plan.digest.hex(),
        "probe_set_sha256": probe_set_sha256,
        "model_id": model_id,
        "layer": layer,
        "dimension": plan.dimension,
        "alphas": list(plan.alphas),
        "kl_bound": plan.kl_bound,
        **raw,
    }
    text = json.dumps(written, indent=2, ensure_ascii=False, allow_nan=False)
    write_together({path: (text + "\n").encode()})
