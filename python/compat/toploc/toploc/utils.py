"""Digests of files."""

import hashlib
from os import PathLike
from pathlib import Path


def sha256sum(filename: str | PathLike[str], chunk_size: int = 65536) -> str:
    """SHA-256 of a file in hexadecimal, read `chunk_size` bytes at a time."""
    digest = hashlib.sha256()
    with Path(filename).open("rb") as file:
        while block := file.read(chunk_size):
            digest.update(block)
    return digest.hexdigest()
