"""The proofs of each request, made in a worker while it runs."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .. import toploc
from ..errors import InputError, one_line
from ..models import HEAD_INPUT, Observer, RequestRows
from ..toploc import Produced, Prover
from .auditing import Auditor, Logged
from .committing import COMMITTED_TOGETHER, Committer
from .passes import Begun, Chosen, Follower
from .settings import Settings

_LOG = logging.getLogger("vllm.assay")

_MOST_UNCLAIMED = 1024


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


@dataclass
class _Unclaimed:
    """An answer of which more is being made than its proofs.

    Attributes:
        number: By which the committer knows it.
        made: Its proofs, and states where these are kept.
        log: By which the auditor knows it, or what came of its log.
        said: What there is of it.
        without: What there will not be, and why.
    """

    number: int
    made: Produced
    log: int | Logged | None
    said: dict[str, Any] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)

    def has(self, kind: str) -> bool:
        """Whether it is known what came of this."""
        return kind in self.said or kind in self.without


class Proving(Follower):
    """Makes the proofs of all requests of a worker.

    Args:
        settings: What to prove.
        dtype: Of the rows.
        settled: Tokens behind the newest that the engine does not take back by itself.
        committer: Commits to rows of layers, where that is asked for.
        auditor: Keeps logs of what all layers compute, where that is asked for.
    """

    def __init__(
        self,
        settings: Settings,
        dtype: torch.dtype,
        settled: int,
        committer: Committer | None = None,
        auditor: Auditor | None = None,
    ) -> None:
        self._fingerprints = settings.fingerprint
        self._prover = Prover(
            chunk=settings.chunk,
            k=settings.k,
            merge_short_tails=settings.merge_short_tails,
            rounded=dtype != torch.bfloat16,
            keep_states=settings.fingerprint,
        )
        # The prover is the last to hear of an end: what it has made is taken from it at once.
        observers: list[Observer] = [self._prover]
        taps = [HEAD_INPUT]
        if committer is not None:
            observers.insert(0, committer)
            taps += [tap for tap in committer.taps if tap != HEAD_INPUT]
        self._committer = committer
        self._auditor = auditor
        # An aborted answer ends where its client is, some tokens behind the engine. Proofs can wait
        # for that; commitments cannot, if they are to be there soon after the last token.
        block, behind = RequestRows.BLOCK, max(RequestRows.SETTLED, settled)
        if committer is not None:
            block, behind = COMMITTED_TOGETHER, settled
        self.rows = RequestRows(observers, dtype, taps=taps, block=block, settled=behind)
        self.counts = _Counts()
        # Rows of the prompt that a cache spared, by request.
        self._missing: OrderedDict[str, int] = OrderedDict()
        self._unclaimed: OrderedDict[str, _Unclaimed] = OrderedDict()

    def pause(self, paused: bool) -> None:
        """Have nothing told of requests that begin from now on, or have it told again."""
        self.paused = paused
        if self._auditor is not None:
            self._auditor.paused = paused

    @property
    def held_bytes(self) -> int:
        """Of rows that are held."""
        waiting = 0 if self._committer is None else self._committer.waiting_bytes
        return self.rows.bytes + waiting

    def begin(self, request: Begun) -> None:
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

    def chosen(self, rows: Tensor, chosen: Sequence[Chosen]) -> None:
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

        With "pending" there is more to come, which `rest` gives.

        Args:
            name: The engine's own name of the request; it is forgotten.
            output: The answer.
        """
        missing = self._missing.pop(name, 0)
        log = None if self._auditor is None else self._auditor.end(name, output)
        try:
            number = self.rows.take(name, output)
        except InputError as error:
            self.counts.missed += 1
            return {"reason": error.reason}
        made = self._prover.watched.sequences.pop()
        self.counts.proved += 1
        taken = {"proofs": made.proofs, "missing_prompt_rows": missing}
        one = _Unclaimed(number, made, log)
        if self._committer is None and log is None:
            return {**taken, **self._whole(one)}
        self._unclaimed[name] = one
        while len(self._unclaimed) > _MOST_UNCLAIMED:
            self.forget(next(iter(self._unclaimed)))
        return {**taken, "pending": True}

    def rest(self, name: str) -> dict[str, Any]:
        """What `take` did not have yet: with "pending" it is not there.

        Args:
            name: As it was said to `take`; it is forgotten.
        """
        one = self._unclaimed.get(name)
        if one is None:
            return {"without": {"commitment": "no rows of such a request are held"}}
        if self._committer is not None and not one.has("commitment"):
            committed = self._committer.result(one.number)
            if committed is not None and committed.reason:
                one.without["commitment"] = committed.reason
            elif committed is not None:
                one.said |= {"commitment": committed.commitment, "rows": committed.rows}
                one.said["digest"] = committed.digest
        if isinstance(one.log, int) and self._auditor is not None:
            one.log = self._auditor.result(one.log) or one.log
        if isinstance(one.log, int) or (self._committer and not one.has("commitment")):
            return {"pending": True}
        del self._unclaimed[name]
        return self._whole(one)

    def forget(self, name: str) -> None:
        """Nobody will ask for this request."""
        self._missing.pop(name, None)
        self.rows.forget(name)
        if self._auditor is not None:
            self._auditor.forget(name)
        found = self._unclaimed.pop(name, None)
        if found is not None and self._committer is not None:
            self._committer.drop(found.number)

    def _whole(self, one: _Unclaimed) -> dict[str, Any]:
        """All that there is beside the proofs of an answer, and what there is not and why."""
        digest = one.said.pop("digest", None)
        if isinstance(one.log, Logged):
            if one.log.reason:
                one.without["audit"] = one.log.reason
            else:
                one.said["head"] = one.log.head
        if self._fingerprints:
            made, committed = one.made, [] if digest is None else [digest]
            try:
                seed = toploc.fingerprint.answer_seed(
                    made.prompt, made.output, made.proofs, committed
                )
                found = toploc.fingerprint.project(made.kept_states, seed)
                one.said["fingerprint"] = found.to_bytes()
            except InputError as error:
                one.without["fingerprint"] = one_line(error)
        return {**one.said, **({"without": one.without} if one.without else {})}
