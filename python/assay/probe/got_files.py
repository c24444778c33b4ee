"""Write a .gotact a few rows at a time (docs/tensor.md), so that a stopped run can go on with it.

Nothing is checked here that `_core.probe_write_activations` checks of a whole file in memory but
what would spoil the layout.
"""

import itertools
import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, NonFiniteError

PRECISIONS = {"float32": 0, "float16": 1, "int8": 3, "bfloat16": 2}
"""The tags of a .gotact, by what a model ran in."""

_MOST_NAME = 4096
_MOST_POSITIONS = 1 << 24
_MOST_LAYERS = 4096


class ActivationsFile:
    """Rows of a residual stream in a .gotact, written in any order.

    The file has its full length from the start, so that a stopped run can go on in it. Who writes
    it sees to it that every row is written.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        model_id: str,
        precision: str,
        width: int,
        layers: Sequence[int],
        positions: Sequence[int],
        fresh: bool = True,
    ) -> None:
        """Write the header, and what stands between the rows.

        Args:
            file: Open for reading and writing at any place, and empty unless it goes on.
            model_id: At most 4096 bytes of UTF-8.
            precision: That the model runs in: a key of `PRECISIONS`.
            width: Values of a row.
            layers: Indices of blocks, increasing.
            positions: Numbers of the rows of each layer, increasing.
            fresh: Whether the file is new; else it holds what an earlier call wrote.

        Raises:
            InputError: What the format cannot hold ("out_of_range", "too_large", "unsupported"), a
                file that goes on and is none of these sizes ("mismatch").
        """
        name = model_id.encode()
        if len(name) > _MOST_NAME:
            raise InputError("too_large", "model id", f"more than {_MOST_NAME} bytes")
        if precision not in PRECISIONS:
            reason = f"has no tag in a .gotact; use {', '.join(PRECISIONS)}"
            raise InputError("unsupported", f"dtype {precision}", reason)
        _require_increasing(layers, "layers", _MOST_LAYERS)
        _require_increasing(positions, "positions", _MOST_POSITIONS)
        self._file = file
        self._width = width
        self._layers = list(layers)
        self._positions = np.asarray(positions, dtype="<u4")
        self._header = (
            b"GOTA"
            + struct.pack("<HI", 1, len(name))
            + name
            + struct.pack("<BIII", PRECISIONS[precision], width, len(layers), len(positions))
        )
        row = 4 + 4 * width
        self._layer_bytes = 4 + row * len(positions)
        self.size = len(self._header) + self._layer_bytes * len(layers)
        if fresh:
            file.truncate(self.size)
            file.seek(0)
            file.write(self._header)
            for index, layer in enumerate(self._layers):
                file.seek(len(self._header) + index * self._layer_bytes)
                file.write(struct.pack("<I", layer))
            return
        file.seek(0)
        if file.read(len(self._header)) != self._header or file.seek(0, 2) != self.size:
            raise InputError("mismatch", "unfinished file", "of another run; delete it")

    def write(self, layer: int, first: int, rows: NDArray[np.float32]) -> None:
        """Write rows of a layer.

        Args:
            layer: Its place among the layers of the file, from 0.
            first: The place of the first row among the positions, from 0.
            rows: (count, width).

        Raises:
            NonFiniteError: A row holds NaN or an infinity.
        """
        if not np.isfinite(rows).all():
            number = first + int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            place = f"layer {self._layers[layer]}, row {number}"
            raise NonFiniteError("out_of_range", place, "NaN or an infinity; the model broke down")
        # The number of its position before each row.
        words = np.empty((len(rows), 1 + self._width), dtype="<u4")
        words[:, 0] = self._positions[first : first + len(rows)]
        words[:, 1:] = np.ascontiguousarray(rows, dtype="<f4").view("<u4")
        at = len(self._header) + layer * self._layer_bytes + 4 + first * 4 * (1 + self._width)
        self._file.seek(at)
        self._file.write(words.data)


def _require_increasing(numbers: Sequence[int], what: str, most: int) -> None:
    if not numbers:
        raise InputError("out_of_range", what, "none; give at least one")
    if len(numbers) > most:
        raise InputError("too_large", what, f"{len(numbers)} of them; at most {most}")
    if min(numbers) < 0 or max(numbers) >= 1 << 32:
        raise InputError("out_of_range", what, "a number that is not between 0 and 2**32 - 1")
    if any(left >= right for left, right in itertools.pairwise(numbers)):
        raise InputError("non_canonical", what, "do not increase; give each once, in order")
