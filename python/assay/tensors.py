"""From captured values to a tensor of integers that can be committed to."""

import operator
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arguments import listed, path_of, require, require_unmasked, sizes, unsigned
from .errors import ArgumentError, InputError
from .html import table
from .residues import R, as_signed, residue, to_rows

if TYPE_CHECKING:
    from .hidden_states import Capture

LayoutKind = Literal["model", "cube", "flat"]
CaptureMode = Literal["unknown", "decode", "prefill", "recompute"]

Array: TypeAlias = Any
"""A numpy array, a torch tensor, anything with DLPack on the CPU, or nested lists of integers."""


class Layer(NamedTuple):
    """One layer of a committed tensor.

    Attributes:
        name: As it was given.
        shape: Before any layout.
        tap: Where in the model it was taken: "embedding", "block:3" (the residual stream after
            block 3), "final_norm", ..; empty when not known.
        offset: Index of its first value among the values of all layers.
    """

    name: str
    shape: tuple[int, ...]
    tap: str
    offset: int


@dataclass(frozen=True)
class Header:
    """What the numbers under a commitment are; part of what the commitment's digest covers.

    Attributes:
        axes: Sizes of the committed tensor's axes.
        layout: How the layers fill it: "model", "cube" or "flat".
        encoding: How values became integers: "bits", "decimal:8", "int".
        dtype: Of the values before: "bfloat16", ..; None for Python integers.
        capture_mode: Which pass of the model they come from: "decode", "prefill", "recompute" or
            "unknown".
        srs_digest: Of the SRS committed with, in hexadecimal; empty where the scheme has none.
        real_count: Values that are not padding.
        padding: Values that are.
        pad_seed: What the padding of the layout "cube" was drawn from; else 0.
        layers: In the order of the layout.
        scheme: How the numbers are bound: "tensor", "kzg" or "merkle".
    """

    axes: tuple[int, ...]
    layout: str
    encoding: str
    dtype: str | None
    capture_mode: str
    srs_digest: str
    real_count: int
    padding: int
    pad_seed: int
    layers: tuple[Layer, ...]
    scheme: str = "tensor"


class Tensor:
    """Integers in the shape in which they are committed to. Made by `encode`.

    `tensor[1, 3, 0]` is an integer, `tensor[1]` and `tensor[:, 0]` are arrays; `np.asarray(tensor)`
    is the array of all. Two are equal when their integers are, and all that is said of them.
    """

    def __init__(self, native: _core.Tensor) -> None:
        self._native = native
        self._layout = native.layout

    @classmethod
    def read(
        cls,
        path: str | PathLike[str],
        encoding: str | None = None,
        layout: LayoutKind | None = None,
        *,
        axes: Sequence[int] | None = None,
        capture_mode: CaptureMode | None = None,
    ) -> "Tensor":
        """Read a file and encode what it holds; nothing in it is executed.

        The values stay in the file, mapped into memory, where the encoding and layout allow it: do
        not change the file.

        Args:
            path: A .safetensors, .npy, .pt or .gotact file, told apart by content, or a directory
                written by `assay reshape`, which has its own encoding and layout.
            encoding: As for `encode`; by default "bits" for floats and "int" for integers.
            layout: As for `encode`; by default "flat" for one array and "model" for several and
                for a capture.
            axes: As for `encode`.
            capture_mode: As for `encode`; the file of a capture has its own.

        Raises:
            InputError: As `encode`; the file could not be read ("io").
            DecodeError: The file is not of its format.
        """
        _require_words(encoding=encoding, layout=layout, capture_mode=capture_mode)
        native = _core.Tensor.read(
            path_of(path), encoding, layout, None if axes is None else sizes(axes), capture_mode
        )
        return cls(native)

    @property
    def axes(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self._layout.axes

    @property
    def layout(self) -> str:
        """How the layers fill the axes: "model", "cube" or "flat"."""
        return self._layout.kind

    @property
    def encoding(self) -> str:
        """How values became integers: "bits", "decimal:8", "int"."""
        return self._native.encoding

    @property
    def dtype(self) -> str | None:
        """Of the values before they became integers; None for Python integers."""
        return self._native.dtype

    @property
    def capture_mode(self) -> str:
        """Which pass of the model they come from."""
        return self._native.capture_mode

    @property
    def real_count(self) -> int:
        """Values that are not padding."""
        return self._layout.real_count

    @property
    def padding(self) -> int:
        """Values that are padding."""
        return self._layout.padding

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in the order of the layout."""
        return tuple(Layer(*layer) for layer in self._layout.layers)

    @property
    def values(self) -> NDArray[Any]:
        """The integers, read only and not copied.

        Signed integers in the shape `axes`; where they need more than 64 bits, residues as uint8 of
        shape `(*axes, 32)` (see `from_rows`).
        """
        return self._native.values()

    def __len__(self) -> int:
        """Size of the first axis."""
        return self.axes[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The integers in the shape `axes`, as numpy asks for them.

        `values`, not copied; where 64 bits do not hold them, Python integers.
        """
        values = self.values
        if values.ndim == len(self.axes):
            return np.array(values, dtype, copy=copy)
        if copy is False:
            raise ValueError("the array has to be made: copy=False is not possible")
        made = np.array(
            [as_signed(residue(row.tobytes())) for row in values.reshape(-1, 32)], object
        )
        return made.reshape(self.axes).astype(object if dtype is None else dtype)

    def __getitem__(self, key: Any) -> Any:
        """The integer at a point of the grid; for slices and fewer coordinates an array of them.

        Raises:
            InputError: The point is off the grid ("out_of_range").
        """
        is_point = isinstance(key, Sequence) and len(key) == len(self.axes)
        if is_point and all(hasattr(one, "__index__") for one in key):
            return as_signed(
                residue(self._native.value_at([unsigned(c, "point", 32) for c in key]))
            )
        return np.asarray(self)[key]

    def __eq__(self, other: object) -> bool:
        """Whether the integers are the same, and what is known of them."""
        if not isinstance(other, Tensor):
            return NotImplemented
        same = self._native.header() == other._native.header()
        return same and bool(np.array_equal(np.asarray(self), np.asarray(other)))

    def __hash__(self) -> int:
        return hash(self._native.header())

    def __copy__(self) -> "Tensor":
        return self

    def __deepcopy__(self, _: Any) -> "Tensor":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_parts, (self._native.header(), self.values)

    def __repr__(self) -> str:
        return (
            f"Tensor(axes={self.axes}, layout={self.layout!r}, encoding={self.encoding!r}, "
            f"dtype={self.dtype!r}, padding={self.padding})"
        )

    def _repr_html_(self) -> str:
        return table(
            "Tensor",
            (
                ("axes", self.axes),
                ("layout", self.layout),
                ("encoding", self.encoding),
                ("dtype", self.dtype),
                ("values", self.real_count),
                ("padding", self.padding),
                ("layers", len(self.layers)),
            ),
        )


def _of_parts(header: bytes, values: NDArray[Any]) -> Tensor:
    """The tensor of a pickle."""
    return Tensor(_core.Tensor.of_parts(header, values))


def encode(
    values: "Capture | Mapping[str, Array] | Array",
    encoding: str = "bits",
    layout: LayoutKind = "model",
    axes: Sequence[int] | None = None,
    *,
    dtype: str | None = None,
    capture_mode: CaptureMode | None = None,
    taps: Mapping[str, str] | None = None,
    cube_sizes: tuple[int, int] = (4, 10),
    cube_dims: int | None = None,
    pad_seed: int = 42,
) -> Tensor:
    """Make a tensor of integers that can be committed to.

    One array that needs no padding and is already of integers, or encoded as "bits", is not copied:
    do not change it afterwards, or proofs will not verify. An array that lies on a GPU or is not in
    C order is copied to the CPU first.

    Args:
        values: A `Capture`, arrays by the names of their layers, or one array, which is called
            "array". Arrays: numpy, torch, DLPack on the CPU; lists and object arrays of Python
            integers for the encoding "int".
        encoding: "bits": the bit pattern of float16, bfloat16 or float32 as a signed integer,
            without loss. "decimal:s": the exact value times 10**s, rounded half to even. "int":
            integers as they are.
        layout: "model": axes are layers, tokens, factors of the hidden width, padded with zeros;
            layers of shape (1, tokens, width) or (tokens, width). "cube": the smallest cube of
            `cube_sizes` that holds all values, padded with repeated values. "flat": no padding.
        axes: For "flat", the axes to give to the values, of the same volume.
        dtype: What arrays of 8-, 16-, 32- or 64-bit integers hold bit patterns of, as
            dtype="bfloat16" for a numpy array of uint16.
        capture_mode: Which pass of the model the values come from; a `Capture` knows it.
        taps: Where layers were taken, as `Layer.tap` says it, by their names; a `Capture` knows it.
        cube_sizes: Least and largest size of an axis of the cube.
        cube_dims: Number of the cube's axes; by default the least that suffices.
        pad_seed: What the padding of the cube is drawn from.

    Raises:
        InputError: Infinity or NaN ("out_of_range", with layer and index), a dtype without such an
            encoding ("unsupported"), layers that the layout does not take ("mismatch").

    >>> tensor = encode([[5, -3], [2**200, 7]], "int", "flat")
    >>> tensor.axes, tensor[0, 1]
    ((2, 2), -3)
    """
    require("encoding", encoding, str)
    require("layout", layout, str)
    _require_words(dtype=dtype, capture_mode=capture_mode)
    require("taps", taps, Mapping | None)
    layers, mode = _layers_of(values)
    named = {name: str((taps or {}).get(name, tap)) for name, _, tap in layers}
    ends = [unsigned(size, "cube_sizes", 32) for size in listed(cube_sizes, "cube_sizes")]
    if len(ends) != 2:
        raise ArgumentError("cube_sizes", f"{len(ends)} sizes; the least and the largest are two")
    smallest, largest = ends
    options = _core.SubjectOptions(
        encoding,
        layout,
        None if axes is None else sizes(axes),
        capture_mode or mode,
        (smallest, largest),
        None if cube_dims is None else unsigned(cube_dims, "cube_dims", 32),
        unsigned(pad_seed, "pad_seed"),
        named,
    )
    return Tensor(_core.Tensor.encode(_sources(layers, dtype), options))


def _require_words(**given: object) -> None:
    for name, word in given.items():
        require(name, word, str | None)


def captured_like(
    header: _core.Header,
    values: "Tensor | Capture | Mapping[str, Array] | Array | PathLike[str]",
) -> _core.Captured:
    """What the verifier has itself, laid out as a commitment with `header` says.

    Whatever is not of the header's layers is told by the verdict, as "captured tensor".
    """
    if isinstance(values, Tensor):
        return _core.Captured.of_tensor(values._native, header)
    if isinstance(values, PathLike):
        return _core.Captured.read(path_of(values, "values"), header)
    layers, _ = _layers_of(values)
    for name, array, _ in layers:
        # A number would be an array without axes, of which nothing is compared.
        if not isinstance(array, list | tuple) and not hasattr(array, "shape"):
            kind = type(array).__name__
            reason = f"{kind}, an array, a capture, a tensor or a pathlib.Path is expected here"
            raise ArgumentError("captured" if name == "array" else f"captured: {name}", reason)
    shapes = (array.shape if hasattr(array, "shape") else (len(array),) for _, array, _ in layers)
    if not layers or any(0 in shape for shape in shapes):
        raise InputError("out_of_range", "captured", "has no values: give some, or leave it out")
    named = isinstance(values, Mapping) or len(layers) != 1
    dtype = header.dtype if header.encoding == "bits" else None
    taps = {name: tap for name, _, tap in layers if tap}
    return _core.Captured.of_arrays(_sources(layers, dtype), named, header, taps)


def header_of(native: _core.Header) -> Header:
    """The fields of a native header."""
    layout = native.layout
    return Header(
        axes=layout.axes,
        layout=layout.kind,
        encoding=native.encoding,
        dtype=native.dtype,
        capture_mode=native.capture_mode,
        srs_digest="" if native.setup_digest is None else native.setup_digest.hex(),
        real_count=layout.real_count,
        padding=layout.padding,
        pad_seed=layout.pad_seed,
        layers=tuple(Layer(*layer) for layer in layout.layers),
        scheme=native.scheme,
    )


def _layers_of(values: Any) -> tuple[list[tuple[str, Array, str]], str]:
    """(name, array, tap) of each layer, and the capture mode."""
    captures = sys.modules.get("assay.hidden_states.result")
    if captures is not None and isinstance(values, captures.Capture):
        states = zip(values.taps, values.hidden_states, strict=True)
        return [
            (tap.name, state, tap_name(tap.tap, tap.block)) for tap, state in states
        ], values.mode
    if isinstance(values, Mapping):
        return [(str(name), array, "") for name, array in values.items()], "unknown"
    return [("array", values, "")], "unknown"


def tap_name(tap: str, block: int | None) -> str:
    """How a header names the place that a `Tap` says."""
    if tap == "unknown":
        return ""
    return f"block:{block}" if tap == "residual" else tap


def sources_of(
    values: "Capture | Mapping[str, Array] | Array | PathLike[str]",
) -> str | list[tuple[str, Any, str]]:
    """A file's path, or the layers as the native code takes them."""
    if isinstance(values, str | PathLike):
        return path_of(values, "values")
    return _sources(_layers_of(values)[0], None)


def run_of(
    values: "Capture | Mapping[str, Array]",
) -> tuple[list[tuple[str, Any, str]], dict[str, str], str]:
    """The layers of a run as the native code takes them, their taps, and the capture mode."""
    layers, mode = _layers_of(values)
    return _sources(layers, None), {name: tap for name, _, tap in layers if tap}, mode


def _sources(layers: list[tuple[str, Array, str]], dtype: str | None) -> list[tuple[str, Any, str]]:
    return [(name, *_as_native(array, name, dtype)) for name, array, _ in layers]


def plain_torch(tensor: Any, place: str) -> Any:
    """A torch tensor's values on the device where they are; negation and conjugation may be flags.

    Raises:
        InputError: What holds no plain values: sparse, quantized or meta tensors ("unsupported").
    """
    kind = "nested" if tensor.is_nested else str(tensor.layout).removeprefix("torch.")
    if kind != "strided" or tensor.is_meta or tensor.is_quantized:
        found = "meta" if tensor.is_meta else "quantized" if tensor.is_quantized else kind
        reason = f"a tensor of the kind {found}; give a dense one, with values"
        raise InputError("unsupported", place, reason)
    return tensor.detach().resolve_conj().resolve_neg()


def _as_native(array: Array, name: str, dtype: str | None) -> tuple[Any, str]:
    """An array in C order on the CPU, and the name of the dtype when it is not the array's own."""
    place = f"layer {name}"
    if hasattr(array, "detach") and hasattr(array, "contiguous"):  # torch
        return plain_torch(array, place).cpu().contiguous(), dtype or ""
    require_unmasked(array, place)
    if hasattr(array, "__dlpack__") and not isinstance(array, np.ndarray):
        return array, dtype or ""
    # numpy would make floats of some lists of large integers.
    plain = np.asarray(array, object if isinstance(array, list | tuple | int) else None, order="C")
    if plain.dtype == object:
        return _rows_of_objects(plain, name), "scalar"
    if plain.dtype.name == "bfloat16":  # of the package ml_dtypes
        return plain.view(np.uint16), "bfloat16"
    if not plain.dtype.isnative:
        plain = plain.astype(plain.dtype.newbyteorder("="))
    if plain.dtype.kind not in "biuf" or plain.dtype.itemsize > 8:
        raise InputError("unsupported", place, f"elements of {plain.dtype}; give numbers")
    return plain, dtype or ""


def _rows_of_objects(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    integers = []
    for index, value in enumerate(array.flat):
        try:
            integer = operator.index(value)
        except TypeError as error:
            reason = f"value {index} is not an integer; give numpy or torch arrays of floats"
            raise InputError("unsupported", f"layer {name}", reason) from error
        if abs(integer) > R // 2:
            reason = f"the magnitude of value {index} is over (R - 1) / 2"
            raise InputError("out_of_range", f"layer {name}", reason)
        integers.append(integer)
    return to_rows(integers).reshape(*array.shape, 32)
