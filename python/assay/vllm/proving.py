"""The proofs of each request, made in a worker while it runs."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, one_line
from ..models import RequestRows
from ..toploc import Prover
from . import seams
from .settings import Settings

_LOG = logging.getLogger("vllm.assay")


@dataclass
class _Counts:
    """What became of requests.

    Attributes:
        begun: Those that the worker was given.
        proved: Those of which proofs were asked for and given.
        missed: Those of which they were asked for and could not be given.
        broken: Passes that could not be followed.
    """

    begun: int = 0
    proved: int = 0
    missed: int = 0
    broken: int = 0


class Proving(seams.Follower):
    """Makes the proofs of all requests of a worker.

    Args:
        settings: What to prove.
        dtype: Of the rows.
    """

    def __init__(self, settings: Settings, dtype: torch.dtype) -> None:
        self._prover = Prover(
            chunk=settings.chunk,
            k=settings.k,
            merge_short_tails=settings.merge_short_tails,
            rounded=dtype != torch.bfloat16,
        )
        self.rows = RequestRows([self._prover], dtype)
        self.counts = _Counts()
        # Rows of the prompt that a cache spared, by request.
        self._missing: OrderedDict[str, int] = OrderedDict()

    def begin(self, request: seams.Begun) -> None:
        """As `Follower`."""
        self.counts.begun += 1
        self._missing[request.name] = request.missing
        while len(self._missing) > 4096:
            self._missing.popitem(last=False)
        self.rows.begin(
            request.name,
            request.prompt,
            stopped_by_text=request.stopped_by_text,
            refused=request.refused,
        )

    def chosen(self, rows: Tensor, chosen: Sequence[seams.Chosen]) -> None:
        """As `Follower`."""
        self.rows.add(rows, chosen)

    def close(self, name: str) -> None:
        """As `Follower`."""
        self.rows.close(name)

    def broken(self, error: Exception) -> None:
        """As `Follower`."""
        self.counts.broken += 1
        reason = f"a pass could not be followed: {one_line(error)}"
        if self.counts.broken == 1:
            _LOG.error("assay: %s; the answers of its requests have no proofs", reason)
        self.rows.refuse_all(reason)

    def take(self, name: str, output: Sequence[int]) -> dict[str, Any]:
        """The proofs of an answer, or the reason why there are none.

        Args:
            name: The engine's own name of the request; it is forgotten.
            output: The answer.
        """
        missing = self._missing.pop(name, 0)
        try:
            self.rows.take(name, output)
        except InputError as error:
            self.counts.missed += 1
            return {"reason": error.reason}
        made = self._prover.watched.sequences.pop()
        self.counts.proved += 1
        return {"proofs": made.proofs, "missing_prompt_rows": missing}

    def forget(self, name: str) -> None:
        """Nobody will ask for this request."""
        self._missing.pop(name, None)
        self.rows.forget(name)
