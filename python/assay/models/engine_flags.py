"""The flags of commands that say what runs a model."""

import argparse
from collections.abc import Callable

from .engine import ATTENTION, DEVICES, DTYPES, Engine


def add_engine_flags(
    add: Callable[..., object], *, dtype: str = "auto", attention: bool = True
) -> None:
    """Add the flags by `add_argument`: --dtype, --attn, --device, --trust-remote-code.

    Args:
        add: Of a parser.
        dtype: Where it is not given. With "auto", that can be given too.
        attention: Whether there is --attn.
    """
    stored = dtype == "auto"
    how = "auto is the dtype the model is stored in (default: %(default)s)"
    add(
        "--dtype",
        choices=("auto", *DTYPES) if stored else DTYPES,
        default=dtype,
        help=how if stored else "default: %(default)s",
    )
    if attention:
        kernel = "the kernel of the attention (default: %(default)s)"
        add("--attn", choices=tuple(ATTENTION), default="sdpa", help=kernel)
    where = "auto is cuda if there is one, else cpu (default: %(default)s)"
    add("--device", choices=DEVICES, default="auto", help=where)
    code = "run code that a model brings with it, which can then do anything on this machine"
    add("--trust-remote-code", action="store_true", help=code)


def engine_from(options: argparse.Namespace) -> Engine:
    """The engine that these flags ask for."""
    return Engine(options.dtype, options.attn, options.device)
