"""Digests of weights, by which a listener finds them among its own, each computed once."""

import threading
from typing import NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from .. import _core
from .packets import DTYPES

# Evenly spread values that are looked at to see whether a weight was changed where torch counts no
# changes, as in inference mode.
_LOOKED_AT = 64
_MOST_KEPT = 4096


class _State(NamedTuple):
    """By what a change of a tensor shows."""

    version: int | None
    values: bytes


class _Key(NamedTuple):
    storage: StorageWeakRef
    offset: int
    shape: tuple[int, ...]
    dtype: torch.dtype


class WeightDigests:
    """Digests of tensors that stay, kept as long as these do. For any threads."""

    def __init__(self) -> None:
        self._kept: dict[_Key, tuple[_State, bytes]] = {}
        self._changing = threading.Lock()

    def of(self, tensor: Tensor) -> bytes:
        """The digest of a contiguous tensor; hashes all of it the first time."""
        key = _Key(
            StorageWeakRef(tensor.untyped_storage()),  # type: ignore[no-untyped-call]
            int(tensor.storage_offset()),
            tuple(tensor.shape),
            tensor.dtype,
        )
        state = _state_of(tensor)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == state:
            return kept[1]
        digest = digest_of(tensor)
        if state == _State(None, b""):
            return digest  # a change of it would not show
        with self._changing:
            if len(self._kept) >= _MOST_KEPT:
                living = {k: v for k, v in self._kept.items() if not _is_gone(k)}
                self._kept = living if len(living) < _MOST_KEPT else {}
            self._kept[key] = state, digest
        return digest


def _is_gone(key: _Key) -> bool:
    return bool(key.storage.expired())  # type: ignore[no-untyped-call]


def digest_of(tensor: Tensor) -> bytes:
    """The digest of a contiguous tensor."""
    bits = tensor.detach().cpu().view(torch.uint8).numpy()
    name = _core.safetensors_name(DTYPES[tensor.dtype])
    assert name is not None  # noqa: S101 - the table has no others
    return _core.audit_weight_digest(name, list(tensor.shape), bits)


def _state_of(tensor: Tensor) -> _State:
    try:
        version = tensor._version
    except RuntimeError:  # of inference mode
        version = None
    if tensor.device.type != "cpu":
        # To look at values the thread would have to wait for the device.
        return _State(version, b"")
    flat = tensor.detach().view(-1)
    looked_at = flat[:: max(1, flat.numel() // _LOOKED_AT)].contiguous()
    return _State(version, looked_at.view(torch.uint8).numpy().tobytes())
