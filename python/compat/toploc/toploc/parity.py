"""Whether results are to be those of the original also where it is wrong."""

import os

_VARIABLE = "TOPLOC_PARITY"
_enabled = os.environ.get(_VARIABLE, "") not in ("", "0")


def set_parity(enabled: bool) -> None:
    """Choose the original's results (True), or right ones (False, the default), for this process.

    The environment variable TOPLOC_PARITY=1 makes True the default.
    """
    global _enabled
    _enabled = enabled


def parity() -> bool:
    """Whether the original's results are wanted."""
    return _enabled
