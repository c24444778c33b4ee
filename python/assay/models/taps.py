"""Places in a model at which rows are taken, and the names that go with them."""

from dataclasses import dataclass
from typing import Literal

Point = Literal[
    "embedding",
    "residual",
    "final_norm",
    "final_projection",
    "last_hidden_state",
    "unknown",
    "head_input",
    "linear_input",
    "linear_output",
]


@dataclass(frozen=True)
class Tap:
    """A place in a model, with a row for each token.

    Attributes:
        name: What the rows are called; of "linear_input" and "linear_output" the module's own name,
            as `named_modules` gives it.
        tap: "embedding": what enters block 0. "residual": what block `block` hands on.
            "final_norm": the output of the norm after the last block. "final_projection": the
            output of a linear map after it (OPT with a narrow embedding). "last_hidden_state": the
            model's last hidden state, made by neither. "unknown": the last entry of the model's own
            list, taken without knowing the model's layout (no observer can have it). "head_input":
            what the language model head sees. "linear_input", "linear_output": what a linear
            module is given and returns.
        block: Index of the block, or None where there is none. The last hidden state of a capture
            carries the last block's index, wherever behind that block it was taken.
    """

    name: str
    tap: Point
    block: int | None = None


EMBEDDING = Tap("embedding", "embedding")
FINAL_NORM = Tap("final_norm", "final_norm")
HEAD_INPUT = Tap("head_input", "head_input")


def residual(block: int) -> Tap:
    """What block `block` (from 0) hands on."""
    return Tap(f"residual_{block}", "residual", block)


def linear_input(module: str) -> Tap:
    """What the linear module of this name is given."""
    return Tap(module, "linear_input")


def linear_output(module: str) -> Tap:
    """What the linear module of this name returns."""
    return Tap(module, "linear_output")


def taps_for(blocks: int, last: Point) -> tuple[Tap, ...]:
    """The taps of a model of `blocks` blocks whose last hidden state is taken at `last`."""
    middle = tuple(Tap(f"layer_{i}", "residual", i) for i in range(blocks - 1))
    return (EMBEDDING, *middle, Tap(f"layer_{blocks - 1}", last, blocks - 1))
