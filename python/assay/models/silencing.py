"""Keep the messages and bars of the libraries underneath off the terminal."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

from transformers.utils import logging as transformers_logging

from .sharing import shared


@shared
@contextmanager
def quiet(enabled: bool) -> Iterator[None]:
    """Silence transformers and what it calls; errors still reach the caller as exceptions."""
    if not enabled:
        yield
        return
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    hub = logging.getLogger("huggingface_hub")
    hub_level = hub.level
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    hub.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        hub.setLevel(hub_level)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        transformers_logging.set_verbosity(verbosity)


@shared
@contextmanager
def muted_stderr(enabled: bool) -> Iterator[None]:
    """Drop what Python code writes to stderr: the GGUF loader's bar has no other switch."""
    if not enabled:
        yield
        return
    with redirect_stderr(io.StringIO()):
        yield
