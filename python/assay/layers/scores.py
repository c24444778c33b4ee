"""Scores of a model's layers, as `assay layers score` writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .random_runs import EMPTY, Interval
from .reading import read_object
from .selecting import LayerScores

_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Scores:
    """What is read of a file of scores.

    Attributes:
        model_name: As the model is called.
        metric_name: What the scores come from.
        names: Of the layers: "<block>.<module path>".
        values: Their significance.
        costs: Their parameters.
        ratios: Their pruning ratios.
        metrics: The raw metric of each; None in files that do not say it.
        blocks: Layers of each block.
    """

    model_name: str
    metric_name: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    costs: tuple[int, ...]
    ratios: tuple[float, ...]
    metrics: tuple[float, ...] | None
    blocks: tuple[range, ...]

    @property
    def short_name(self) -> str:
        """The model's name in names of files: the last part of its path."""
        return self.model_name.rstrip("/").rpartition("/")[2]

    def value_of(self, run: Interval) -> float:
        """The significance of a run."""
        return 0.0 if run == EMPTY else sum(self.values[run[0] : run[1] + 1])

    def cost_of(self, run: Interval) -> int:
        """The parameters of a run."""
        return 0 if run == EMPTY else sum(self.costs[run[0] : run[1] + 1])


def read_scores(path: Path) -> Scores:
    """Read a file of scores, ours or one of the original pipeline.

    Raises:
        InputError: It cannot be read.
        DecodeError: It is no such file: with the place.
    """
    # The native reader demands every field, once and within its range; what it does not hand on is
    # taken from the same text.
    plain = LayerScores.read(path)
    fields = read_object(path, _MOST_BYTES)
    layers = list(fields.objects("layers"))
    own = fields.fields.get("assay")
    metrics = own.get("metrics") if isinstance(own, dict) else None
    return Scores(
        plain.model,
        fields.text("metric_name"),
        tuple(plain.names),
        tuple(plain.values),
        tuple(plain.costs),
        tuple(entry.number("pruning_ratio") for entry in layers),
        tuple(map(float, metrics)) if metrics else None,
        tuple(
            range(entry.integer("start_layer_index"), entry.integer("end_layer_index") + 1)
            for entry in fields.objects("blocks")
        ),
    )


def quarters(scores: Sequence[float]) -> dict[str, list[float]]:
    """Scores by the quarter of the depth that their layer is in."""
    names = ("first quarter", "second", "third", "last quarter")
    edges = [len(scores) * quarter // 4 for quarter in range(5)]
    return {name: list(scores[edges[at] : edges[at + 1]]) for at, name in enumerate(names)}
