"""Which blocks of a model a run records, as verifier and provider agree on them."""

from collections.abc import Iterable
from typing import TypeAlias

from .. import _core

Layers: TypeAlias = str | Iterable[int]
"""All blocks, "all"; every eighth, "1/8"; those listed, "0,8,16-19"; or their numbers."""


def choice_of(layers: Layers) -> _core.AuditBlocks:
    """The choice that is meant.

    Raises:
        InputError: There is no such choice ("malformed", "non_canonical", "out_of_range").
    """
    text = layers if isinstance(layers, str) else ",".join(map(str, sorted(set(layers))))
    return _core.AuditBlocks(text)
