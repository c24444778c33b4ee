"""Which model: its folder by headers alone, a root of all weights, rows that open against it."""

import sys
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core, models
from .arguments import digest_of, path_of, require, require_unmasked, unsigned
from .errors import ArgumentError, InputError
from .filed import Readable
from .html import table

Model: TypeAlias = Any
"""The path of a model's folder, a model of transformers, or a torch module or state dict.

A model of transformers has the names and tensors that `save_pretrained` would write; the others
have their own.
"""

StoredTensor: TypeAlias = tuple[str, str, list[int], NDArray[np.uint8]]
"""Name, element type as safetensors says it, shape, and the bytes in place."""

# Those that have no numpy or torch counterpart in the table of the library.
_F8 = {
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
}


class StoredLayer(NamedTuple):
    """A weight matrix of a block, as a folder stores it.

    Attributes:
        block: Counted from 0.
        name: Within the block: "self_attn.q_proj".
        kind: "linear" ([out, in]), "conv1d" ([in, out], as GPT-2 stores linear layers) or "conv2d"
            ([out, in, height, width]).
        tensor: Name of the tensor in the files.
        dtype: As safetensors says it: "BF16".
        shape: As it is stored.
    """

    block: int
    name: str
    kind: str
    tensor: str
    dtype: str
    shape: tuple[int, ...]


class Stack(NamedTuple):
    """The repeated blocks of a model.

    Attributes:
        name: "model.layers".
        blocks: How many there are.
        registered: Whether the layers of a block are known to be in the order in which the model's
            modules are registered; else they are in the order of their names.
        layers: Of all blocks, first to last.
    """

    name: str
    blocks: int
    registered: bool
    layers: tuple[StoredLayer, ...]


class Folder:
    """A folder with config.json and safetensors files, read by headers alone."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open it.

        Raises:
            InputError: A file is missing or could not be read ("io").
            DecodeError: A file that is not of its format, or shards that are not those of the
                index ("mismatch").
        """
        self._native = _core.ModelFolder.open(path_of(path))

    @property
    def model_type(self) -> str:
        """What config.json calls it: "llama"; may be empty."""
        return self._native.model_type

    @property
    def shards(self) -> tuple[str, ...]:
        """Names of the files that hold the weights."""
        return tuple(self._native.shards)

    @property
    def stack_names(self) -> tuple[str, ...]:
        """The stacks of blocks there are."""
        return tuple(self._native.stack_names())

    def stack(self, name: str = "") -> Stack:
        """The blocks of the language model, or of the stack that is named.

        Raises:
            InputError: There are none, several without one that is known, or blocks are
                missing ("mismatch").
        """
        require("name", name, str)
        native = self._native.stack(name)
        layers = tuple(
            StoredLayer(index, one.name, one.kind, one.tensor, one.dtype, one.shape)
            for index, block in enumerate(native.blocks)
            for one in block.layers
        )
        return Stack(native.name, len(native.blocks), native.registered, layers)

    def check(self, expected: "Manifest", digest: str | None = None) -> _core.Verdict:
        """Whether the folder holds the model of a manifest.

        Args:
            expected: What was promised.
            digest: Of the manifest, as it was agreed on before, 64 hexadecimal digits.

        Steps: "manifest", "tensors", "dtype", "shape", "files", "bytes".
        """
        require("expected", expected, Manifest)
        agreed = None if digest is None else digest_of(digest, "digest")
        return self._native.check(expected._native, agreed)


class TensorEntry(NamedTuple):
    """One tensor of a manifest.

    Attributes:
        name: As the files and the state dict have it.
        dtype: As safetensors says it: "BF16".
        shape: Sizes of its axes.
        chunks: Root of the tree over chunks of 64 KiB of its bytes, 64 hexadecimal digits.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    chunks: str


class Manifest(Readable):
    """What a model is: all tensors, and the digests of the files beside them."""

    _kind = _core.Manifest
    _native: _core.Manifest

    @property
    def root(self) -> str:
        """The digest that stands for all weights, 64 hexadecimal digits.

        A model in memory has that of the folder it was loaded from as it is stored.
        """
        return self._native.root.hex()

    @property
    def digest(self) -> str:
        """The digest of the manifest with the files it lists, 64 hexadecimal digits."""
        return self._native.digest.hex()

    @property
    def tensors(self) -> tuple[TensorEntry, ...]:
        """All tensors in the order of their names."""
        return tuple(
            TensorEntry(one.name, one.dtype, one.shape, one.chunks.hex())
            for one in self._native.tensors
        )

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of the files of configuration, tokenizer and code; of a model in memory none."""
        return {name: digest.hex() for name, digest in self._native.files}

    def check_root(self, root: str) -> _core.Verdict:
        """Whether these are the weights that `root` stands for. Step: "root"."""
        return self._native.check_root(digest_of(root, "root"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and self._native == other._native

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Manifest(tensors={len(self._native.tensors)}, root={self.root!r})"

    def _repr_html_(self) -> str:
        counts = ("tensors", len(self._native.tensors)), ("files", len(self._native.files))
        return table("Manifest", (*counts, ("root", self.root), ("digest", self.digest)))


class RowOpening(Readable):
    """A row of a tensor, with what leads from it to the root of all weights."""

    _kind = _core.RowOpening
    _native: _core.RowOpening

    @property
    def tensor(self) -> str:
        """Name of the tensor."""
        return self._native.tensor

    @property
    def dtype(self) -> str:
        """Of the tensor, as safetensors says it."""
        return self._native.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor."""
        return self._native.shape

    @property
    def row(self) -> int:
        """Index along the tensor's first axis."""
        return self._native.row

    @property
    def values(self) -> bytes:
        """The bytes of the row, little-endian. They are worth what `verify_row` says of them."""
        return self._native.values

    def __repr__(self) -> str:
        return f"RowOpening(tensor={self.tensor!r}, row={self.row})"

    def _repr_html_(self) -> str:
        names = ("tensor", "dtype", "shape", "row")
        return table("RowOpening", ((name, getattr(self, name)) for name in names))


def manifest(model: Model) -> Manifest:
    """Hash all weights of a model.

    Args:
        model: See `Model`. Of tensors that are on a device a copy is made in the machine's memory.

    Raises:
        InputError: No such folder ("io"), a type of elements that safetensors does not have
            ("unsupported"), weights that are elsewhere and not in memory ("unsupported").

    >>> weights = {"b": np.ones((2, 3), np.float32), "a": np.arange(4)}
    >>> manifest(weights).root == manifest(dict(reversed(weights.items()))).root
    True
    """
    if isinstance(model, (str, PathLike)):
        return Manifest(_core.ModelFolder.open(path_of(model, "model")).manifest())
    return Manifest(_core.Manifest.of_tensors(stored_tensors(model)))


def stored_tensors(model: Model) -> list[StoredTensor]:
    """All tensors of a model in memory, as its manifest has them.

    Args:
        model: See `Model`; not a folder.

    Raises:
        InputError: As `manifest`.
    """
    return list(_stored(_state_of(model)))


def open_row(model: Model, tensor: str, row: int, manifest: Manifest | None = None) -> RowOpening:
    """Open a row of a tensor, such as a token's embedding.

    Args:
        model: See `Model`.
        tensor: Its name. Of a head that repeats the embedding, the embedding's.
        row: Index along the tensor's first axis.
        manifest: Of this model; without it all weights are hashed.

    Raises:
        InputError: No such tensor, or not the manifest's ("mismatch"); no such row
            ("out_of_range").

    >>> held = open_row({"a": np.array([[1, 2], [3, 4]], np.uint8)}, "a", 1)
    >>> held.values
    b'\\x03\\x04'
    """
    row = unsigned(row, "row")
    require("tensor", tensor, str)
    require("manifest", manifest, Manifest | None)
    if isinstance(model, (str, PathLike)):
        folder = _core.ModelFolder.open(path_of(model, "model"))
        known = folder.manifest() if manifest is None else manifest._native
        return RowOpening(folder.open_row(known, tensor, row))
    state = _state_of(model)
    if tensor not in state:
        raise InputError("mismatch", tensor, "the model has no such tensor")
    if manifest is None:
        manifest = Manifest(_core.Manifest.of_tensors(stored_tensors(state)))
    (given,) = _stored({tensor: state[tensor]})
    return RowOpening(manifest._native.open_row(given, row))


def verify_row(
    opening: RowOpening | bytes, root: str, tensor: str | None = None, row: int | None = None
) -> _core.Verdict:
    """Whether a row belongs to the weights that `root` stands for.

    Args:
        opening: What the other side sent.
        root: Of the promised weights, 64 hexadecimal digits.
        tensor: That was asked for; without it, the opening says which it is.
        row: That was asked for; without it, the opening says which it is.

    Steps: "expectation", "row", "root", "tensor", "chunks".

    Raises:
        DecodeError: Bytes that are no opening.

    >>> weights = {"a": np.array([[1, 2], [3, 4]], np.uint8)}
    >>> sent = open_row(weights, "a", 1).to_bytes()
    >>> bool(verify_row(sent, manifest(weights).root, "a", 1))
    True
    >>> verify_row(sent, manifest(weights).root, "a", 0).step
    'expectation'
    """
    if not isinstance(opening, RowOpening):
        opening = RowOpening.from_bytes(opening)
    asked = None if row is None else unsigned(row, "row")
    require("tensor", tensor, str | None)
    if tensor == "":
        raise InputError("malformed", "tensor", "an empty name: give one, or leave it out")
    return opening._native.verify(digest_of(root, "root"), tensor, asked)


def _state_of(model: Any) -> Mapping[str, Any]:
    if isinstance(model, Mapping):
        return model
    if "torch" in sys.modules:
        model = models.original_of(model)
    # Without them no model is theirs.
    transformers = sys.modules.get("transformers")
    if transformers is not None and isinstance(model, transformers.PreTrainedModel):
        return models.stored_state(model)
    state = getattr(model, "state_dict", None)
    if state is None:
        reason = f"a folder, a torch module or a state dict is expected, not {type(model).__name__}"
        raise InputError("unsupported", "model", reason)
    held: Mapping[str, Any] = state()
    return held


def _stored(state: Mapping[str, Any]) -> Iterator[StoredTensor]:
    for name, value in state.items():
        require("model", name, str)
        if not isinstance(value, np.ndarray) and not hasattr(value, "is_meta"):
            reason = f"{type(value).__name__}, an array or a tensor is expected here"
            raise ArgumentError(name, reason)
        dtype = str(value.dtype).removeprefix("torch.")
        stored = _F8.get(dtype) or _core.safetensors_name(dtype)
        if stored is None:
            raise InputError("unsupported", name, f"safetensors has no element type {dtype}")
        yield name, stored, list(value.shape), _bytes_of(name, value)


def _bytes_of(name: str, value: Any) -> NDArray[np.uint8]:
    require_unmasked(value, name)
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    if value.is_meta:
        reason = "its values are elsewhere (offloaded): load the whole model into memory"
        raise InputError("unsupported", name, reason)
    import torch

    flat = value.detach().resolve_neg().cpu().contiguous().reshape(-1).view(torch.uint8)
    held: NDArray[np.uint8] = flat.numpy()
    return held
