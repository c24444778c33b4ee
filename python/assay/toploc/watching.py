"""Make TOPLOC proofs while a transformers model generates."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import InputError
from .building import Builder
from .chunks import Ties
from .head_input import head_inputs, head_of

# What makes a call of generate() run more than one row of a sequence at a time, or move sequences
# from row to row.
_ONE_ROW = {
    "num_beams": (1, "beam search moves sequences from row to row"),
    "num_beam_groups": (1, "beam search moves sequences from row to row"),
    "assistant_model": (None, "assisted decoding checks several tokens in one pass"),
    "prompt_lookup_num_tokens": (None, "prompt lookup checks several tokens in one pass"),
    "prefill_chunk_size": (None, "a prompt in pieces gives the head more than one row"),
    "penalty_alpha": (None, "contrastive search runs several candidates for each token"),
    "dola_layers": (None, "DoLa scores states other than the last"),
}


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
) -> Iterator[Watched]:
    """Make proofs of every `model.generate(..)` within the block, from the passes that it makes.

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

    Raises:
        InputError: The model has no language model head, or is in another dtype ("unsupported"); a
            call of generate() that does not make one row of each sequence for each token.
    """
    name = type(model).__name__
    head_of(model)
    if model.dtype != torch.bfloat16 and not rounded:
        reason = f"in {model.dtype}; load it in bfloat16, or say rounded=True to round its states"
        raise InputError("unsupported", name, reason)

    def builder() -> Builder:
        return Builder(
            chunk=chunk, k=k, merge_short_tails=merge_short_tails, ties=ties, rounded=rounded
        )

    builder()  # wrong arguments are told here, not in the midst of a pass
    watched = Watched()
    own = vars(model).get("generate")
    untyped: Any = model
    generate: Callable[..., Any] = untyped.generate

    def followed(*args: Any, **kwargs: Any) -> Any:
        call = _Call(model, builder, keep_states, args, kwargs)
        with call.attached():
            result = generate(*args, **{"disable_compile": True, **kwargs})
        watched.sequences += call.finish(result)
        return result

    object.__setattr__(model, "generate", followed)
    try:
        yield watched
    finally:
        object.__delattr__(model, "generate")
        if own is not None:
            object.__setattr__(model, "generate", own)


class _Call:
    """One call of generate()."""

    def __init__(
        self,
        model: PreTrainedModel,
        builder: Callable[[], Builder],
        keep_states: bool,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._model = model
        self._builder = builder
        self._keep_states = keep_states
        config = kwargs.get("generation_config") or (args[1] if len(args) > 1 else None)
        self._settings = [kwargs, vars(config or model.generation_config)]
        self._refuse_other_searches()
        inputs = next(
            (given for given in (*args[:1], kwargs.get("inputs"), kwargs.get("input_ids"))
             if given is not None),
            None,
        )  # fmt: skip
        if not isinstance(inputs, Tensor) or kwargs.get("inputs_embeds") is not None:
            raise InputError("unsupported", "generate", "no token ids; give input_ids")
        self._inputs = inputs
        self._mask = kwargs.get("attention_mask")
        end = self._setting("eos_token_id")
        ends = [] if end is None else torch.as_tensor(end).reshape(-1).tolist()
        self._ends = torch.tensor(ends, dtype=torch.int64)
        self._builders: list[Builder] = []
        self._proofs: list[list[bytes]] = []
        self._running: list[bool] = []
        self._states: list[list[Tensor]] = []
        self._passes = 0

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Follow the passes of the model within the block."""
        handle = self._model.register_forward_pre_hook(self._before, with_kwargs=True)
        try:
            with head_inputs(self._model, self._take):
                yield
        finally:
            handle.remove()

    def finish(self, result: Any) -> list[Produced]:
        """The sequences, once generate() has returned `result`."""
        tokens: Tensor = result if isinstance(result, Tensor) else result.sequences
        if not self._builders or tokens.shape[0] != len(self._builders):
            raise InputError(
                "unsupported", "generate", "the head did not see one state for each new token"
            )
        start = self._inputs.shape[1]
        copies = tokens.shape[0] // self._inputs.shape[0]
        inputs = self._inputs.repeat_interleave(copies, 0)
        kept = torch.ones_like(inputs) if self._mask is None else self._mask
        if kept.shape != inputs.shape:
            kept = kept.repeat_interleave(copies, 0)
        produced = []
        for index, builder in enumerate(self._builders):
            rows = builder.tokens
            tail = builder.finish()
            proofs = self._proofs[index] + ([] if tail is None else [tail])
            output = tokens[index, start : start + rows].tolist()
            prompt = inputs[index][kept[index].bool()].tolist()
            if len(output) != rows:
                reason = f"{rows} states for {len(output)} new tokens"
                raise InputError("unsupported", "generate", reason)
            states = torch.stack(self._states[index]) if self._keep_states else None
            produced.append(Produced(prompt, output, proofs, states))
        return produced

    def _before(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """What a pass is fed ends with the token that the pass before produced."""
        ids = kwargs.get("input_ids", args[0] if args else None)
        if self._passes > 0 and isinstance(ids, Tensor) and len(self._ends) > 0:
            ended = torch.isin(ids[:, -1].cpu(), self._ends).tolist()
            pairs = zip(self._running, ended, strict=True)
            self._running = [running and not end for running, end in pairs]
        self._passes += 1

    def _take(self, state: Tensor) -> None:
        rows = state[:, -1] if state.ndim == 3 else state
        if not self._builders:
            self._builders = [self._builder() for _ in range(rows.shape[0])]
            self._proofs = [[] for _ in self._builders]
            self._states = [[] for _ in self._builders]
            self._running = [True] * rows.shape[0]
        for index, builder in enumerate(self._builders):
            if self._running[index]:
                proof = builder.add(rows[index])
                if self._keep_states:
                    self._states[index].append(rows[index].to("cpu", copy=True))
                if proof is not None:
                    self._proofs[index].append(proof)

    def _refuse_other_searches(self) -> None:
        for name, (plain, reason) in _ONE_ROW.items():
            value = self._setting(name)
            if value not in (plain, None, False):
                raise InputError("unsupported", f"generate({name}={value!r})", reason)

    def _setting(self, name: str) -> Any:
        for source in self._settings:
            if source.get(name) is not None:
                return source[name]
        return None
