"""Capture the hidden states of a causal language model and write them to files.

What needs torch is loaded on first use, so that ``import assay`` and ``assay capture --help`` do
not pay for it.
"""

from typing import TYPE_CHECKING

from ..errors import (
    CaptureError,
    LayoutError,
    ModelError,
    NonFiniteError,
    SaveError,
    StreamError,
)
from ..lazily import on_first_use
from ..models import Tap
from ..progress import Progress
from .flags import add_capture_flags, capture_arguments

if TYPE_CHECKING:
    from .capturing import capture, capture_model
    from .following import Follower
    from .recording import Recorder
    from .result import Capture, SavedFiles
    from .safetensors_file import write_safetensors
    from .statistics import LayerStats

__all__ = [
    "Capture",
    "CaptureError",
    "Follower",
    "LayerStats",
    "LayoutError",
    "ModelError",
    "NonFiniteError",
    "Progress",
    "Recorder",
    "SaveError",
    "SavedFiles",
    "StreamError",
    "Tap",
    "add_capture_flags",
    "capture",
    "capture_arguments",
    "capture_model",
    "write_safetensors",
]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        ".capturing": "capture capture_model",
        ".following": "Follower",
        ".recording": "Recorder",
        ".result": "Capture SavedFiles",
        ".safetensors_file": "write_safetensors",
        ".statistics": "LayerStats",
    },
    __all__,
)
