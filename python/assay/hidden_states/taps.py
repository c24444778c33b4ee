"""Where in a model each captured tensor is taken, and the names that go with it."""

from dataclasses import dataclass
from typing import Literal

Point = Literal[
    "embedding", "residual", "final_norm", "final_projection", "last_hidden_state", "unknown"
]


@dataclass(frozen=True)
class Tap:
    """The place one captured tensor comes from.

    Attributes:
        name: "embedding" or "layer_<i>", i from 0.
        tap: "embedding": what enters block 0. "residual": what block `block` hands on.
            "final_norm": the output of the norm after the last block. "final_projection": the
            output of a linear map after it (OPT with a narrow embedding). "last_hidden_state": the
            model's last hidden state, made by neither. "unknown": the last entry of the model's own
            list, taken without knowing the model's layout (mode "recompute" only).
        block: Index of the block, or None for "embedding". A tensor taken behind the last block
            carries that block's index.
    """

    name: str
    tap: Point
    block: int | None


def taps_for(blocks: int, last: Point) -> tuple[Tap, ...]:
    """The taps of a model of `blocks` blocks whose last hidden state is taken at `last`."""
    middle = tuple(Tap(f"layer_{i}", "residual", i) for i in range(blocks - 1))
    return (
        Tap("embedding", "embedding", None),
        *middle,
        Tap(f"layer_{blocks - 1}", last, blocks - 1),
    )
