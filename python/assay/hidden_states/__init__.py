"""Capture the hidden states of a causal language model and write them to files.

Names are loaded on first use, so that ``import assay`` and ``assay capture --help`` do not pay for
loading torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .capturing import capture, capture_model
    from .errors import (
        CaptureError,
        LayoutError,
        ModelError,
        NonFiniteError,
        SaveError,
        StreamError,
    )
    from .following import Follower
    from .progress import Progress
    from .result import Capture, SavedFiles
    from .statistics import LayerStats
    from .taps import Tap

__all__ = [
    "Capture",
    "CaptureError",
    "Follower",
    "LayerStats",
    "LayoutError",
    "ModelError",
    "NonFiniteError",
    "Progress",
    "SaveError",
    "SavedFiles",
    "StreamError",
    "Tap",
    "capture",
    "capture_model",
]

_HOMES = {
    "Capture": "result",
    "CaptureError": "errors",
    "Follower": "following",
    "LayerStats": "statistics",
    "LayoutError": "errors",
    "ModelError": "errors",
    "NonFiniteError": "errors",
    "Progress": "progress",
    "SaveError": "errors",
    "SavedFiles": "result",
    "StreamError": "errors",
    "Tap": "taps",
    "capture": "capturing",
    "capture_model": "capturing",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
