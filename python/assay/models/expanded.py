"""GGUF models, expanded once and kept as safetensors: expanding takes most of the time of loading.

What is kept has the bits that transformers expands the file to, in float32. It is known by the
SHA-256 of the file and by the versions of what expanded it.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ..stopping import UNFINISHED, WRITING
from .sources import ModelSource, digests

OFF = "off"
"""What ASSAY_CACHE is set to where nothing is to be kept."""

# Of what is kept; another one after a change of what is saved.
_FORMAT = 1

# What an ended process left unfinished is removed after so many seconds.
_STALE = 24 * 3600


def cache_folder() -> Path | None:
    """$ASSAY_CACHE, else `assay` in $XDG_CACHE_HOME or ~/.cache; None where nothing is kept."""
    named = os.environ.get("ASSAY_CACHE")
    if named == OFF:
        return None
    if named:
        return Path(named)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        # A relative one is to be ignored, as the specification of these folders has it.
        base = base if base.is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # no home
        return None
    return base / "assay" if base.is_absolute() else None


def place_of(source: ModelSource) -> Path | None:
    """The folder in which a GGUF model is or would be kept; None for other models."""
    cache = cache_folder()
    if source.gguf_file is None or cache is None:
        return None
    ((_, digest),) = digests(source)
    by = f"transformers-{version('transformers')}-gguf-{version('gguf')}"
    return cache / "gguf" / f"{digest}-{by}-{_FORMAT}"


@contextmanager
def place_to_write(kept: Path) -> Iterator[Path | None]:
    """A folder that is renamed to `kept` where the block ends well, and else removed.

    None where this machine lets none be made there. Whoever finds that it cannot be filled removes
    it: then nothing is kept.
    """
    unfinished = kept.with_name(f".{kept.name}.{secrets.token_hex(4)}.part")
    try:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(kept.parent)
        with WRITING:
            unfinished.mkdir(mode=0o700)
            UNFINISHED.add(unfinished)
    except OSError:
        yield None
        return
    try:
        yield unfinished
        if not unfinished.is_dir():
            return
        for file in unfinished.iterdir():
            _sync(file)
        _sync(unfinished)
        # Another process may have been faster: its folder holds the same.
        with WRITING, suppress(OSError):
            unfinished.rename(kept)
        _sync(kept.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        UNFINISHED.discard(unfinished)


def save(model: Any, tokenizer: Any, folder: Path) -> bool:
    """Write an expanded model; whether all of it is expanded, and there was room for it."""
    if any(each.dtype != torch.float32 for each in model.parameters()):
        return False  # packed still, for kernels that compute with it as it is
    # They say how the file was read. What is written is an ordinary model.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    # safetensors reports a full disk as an exception of its own.
    except Exception:
        return False
    return True


def _remove_stale(folder: Path) -> None:
    for left in folder.glob(".*.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE:
                shutil.rmtree(left)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
