"""The one place that runs models: load, generate, recompute, and let observers see the passes.

What an observer wants to see it declares as taps; any number of observers see the same pass. Names
that need torch are loaded on first use.
"""

from typing import TYPE_CHECKING

from ..lazily import on_first_use
from .engine import AS_STORED, ATTENTION, DEVICES, DTYPES, Engine, engine_of
from .engine_flags import add_engine_flags, engine_from
from .prompts import made_prompts, read_prompts
from .sources import ModelSource, digests, require_models, resolve
from .taps import (
    EMBEDDING,
    FINAL_NORM,
    HEAD_INPUT,
    Tap,
    linear_input,
    linear_output,
    residual,
    taps_for,
)

if TYPE_CHECKING:
    from .altering import altered, noised, pruned
    from .block_layers import LinearLayer, linear_layers
    from .determinism import evaluating, repeatable, seeded
    from .generating import Answer, Settings, ends_of, generate, settings_for, stored_ends
    from .hooks import original_of, uncompiled
    from .keeping import Keeper, Kept
    from .layout import Layout, final_norm, find_layout, head_of, require_decoder
    from .loading import Loaded, encode_prompts, load, set_attention
    from .moving import CachedPrompt
    from .observing import observe
    from .prefilling import prefill
    from .random_weights import with_random_weights
    from .recomputing import (
        recompute,
        recompute_together,
        require_positions,
        require_vocabulary,
    )
    from .request_rows import RequestRows
    from .resuming import KeptPass
    from .rounding import rounded, with_rounded_weights
    from .rows import Follower, NativeObserver, Observer, Rows, Span, TokenObserver
    from .silencing import quiet
    from .stored import stored_state

__all__ = [
    "AS_STORED",
    "ATTENTION",
    "DEVICES",
    "DTYPES",
    "EMBEDDING",
    "FINAL_NORM",
    "HEAD_INPUT",
    "Answer",
    "CachedPrompt",
    "Engine",
    "Follower",
    "Keeper",
    "Kept",
    "KeptPass",
    "Layout",
    "LinearLayer",
    "Loaded",
    "ModelSource",
    "NativeObserver",
    "Observer",
    "RequestRows",
    "Rows",
    "Settings",
    "Span",
    "Tap",
    "TokenObserver",
    "add_engine_flags",
    "altered",
    "digests",
    "encode_prompts",
    "ends_of",
    "engine_from",
    "engine_of",
    "evaluating",
    "final_norm",
    "find_layout",
    "generate",
    "head_of",
    "linear_input",
    "linear_layers",
    "linear_output",
    "load",
    "made_prompts",
    "noised",
    "observe",
    "original_of",
    "prefill",
    "pruned",
    "quiet",
    "read_prompts",
    "recompute",
    "recompute_together",
    "repeatable",
    "require_decoder",
    "require_models",
    "require_positions",
    "require_vocabulary",
    "residual",
    "resolve",
    "rounded",
    "seeded",
    "set_attention",
    "settings_for",
    "stored_ends",
    "stored_state",
    "taps_for",
    "uncompiled",
    "with_random_weights",
    "with_rounded_weights",
]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        ".altering": "altered noised pruned",
        ".block_layers": "LinearLayer linear_layers",
        ".determinism": "evaluating repeatable seeded",
        ".generating": "Answer Settings ends_of generate settings_for stored_ends",
        ".hooks": "original_of uncompiled",
        ".keeping": "Keeper Kept",
        ".layout": "Layout final_norm find_layout head_of require_decoder",
        ".loading": "Loaded encode_prompts load set_attention",
        ".moving": "CachedPrompt",
        ".observing": "observe",
        ".prefilling": "prefill",
        ".random_weights": "with_random_weights",
        ".recomputing": "recompute recompute_together require_positions require_vocabulary",
        ".request_rows": "RequestRows",
        ".resuming": "KeptPass",
        ".rounding": "rounded with_rounded_weights",
        ".rows": "Follower NativeObserver Observer Rows Span TokenObserver",
        ".silencing": "quiet",
        ".stored": "stored_state",
    },
    __all__,
)
