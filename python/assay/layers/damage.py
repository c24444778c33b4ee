"""What a changed layer does to a model's answers, measured, whatever any score says of it.

A layer, or a group of them, is rounded, noised or pruned; the model runs over given tokens, and its
scores of the next token are compared with those of the model as it is. The blocks before the first
changed layer are not run again.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import InputError
from ..models import (
    KeptPass,
    LinearLayer,
    altered,
    find_layout,
    generate,
    linear_layers,
    noised,
    pruned,
    rounded,
    settings_for,
)
from ..progress import OnProgress, Progress, ignore
from .layer_groups import Group

Kind = Literal["round", "noise", "prune"]
KINDS: tuple[Kind, ...] = ("round", "noise", "prune")

# Rows of scores that are compared at once, so that copies of them in float64 stay small.
_ROWS = 64


@dataclass(frozen=True)
class Change:
    """How the weights of a layer are changed.

    Attributes:
        kind: "round" to few bits, "noise" added, or "prune": the smallest are 0.
        bits: Of "round"; symmetric, 4 bits leave 15 values.
        group: Weights of an output channel that share a scale, of "round".
        strength: Of "noise", in units of the weights' root mean square.
        share: Of "prune": of the layer's weights.
        seed: Of "noise"; layer i draws from seed * 65536 + i.
    """

    kind: Kind = "round"
    bits: int = 4
    group: int = 128
    strength: float = 0.1
    share: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        wrong = [
            ("kind", self.kind not in KINDS, f"one of {', '.join(KINDS)}"),
            ("bits", not 2 <= self.bits <= 16, "2 to 16"),
            ("group", not 1 <= self.group <= 1 << 20, "1 to 1048576"),
            ("strength", not 0 < self.strength < math.inf, "a number above 0"),
            ("share", not 0 < self.share <= 1, "above 0 and at most 1"),
            ("seed", not 0 <= self.seed < 1 << 40, "0 to 2**40 - 1"),
        ]
        for name, is_wrong, wanted in wrong:
            if is_wrong:
                reason = f"{getattr(self, name)}; {wanted} is needed"
                raise InputError("out_of_range", f"change: {name}", reason)

    def described(self) -> dict[str, Any]:
        """What decides the changed values, for a file."""
        belongs = {"round": ("bits", "group"), "noise": ("strength", "seed"), "prune": ("share",)}
        return {name: asdict(self)[name] for name in ("kind", *belongs[self.kind])}

    def of(self, index: int, weight: Tensor) -> Tensor:
        """The weights (outputs, inputs) of layer `index`, changed."""
        if self.kind == "round":
            return rounded(weight, self.bits, self.group)
        if self.kind == "noise":
            return noised(weight, self.strength, self.seed * 65536 + index)
        return pruned(weight, self.share)


@dataclass(frozen=True)
class Damage:
    """What a change did, over all tokens.

    Attributes:
        kl: The Kullback-Leibler divergence of the changed model's next token from the model's own,
            in nats; mean over the tokens.
        kl_max: The largest of a token.
        logit_change: Root mean square of the change of the scores, divided by the standard
            deviation of the scores of a token (mean over tokens, of squares both).
        changed_tokens: The share of tokens whose most likely next token is another.
    """

    kl: float
    kl_max: float
    logit_change: float
    changed_tokens: float


class Bench:
    """A model and tokens, ready for changes to be measured on."""

    def __init__(self, model: PreTrainedModel, ids: Tensor) -> None:
        """Run the model over the tokens once.

        Args:
            model: In evaluation mode; unchanged when a measurement has ended.
            ids: (sequences, tokens), without padding.

        Raises:
            InputError, LayoutError: As `KeptPass` and `linear_layers`.
        """
        layout = find_layout(model)
        self.layers: Sequence[LinearLayer] = linear_layers(model, layout)
        self._pass = KeptPass(model, ids, layout)
        self._unchanged = Unchanged(self._pass.logits.flatten(0, 1))

    def measure(self, group: Group, change: Change) -> Damage:
        """The damage of changing these layers together."""
        layers = [self.layers[index] for index in group]
        first = min(layer.block for layer in layers)
        weights = [layer.weight for layer in layers]
        with altered(weights, lambda at, weight: change.of(group[at], weight)):
            logits = self._pass.again(first)
        return self._unchanged.compared(logits.flatten(0, 1))


class Unchanged:
    """Scores of the next token by the model as it is, to compare others with."""

    def __init__(self, logits: Tensor) -> None:
        """Keep what every comparison needs.

        Args:
            logits: (tokens, vocabulary).
        """
        self._logits = logits.double()
        self._normaliser = self._logits.logsumexp(-1)
        self._probabilities = (self._logits - self._normaliser[:, None]).exp()
        self._spread = float(self._logits.var(-1, correction=0).sum())
        self._likeliest = self._logits.argmax(-1)

    def compared(self, changed: Tensor) -> Damage:
        """What lies between them and other scores of the same tokens.

        Raises:
            InputError: NaN or infinite scores ("out_of_range").
        """
        divergences, moved, others = [], 0.0, 0
        for start in range(0, len(changed), _ROWS):
            rows = slice(start, start + _ROWS)
            other = changed[rows].double()
            moves = self._logits[rows] - other
            # KL = E[ln p - ln q], and ln p - ln q is the change of the score less that of the
            # normaliser.
            mean = (self._probabilities[rows] * moves).sum(-1)
            normalisers = self._normaliser[rows] - other.logsumexp(-1)
            divergences.append((mean - normalisers).clamp_min(0))
            moved += float(moves.square().mean(-1).sum())
            others += int((self._likeliest[rows] != other.argmax(-1)).sum())
        kl = torch.cat(divergences)
        change = math.sqrt(moved / self._spread) if self._spread else math.nan
        figures = float(kl.mean()), float(kl.max()), change
        if not all(map(math.isfinite, figures)):
            reason = "scores that are NaN, infinite or all alike; try --dtype float32"
            raise InputError("out_of_range", "logits", reason)
        return Damage(*figures, others / len(kl))


def measure_all(
    bench: Bench,
    groups: Sequence[Group],
    change: Change,
    report: OnProgress = ignore,
) -> Iterator[tuple[Group, Damage, float]]:
    """Each group's damage and the seconds it took, in their order; `report` is told of each."""
    for done, group in enumerate(groups):
        report(Progress("measure", done, len(groups)))
        started = time.monotonic()
        damage = bench.measure(group, change)
        yield group, damage, time.monotonic() - started
    report(Progress("measure", len(groups), len(groups)))


def answers(
    model: PreTrainedModel,
    encode: Callable[[int], list[list[int]]],
    *,
    tokens: int,
    length: int,
) -> Tensor:
    """Sequences of equal length: prompts, each continued by the model as it would answer.

    The damage to a model's own answers is what somebody who checks these answers would see.

    Args:
        model: In evaluation mode; picks the likeliest token, and ends no sequence early.
        encode: Gives the token ids of the first n prompts.
        tokens: In all; the number of sequences is tokens // length, at least 1.
        length: Of each sequence; a longer prompt is cut.

    Raises:
        InputError: No whole sequence ("out_of_range"), or more prompts than there are.
    """
    if not 2 <= length <= tokens:
        reason = f"sequences of {length} tokens, {tokens} in all; give 2 or more, and one sequence"
        raise InputError("out_of_range", "tokens", reason)
    prompts = [ids[: length - 1] for ids in encode(tokens // length)]
    fewest = min(map(len, prompts))
    settings = settings_for(model, length - fewest, min_new_tokens=length - fewest)
    rows = []
    for prompt, output in generate(model, prompts, settings):
        row = [*prompt, *output][:length]
        if len(row) < length:
            reason = f"a sequence of {len(row)} tokens, where {length} are needed"
            raise InputError("out_of_range", "answers", reason)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.int64)
