"""Which row of a pass belongs to which token of which sequence."""

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import InputError, LayoutError
from .hooks import OnTensor, hooked
from .layout import Place, head_of
from .rows import Observer, Rows, Span

_NUMBERS = itertools.count()


class Attached(NamedTuple):
    """An observer of a model, where its taps are, and the one thread that it listens to, if any."""

    observer: Observer
    places: list[Place]
    thread: int | None = None


class Run:
    """One call of generate(), or one pass over given tokens, and which row of it is whose.

    Prompts may be padded on the left, sequences may end before others of their batch, and passes
    may be made with a cache or without.

    Args:
        model: Runs within `followed`.
        attached: The observers and their places.
        inputs: Token ids, (sequences, tokens), padding included.
        mask: Where they are no padding, where the model's own is of another form; None: everywhere.
        ends: Tokens that end a text.
        prompt: How many of the inputs are the prompt, where they are not all.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        attached: Sequence[Attached],
        inputs: Tensor,
        mask: Tensor | None,
        ends: Sequence[int] = (),
        prompt: int | None = None,
    ) -> None:
        if model.config.is_encoder_decoder:
            head_of(model)  # refuses it
        self._model = model
        self._observers = [one.observer for one in attached]
        self._watchers: dict[Place, list[tuple[Observer, int]]] = {}
        for one in attached:
            for tap, place in enumerate(one.places):
                self._watchers.setdefault(place, []).append((one.observer, tap))
        self._inputs = inputs
        self._mask = mask
        self._ends = torch.tensor(list(ends), dtype=torch.int64)
        self._prompt = prompt
        self._thread = threading.get_ident()
        self._sequences: list[_Sequence] = []
        self._begun: list[tuple[Observer, int]] = []
        self._passes = 0
        # Of the pass under way: tokens that each sequence is fed, and spans by rows of a sequence.
        self._fed = 0
        self._spans: dict[int, tuple[Span, ...]] = {}

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the passes that this thread makes with the model within the block."""
        handle = self._model.register_forward_pre_hook(self._before, with_kwargs=True)
        try:
            with ExitStack() as hooks:
                for place, watchers in self._watchers.items():
                    hooks.enter_context(hooked(*place, self._taker(watchers)))
                yield
        finally:
            handle.remove()
            # Those that have ended are not among them any more.
            for observer, sequence in self._begun:
                observer.drop(sequence)

    def finish(self, tokens: Tensor) -> None:
        """Tell the observers what generate() gave: (sequences, inputs and new tokens).

        Raises:
            InputError: It did not make one pass for each token ("unsupported").
        """
        start = self._inputs.shape[1]
        new = tokens.shape[1] - start
        # On some devices a pass more is made, and taken back.
        if tokens.shape[0] != len(self._sequences) or not new <= self._passes <= new + 1:
            reason = f"made {self._passes} passes for {new} new tokens"
            raise InputError("unsupported", "generate", reason)
        self.end([upto_end(row, self._ends.tolist()) for row in tokens[:, start:].tolist()])

    def end(self, outputs: Sequence[list[int]]) -> None:
        """Tell the observers what each of the sequences produced."""
        for sequence, output in zip(self._sequences, outputs, strict=True):
            for observer in self._observers:
                self._begun.remove((observer, sequence.number))
                observer.end(sequence.number, output)

    def _before(
        self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
    ) -> None:
        if threading.get_ident() != self._thread:
            return
        given = kwargs or {}
        ids = given.get("input_ids", args[0] if args else None)
        if not isinstance(ids, Tensor):
            raise InputError("unsupported", "generate", "a pass without token ids")
        if self._passes == 0:
            self._begin(ids, given)
        elif len(self._ends) > 0:
            # What a pass is fed ends with the token that the pass before produced.
            ended = torch.isin(ids[:, -1].cpu(), self._ends).tolist()
            for sequence, end in zip(self._sequences, ended, strict=True):
                sequence.running = sequence.running and not end
        self._passes += 1
        self._fed = ids.shape[1]
        self._spans = {}

    def _begin(self, ids: Tensor, given: Mapping[str, Any]) -> None:
        inputs = self._inputs.repeat_interleave(ids.shape[0] // self._inputs.shape[0], 0)
        # A model may be given its mask in another form, or none where nothing is padding.
        own = given.get("attention_mask")
        mask = own if isinstance(own, Tensor) and own.ndim == 2 else self._mask
        if mask is None:
            mask = torch.ones_like(inputs)
        mask = mask.repeat_interleave(max(1, inputs.shape[0] // mask.shape[0]), 0)
        if mask.shape != inputs.shape or _cached(given) + ids.shape[1] != inputs.shape[1]:
            reason = "goes on from a cache; give all tokens, those that are in it too"
            raise InputError("unsupported", "generate", reason)
        for row, places in zip(inputs.tolist(), mask.bool().tolist(), strict=True):
            if not places[-1]:
                raise InputError("unsupported", "generate", "padding on the right; pad on the left")
            prompt = [token for token, real in zip(row, places, strict=True) if real]
            sequence = _Sequence(next(_NUMBERS), len(prompt), _pieces(places))
            self._sequences.append(sequence)
            for observer in self._observers:
                self._begun.append((observer, sequence.number))
                observer.begin(sequence.number, prompt[: self._prompt])

    def _taker(self, watchers: list[tuple[Observer, int]]) -> OnTensor:
        # The head may be given one row of each sequence, without an axis of tokens.
        one_each = any(observer.taps[tap].tap == "head_input" for observer, tap in watchers)

        told = 0

        def take(state: Tensor) -> None:
            nonlocal told
            if told == self._passes:
                raise self._not_rows("from a module that is called more than once in a pass")
            told = self._passes
            rows = self._rows(state, one_each)
            if rows.spans:
                for observer, tap in watchers:
                    observer.rows(tap, rows)

        return take

    def _rows(self, state: Tensor, one_each: bool) -> Rows:
        shape, count = state.shape, len(self._sequences)
        if len(shape) == 3 and shape[0] == count:
            each, values = shape[1], state.flatten(0, 1)
        else:
            each, values = self._fed, state
            if one_each and shape[0] == count:
                each = 1
            if len(shape) != 2 or shape[0] != count * each:
                raise self._not_rows(f"of shape {tuple(shape)}, of {count} sequences")
        spans = self._spans.get(each)
        if spans is None:
            spans = self._spans[each] = tuple(self._spans_of(each))
        return Rows(values, spans)

    def _not_rows(self, reason: str) -> LayoutError:
        return LayoutError("unsupported", type(self._model).__name__, f"rows {reason}")

    def _spans_of(self, each: int) -> Iterator[Span]:
        """Whose rows these are, where the tensor has `each` of every sequence: the last ones."""
        columns = self._inputs.shape[1] + self._passes - 1
        for index, sequence in enumerate(self._sequences):
            # The row of column 0, were it there.
            zero = (index + 1) * each - columns
            if self._passes > 1:
                if sequence.running:
                    position = sequence.prompt + self._passes - 2
                    yield Span(sequence.number, position, zero + columns - 1, zero + columns)
                continue
            for start, stop, position in sequence.pieces:
                begin = max(start, columns - each)
                if begin < stop:
                    at = position + begin - start
                    yield Span(sequence.number, at, zero + begin, zero + stop)


@dataclass
class _Sequence:
    """One sequence of a run.

    Attributes:
        number: By which observers know it.
        prompt: Its tokens.
        pieces: Where in the inputs these are: first column, the one after the last, position.
        running: Whether it has not ended.
    """

    number: int
    prompt: int
    pieces: list[tuple[int, int, int]]
    running: bool = True


def _pieces(places: Sequence[bool]) -> list[tuple[int, int, int]]:
    pieces, position = [], 0
    for real, columns in itertools.groupby(range(len(places)), places.__getitem__):
        if real:
            listed = list(columns)
            pieces.append((listed[0], listed[-1] + 1, position))
            position += len(listed)
    return pieces


def _cached(given: Mapping[str, Any]) -> int:
    """Tokens that the cache of a pass holds before it, as far as it can tell."""
    length = getattr(given.get("past_key_values"), "get_seq_length", None)
    try:
        return 0 if length is None else int(length())
    except ValueError:  # without attention none are counted
        return 0


def upto_end(tokens: list[int], ends: Sequence[int]) -> list[int]:
    """The tokens up to and with the first that ends a text."""
    ended = (index for index, token in enumerate(tokens) if token in ends)
    return tokens[: next(ended, len(tokens) - 1) + 1]
