"""Make TOPLOC proofs while a model generates."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import InputError
from ..models import HEAD_INPUT, Rows, observe
from .building import Builder
from .chunks import Ties


@dataclass(frozen=True)
class Produced:
    """One sequence and its proofs.

    Attributes:
        prompt: Token ids, without padding.
        output: Ids of the produced tokens, up to and with the one that ended the text.
        proofs: One for every `chunk` of them.
        states: What they were made from, (tokens, width) on the CPU, where it was to be kept.
    """

    prompt: list[int]
    output: list[int]
    proofs: list[bytes]
    states: Tensor | None = None

    @property
    def kept_states(self) -> Tensor:
        """The states.

        Raises:
            InputError: They were not kept.
        """
        if self.states is None:
            raise InputError("mismatch", "states", "were not kept; say keep_states=True")
        return self.states


@dataclass
class Watched:
    """What was produced under `watch`, in the order of the calls and of their batches."""

    sequences: list[Produced] = field(default_factory=list)

    @property
    def proofs(self) -> list[list[bytes]]:
        """The proofs of each sequence."""
        return [sequence.proofs for sequence in self.sequences]


@contextmanager
def watch(
    model: PreTrainedModel,
    *,
    chunk: int = 32,
    k: int = 128,
    merge_short_tails: bool = False,
    ties: Ties = "reference",
    rounded: bool = False,
    keep_states: bool = False,
    all_threads: bool = False,
) -> Iterator[Watched]:
    """Make proofs of every `model.generate(..)` within the block, from the passes that it makes.

    Of those that this thread runs, so that a server can answer several requests at once, each under
    a watch of its own (`assay.models.observe`).

    A proof covers, for each produced token, the state from which it was produced: the one that the
    language model head sees. Batches are followed row by row; a sequence ends at its end-of-text
    token.

    Args:
        model: On any device. Its method `generate` is wrapped until the block ends.
        chunk: As for `build`, as the others.
        k: At most the width of the model.
        merge_short_tails: As for `build`.
        ties: As for `build`.
        rounded: Needed for models that are not in bfloat16.
        keep_states: Keep the states too, where otherwise one chunk of them is.
        all_threads: See what every thread runs.

    Raises:
        InputError: The model has no language model head, or is in another dtype ("unsupported"); or
            as `assay.models.observe`.
    """
    if model.dtype != torch.bfloat16 and not rounded:
        reason = f"in {model.dtype}; load it in bfloat16, or say rounded=True to round its states"
        raise InputError("unsupported", type(model).__name__, reason)
    prover = Prover(
        chunk=chunk,
        k=k,
        merge_short_tails=merge_short_tails,
        ties=ties,
        rounded=rounded,
        keep_states=keep_states,
    )
    with observe(model, prover, all_threads=all_threads):
        yield prover.watched


class Prover:
    """An observer that makes the proofs of each sequence; `watch` has one.

    To be used where others see the same passes: `assay.capture(.., observers=[prover])`.

    The arguments are those of `watch`.

    Attributes:
        watched: What was produced.
    """

    taps = (HEAD_INPUT,)

    def __init__(
        self,
        *,
        chunk: int = 32,
        k: int = 128,
        merge_short_tails: bool = False,
        ties: Ties = "reference",
        rounded: bool = False,
        keep_states: bool = False,
    ) -> None:
        def builder() -> Builder:
            return Builder(
                chunk=chunk, k=k, merge_short_tails=merge_short_tails, ties=ties, rounded=rounded
            )

        builder()  # wrong arguments are told here, not in the midst of a pass
        self.watched = Watched()
        self._builder: Callable[[], Builder] = builder
        self._keep_states = keep_states
        self._open: dict[int, _Open] = {}

    def begin(self, sequence: int, prompt: list[int]) -> None:
        """As `assay.models.Observer`."""
        self._open[sequence] = _Open(prompt, self._builder())

    def rows(self, tap: int, rows: Rows) -> None:
        """As `assay.models.Observer`."""
        for sequence, position, values in rows:
            one = self._open[sequence]
            # The last row of the prompt is the first that a token was chosen from.
            chosen_from = values[max(0, len(one.prompt) - 1 - position) :]
            one.proofs += one.builder.extend(chosen_from)
            if self._keep_states:
                one.states.append(chosen_from.to("cpu", copy=True))

    def end(self, sequence: int, output: list[int]) -> None:
        """As `assay.models.Observer`.

        Raises:
            InputError: The head did not see one state for each token ("unsupported").
        """
        one = self._open.pop(sequence)
        rows = one.builder.tokens
        if rows != len(output):
            reason = f"{rows} states for {len(output)} new tokens"
            raise InputError("unsupported", "generate", reason)
        tail = one.builder.finish()
        proofs = one.proofs if tail is None else [*one.proofs, tail]
        states = torch.cat(one.states) if self._keep_states else None
        self.watched.sequences.append(Produced(one.prompt, output, proofs, states))

    def drop(self, sequence: int) -> None:
        """As `assay.models.Observer`."""
        self._open.pop(sequence, None)


@dataclass
class _Open:
    """A sequence that has not ended."""

    prompt: list[int]
    builder: Builder
    proofs: list[bytes] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)
