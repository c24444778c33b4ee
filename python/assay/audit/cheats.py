"""What a provider may do instead of running the model that it promised, for the demonstration.

Each works on the model alone, as a provider's own program would: the recorder sees what is made.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel

from .. import _core, models
from ..errors import InputError
from .auditing import streaming_audit
from .recording import Recorded


@dataclass(frozen=True)
class Serving:
    """A provider about to answer a request.

    Attributes:
        model: That it promised.
        root: Of that model's weights, 64 hexadecimal digits: what every head must say.
        prompt: Token ids.
        tokens: Of the answer, at most.
        nonce: The verifier's.
        sink: A folder for the rows.
        signing_key: The provider's.
        honest_bytes: Of the rows of an honest answer to this prompt; 0 before there was one.
    """

    model: PreTrainedModel
    root: str
    prompt: list[int]
    tokens: int
    nonce: bytes
    sink: Path
    signing_key: Path
    honest_bytes: int = 0

    def recorded(self, model: PreTrainedModel, **options: Any) -> Recorded:
        """Answer with a model, and keep what its layers computed."""
        with models.quiet(True), self._audit(model, **options) as recorded:
            models.generate(model, [self.prompt], models.settings_for(model, self.tokens))
        return recorded

    def recorded_with_tokens(self, output: Sequence[int]) -> Recorded:
        """Run the promised model over an answer that is given, and keep what it computes."""
        with models.quiet(True), self._audit(self.model) as recorded:
            generator: Any = self.model
            generator.generate(
                torch.tensor([self.prompt]),
                do_sample=False,
                max_new_tokens=len(output),
                logits_processor=LogitsProcessorList([_Given(len(self.prompt), output)]),
            )
        return recorded

    def _audit(self, model: PreTrainedModel, **options: Any) -> AbstractContextManager[Recorded]:
        audit: AbstractContextManager[Recorded] = streaming_audit(
            model,
            self.sink,
            signing_key=self.signing_key,
            nonce=self.nonce,
            manifest=self.root,
            **options,
        )
        return audit


class _Given(LogitsProcessor):
    """Lets nothing but the next of the given tokens be chosen."""

    def __init__(self, prompt: int, output: Sequence[int]) -> None:
        self._prompt = prompt
        self._output = output

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        only = torch.full_like(scores, -torch.inf)
        only[:, self._output[input_ids.shape[1] - self._prompt]] = 0
        return only


@dataclass(frozen=True)
class Behaviour:
    """A way to answer a request.

    Attributes:
        name: One word, for files.
        title: What is done, for people.
        step: At which a verdict finds it; "" where there is nothing to find.
        answer: Does it.
    """

    name: str
    title: str
    step: str
    answer: Callable[[Serving], Recorded]


def _honest(serving: Serving) -> Recorded:
    return serving.recorded(serving.model)


def _coarse_weights(serving: Serving) -> Recorded:
    return serving.recorded(models.with_rounded_weights(serving.model, 8))


def _another_prompt(serving: Serving) -> Recorded:
    """Run the model over another prompt of the same length, and say that it was this one."""
    other = torch.tensor([serving.prompt[::-1]])

    def feed_other(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (ids,) = inputs
        return (other if ids.shape == other.shape else ids,)

    embedding = serving.model.get_input_embeddings()
    handle = embedding.register_forward_pre_hook(feed_other)
    try:
        return serving.recorded(serving.model)
    finally:
        handle.remove()


def _cached_rows(serving: Serving) -> Recorded:
    with without_attention(serving.model):
        return serving.recorded(serving.model)


@contextmanager
def without_attention(model: PreTrainedModel) -> Iterator[None]:
    """Let each token see itself alone within the block, so that its rows depend on nothing else.

    Whoever answers so can keep the rows of every token of the vocabulary, and looks them up.

    Raises:
        InputError: A model whose v is no layer of its own ("unsupported").
    """
    value: dict[int, Tensor] = {}
    config = model.config.get_text_config()
    repeated = config.num_attention_heads // (
        getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    )

    def keep(block: int) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            value[block] = output

        return hook

    def give(block: int, heads: int) -> Callable[..., tuple[Tensor]]:
        def hook(_module: nn.Module, _inputs: object) -> tuple[Tensor]:
            of_block = value[block]
            own = of_block.reshape(*of_block.shape[:-1], heads, -1)
            return (own.repeat_interleave(repeated, dim=-2).flatten(-2),)

        return hook

    with ExitStack() as hooks:
        blocks = set()
        for layer in models.linear_layers(model):
            roles = _core.audit_layer_roles(layer.path)
            if roles is None:
                continue
            if roles[1] == "v":
                blocks.add(layer.block)
                handle = layer.module.register_forward_hook(keep(layer.block))
            elif roles[1] == "o" and layer.block in blocks:
                heads = config.num_attention_heads // repeated
                handle = layer.module.register_forward_pre_hook(give(layer.block, heads))
            else:
                continue
            hooks.callback(handle.remove)
        if not blocks:
            raise InputError("unsupported", type(model).__name__, "it has no layer for v alone")
        yield


def _dropped_rows(serving: Serving) -> Recorded:
    coarse = models.with_rounded_weights(serving.model, 8)
    return serving.recorded(coarse, disk_bytes=serving.honest_bytes // 4)


def _rows_afterwards(serving: Serving) -> Recorded:
    coarse = models.with_rounded_weights(serving.model, 4)
    settings = models.settings_for(coarse, serving.tokens)
    with models.quiet(True):
        (answer,) = models.generate(coarse, [serving.prompt], settings)
    return serving.recorded_with_tokens(answer.output)


BEHAVIOURS = (
    Behaviour("honest", "runs the model that it promised", "", _honest),
    Behaviour(
        "coarse-weights", "rounds all weights to 8 bits, and runs that", "product", _coarse_weights
    ),
    Behaviour(
        "another-prompt", "says that a run of another prompt was this one", "chain", _another_prompt
    ),
    Behaviour(
        "cached-rows",
        "looks rows up by token, without attention",
        "attention",
        _cached_rows,
    ),
    Behaviour(
        "dropped-rows",
        'rounds to 8 bits, and "had no room" for most of the rows',
        "drops",
        _dropped_rows,
    ),
    Behaviour(
        "rows-afterwards",
        "answers with 4 bits, then runs the right model over that",
        "token",
        _rows_afterwards,
    ),
)
