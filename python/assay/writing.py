"""Write several files so that either all of them appear under their names, or none does."""

import contextlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from .errors import SaveError, one_line
from .stopping import UNFINISHED, WRITING, obey

WriteFile = Callable[[BinaryIO], None]


def write_together(writers: Mapping[Path, WriteFile | bytes]) -> None:
    """Call each writer on a temporary file beside its target, then rename all to their targets.

    Bytes are what is to be in the file.

    Whatever goes wrong before the renames, Ctrl-C included, removes the temporary files.

    Raises:
        SaveError: A file could not be written; the message names it.
    """
    staged: dict[Path, Path] = {}
    try:
        for target, write in writers.items():
            obey()
            staged[target] = _beside(target)
            _write_one(target, staged[target], write)
        obey()
        with WRITING:
            for target in writers:
                try:
                    staged[target].replace(target)
                except OSError as error:
                    raise _save_error(target, error) from error
                UNFINISHED.discard(staged.pop(target))
        for folder in {target.parent for target in writers}:
            _sync_folder(folder)
    finally:
        for temporary in staged.values():
            # What could not be made cannot be removed either, such as an overlong name.
            with contextlib.suppress(OSError):
                temporary.unlink()
            UNFINISHED.discard(temporary)


def _beside(target: Path) -> Path:
    """A temporary name in the same folder; names end at 255 bytes, as the target's may."""
    if not target.name:
        raise SaveError("io", str(target), "not the name of a file")
    kept = os.fsdecode(os.fsencode(target.name)[:200])
    return target.with_name(f".{kept}.{secrets.token_hex(4)}.part")


def _write_one(target: Path, temporary: Path, write: WriteFile | bytes) -> None:
    try:
        with WRITING:
            UNFINISHED.add(temporary)
            file = temporary.open("xb")
        with file:
            if isinstance(write, bytes):
                file.write(write)
            else:
                write(file)
            file.flush()
            os.fsync(file.fileno())
    # torch.save reports a failed write of its archive as a RuntimeError.
    except (OSError, RuntimeError) as error:
        raise _save_error(target, error) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _save_error(target: Path, error: Exception) -> SaveError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
    wanted = "free space or choose another place"
    return SaveError("io", str(target), f"could not be written ({reason}); {wanted}")
