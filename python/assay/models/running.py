"""Which row of a pass belongs to which token of which sequence."""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ..errors import InputError, LayoutError
from .hooks import OnGiven, OnState, Takers, Taking, has_forward_of_its_own, state_given, taking
from .layout import Place, require_decoder
from .rows import Follower, NativeObserver, Observer, Rows, Span, TokenObserver

_NUMBERS = itertools.count()


@dataclass(eq=False)
class Attached:
    """An observer of a model, and where its taps are.

    Attributes:
        observer: That one.
        places: One for each of its taps.
        missed: By module of the model, its passes that were no concern of it.
        heard: Whether it was told of a run.
    """

    observer: Observer
    places: list[Place]
    missed: Counter[nn.Module] = field(default_factory=Counter)
    heard: bool = False

    def most_missed(self) -> int:
        """Passes of the model that were no concern of it, each of which runs several modules."""
        return max(self.missed.values(), default=0)


class Run:
    """One call of generate(), or one pass over given tokens, and which row of it is whose.

    Prompts may be padded on the left, sequences may end before others of their batch, and passes
    may be made with a cache or without.

    Args:
        model: Runs within `followed`, in evaluation mode.
        attached: The observers and their places.
        inputs: Token ids, (sequences, tokens), padding included.
        mask: Where they are no padding, where the model's own is of another form; None: everywhere.
        ends: Tokens that end a text.
        prompts: How many of each sequence's tokens are its prompt, where they are not all: one pass
            is made, and what is padding, by `mask`, is on the right.

    Raises:
        InputError: A model that cannot be followed ("unsupported").
    """

    def __init__(
        self,
        model: PreTrainedModel,
        attached: Sequence[Attached],
        inputs: Tensor,
        mask: Tensor | None,
        ends: Sequence[int] = (),
        prompts: Sequence[int] | None = None,
    ) -> None:
        require_decoder(model.config, type(model).__name__)
        training = model if model.training else _first_that_drops(model)
        if training is not None:
            reason = (
                "in training mode, where a pass draws what it drops: call the model's eval() first"
            )
            raise InputError("unsupported", type(training).__name__, reason)
        self._model = model
        self._observers = [one.observer for one in attached]
        self._of_tokens = [one for one in self._observers if isinstance(one, TokenObserver)]
        self._watchers: dict[Place, list[tuple[Observer, int]]] = {}
        self._followers: dict[int, Follower] = {}  # by id of their observers
        for one in attached:
            one.heard = True
            for tap, place in enumerate(one.places):
                self._watchers.setdefault(place, []).append((one.observer, tap))
        self._inputs = inputs
        self._mask = mask
        self._ends = frozenset(ends)
        self._prompts = prompts
        self._sequences: list[_Sequence] = []
        self._begun: list[tuple[Observer, int]] = []
        self._passes = 0
        # Of the pass under way: tokens that each sequence is fed, and spans, by rows of a sequence
        # and by the shapes that blocks give.
        self._fed = 0
        self._spans: dict[int | tuple[int, ...], tuple[Span, ...]] = {}

    @contextmanager
    def followed(self, scored: nn.Module | None = None) -> Iterator[None]:
        """Follow the passes that this thread makes with the model within the block.

        Args:
            scored: Is given the last row alone of what it would be given. Observers see all.
        """
        given: dict[nn.Module, OnGiven] = {self._model: self._before}
        returned: dict[nn.Module, OnState] = {}
        natively: dict[nn.Module, Takers] = {}
        self._followers = {
            id(one): one.follow(self._spans_for)
            for one in self._observers
            if isinstance(one, NativeObserver)
        }
        for place, told in self._watchers.items():
            module, side = place
            watchers = told
            if side == "output" or (_leaves_its_input(module) and module is not scored):
                watchers = [one for one in told if id(one[0]) not in self._followers]
                self._take_natively(place, natively)
            if not watchers:
                continue
            take = self._taker(watchers)
            if side == "input":
                given[module] = _on_given(take)
            else:
                returned[module] = take
        if scored is not None:
            given[scored] = _then_last_row(given.get(scored))
        try:
            with taking(Taking(given, returned, natively)):
                yield
        finally:
            self._followers = {}
            # Those that have ended are not among them any more.
            for observer, sequence in self._begun:
                observer.drop(sequence)

    def finish(self, tokens: Tensor) -> None:
        """Tell the observers what generate() gave: (sequences, inputs and new tokens).

        Raises:
            InputError: It did not make one pass for each token ("unsupported").
        """
        if not self._sequences:
            raise self._not_called(len(tokens))
        start = self._inputs.shape[1]
        new = tokens.shape[1] - start
        # On some devices a pass more is made, and taken back.
        if tokens.shape[0] != len(self._sequences) or not new <= self._passes <= new + 1:
            reason = f"made {self._passes} passes for {new} new tokens"
            raise InputError("unsupported", "generate", reason)
        self.end([upto_end(row, self._ends) for row in tokens[:, start:].tolist()])

    def end(self, outputs: Sequence[list[int]]) -> None:
        """Tell the observers what each of the sequences produced.

        Raises:
            InputError: The model was not called for them ("unsupported").
        """
        if len(outputs) != len(self._sequences):
            raise self._not_called(len(outputs))
        for sequence, output in zip(self._sequences, outputs, strict=True):
            for observer in self._observers:
                self._begun.remove((observer, sequence.number))
                observer.end(sequence.number, output)

    def _not_called(self, sequences: int) -> InputError:
        reason = f"a pass over {sequences} sequences where {len(self._sequences)} are followed"
        if not self._sequences:
            reason = "its passes are made by another module, or by code that calls no hooks"
        return InputError("unsupported", type(self._model).__name__, reason)

    def _before(self, args: tuple[Any, ...], given: Mapping[str, Any]) -> None:
        ids = given.get("input_ids", args[0] if args else None)
        if not isinstance(ids, Tensor):
            raise InputError("unsupported", "generate", "a pass without token ids")
        if self._passes == 0:
            self._begin(ids, given)
        if ids.shape[0] != len(self._sequences):
            raise self._not_called(ids.shape[0])
        if self._passes > 0 and (self._ends or self._of_tokens):
            # What a pass is fed ends with the token that the pass before produced.
            for sequence, token in zip(self._sequences, ids[:, -1].tolist(), strict=True):
                if sequence.running:
                    for observer in self._of_tokens:
                        observer.token(sequence.number, token)
                    sequence.running = token not in self._ends
        self._passes += 1
        self._fed = ids.shape[1]
        self._spans = {}
        for follower in self._followers.values():
            follower.begin_pass(len(self._sequences), self._fed)

    def _begin(self, ids: Tensor, given: Mapping[str, Any]) -> None:
        inputs = self._inputs.repeat_interleave(ids.shape[0] // self._inputs.shape[0], 0)
        # A model may be given its mask in another form, or none where nothing is padding.
        own = given.get("attention_mask")
        mask = own if isinstance(own, Tensor) and own.ndim == 2 else self._mask
        if mask is None:
            mask = torch.ones_like(inputs)
        mask = mask.repeat_interleave(max(1, inputs.shape[0] // mask.shape[0]), 0)
        if inputs.shape[1] == 0:
            raise InputError("unsupported", "generate", "a prompt without tokens")
        if ids.shape[1] > inputs.shape[1]:
            raise InputError("unsupported", "generate", "feeds tokens that it was not given")
        if mask.shape != inputs.shape or _cached(given) + ids.shape[1] != inputs.shape[1]:
            reason = "goes on from a cache; give all tokens, those that are in it too"
            raise InputError("unsupported", "generate", reason)
        listed = zip(inputs.tolist(), mask.bool().tolist(), strict=True)
        for index, (row, places) in enumerate(listed):
            if not any(places):
                row_given = index // (inputs.shape[0] // self._inputs.shape[0])
                reason = f"row {row_given} has no token that is not padding"
                raise InputError("unsupported", "generate", reason)
            if not places[-1] and self._prompts is None:
                raise InputError("unsupported", "generate", "padding on the right; pad on the left")
            prompt = [token for token, real in zip(row, places, strict=True) if real]
            sequence = _Sequence(next(_NUMBERS), len(prompt), _pieces(places))
            self._sequences.append(sequence)
            for observer in self._observers:
                self._begun.append((observer, sequence.number))
                own = len(prompt) if self._prompts is None else self._prompts[index]
                observer.begin(sequence.number, prompt[:own])

    def _take_natively(self, place: Place, natively: dict[nn.Module, Takers]) -> None:
        """Let those followers take what comes by there that want it."""
        for observer, tap in self._watchers[place]:
            follower = self._followers.get(id(observer))
            if follower is None:
                continue
            watchers = [(observer, tap)]
            taker = follower.taker(tap, _is_whole(watchers), self._taker(watchers))
            takers = natively.setdefault(place.module, Takers())
            (takers.given if place.side == "input" else takers.returned).append(taker)

    def _taker(self, watchers: list[tuple[Observer, int]]) -> Callable[..., None]:
        whole = _is_whole(watchers)
        one_each = any(observer.taps[tap].tap == "head_input" for observer, tap in watchers)
        told = 0

        # Runs for each tap and token.
        def take(state: Tensor, again: bool = False) -> None:
            nonlocal told
            if again or told == self._passes:
                raise self._not_rows("from a module that is called more than once in a pass")
            told = self._passes
            spans = self._spans.get(state.shape) if whole else None
            if spans is None:
                spans = self._spans_for(self._each(state.shape, whole, one_each))
                if whole:
                    self._spans[state.shape] = spans
            if spans:
                rows = Rows(state, spans)
                for observer, tap in watchers:
                    observer.rows(tap, rows)

        return take

    def _each(self, shape: tuple[int, ...], whole: bool, one_each: bool) -> int:
        """How many rows of each sequence a tensor of this shape has."""
        count, fed = len(self._sequences), self._fed
        if len(shape) == 2 and shape[0] == count * fed:
            return fed
        if len(shape) == 2 and one_each and shape[0] == count:
            return 1
        if len(shape) < 3 or shape[0] != count or (len(shape) > 3 and not whole):
            raise self._not_rows(f"of shape {tuple(shape)}, of {count} sequences")
        if shape[1] != fed and (whole or shape[1] > fed):
            raise self._not_rows(f"of shape {tuple(shape)}, of {count} sequences of {fed} tokens")
        return shape[1]

    def _not_rows(self, reason: str) -> LayoutError:
        return LayoutError("unsupported", type(self._model).__name__, f"rows {reason}")

    def _spans_for(self, each: int) -> tuple[Span, ...]:
        spans = self._spans.get(each)
        if spans is None:
            spans = self._spans[each] = tuple(self._spans_of(each))
        return spans

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


def _is_whole(watchers: list[tuple[Observer, int]]) -> bool:
    """Whether the tensors of a place have a row for each token that was fed.

    Blocks give every row, and a row may have axes of its own. The others may be given the last rows
    alone, and the head one of each without an axis of tokens.
    """
    kinds = {observer.taps[tap].tap for observer, tap in watchers}
    return not kinds & {"head_input", "linear_input", "linear_output"}


def _leaves_its_input(module: nn.Module) -> bool:
    """Whether what a module was given is the same once it has returned."""
    return type(module) in (nn.Linear, Conv1D) and not has_forward_of_its_own(module)


def _first_that_drops(model: nn.Module) -> nn.Module | None:
    # As model.modules() goes, without its names, which take it as long as some passes take.
    waiting: list[nn.Module | None] = [model]
    while waiting:
        module = waiting.pop()
        if module is None:
            continue
        if module.training and _drops(module):
            return module
        waiting.extend(module._modules.values())
    return None


def _drops(module: nn.Module) -> bool:
    """Whether a module that somebody put into training mode alone makes passes differ."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return True
    held = vars(module)
    rates = [held["p"]] if isinstance(module, nn.modules.dropout._DropoutNd) else []
    # Attention that torch computes is told its rate, which models keep as a number.
    rates += [value for name, value in held.items() if "drop" in name]
    return any(isinstance(rate, float) and rate > 0 for rate in rates)


def _on_given(take: OnState) -> OnGiven:
    def on_given(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        state = state_given(args, kwargs)
        if state is not None:
            take(state)

    return on_given


def _then_last_row(tell: OnGiven | None) -> OnGiven:
    """Arguments of the head with the last row in place of all, after it was told of all."""

    def on_given(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if tell is not None:
            tell(args, kwargs)
        if args:
            return (args[0][:, -1:], *args[1:]), kwargs
        name = next(iter(kwargs))
        return args, {**kwargs, name: kwargs[name][:, -1:]}

    return on_given


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


def upto_end(tokens: list[int], ends: Collection[int]) -> list[int]:
    """The tokens up to and with the first that ends a text."""
    ended = (index for index, token in enumerate(tokens) if token in ends)
    return tokens[: next(ended, len(tokens) - 1) + 1]
