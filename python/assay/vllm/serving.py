"""Proofs of the answers of `vllm serve`: asked for as soon as an answer is whole, and kept."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import InputError, one_line
from . import seams
from .answers import Answer, answer_of, without_proofs
from .counting import count_answer, count_unstored, counters
from .settings import settings_from
from .storing import NoStore, Store, store_of

_LOG = logging.getLogger("vllm.assay")

_MOST_HELD_BYTES = 32 << 20
_LONGEST_S = 30.0
_GLANCE_S = 0.02
# Commitments are made by one thread beside the engine.
_WAITS_S = 120.0

_COLLECTORS: "list[Collector]" = []


@dataclass
class _Asked:
    """What was asked under one name.

    Attributes:
        answers: Those that are whole, in the order of their ends.
        pending: Tasks that ask for the proofs of others.
    """

    answers: list[Answer] = field(default_factory=list)
    pending: set["asyncio.Task[None]"] = field(default_factory=set)
    bytes: int = 0


class Collector:
    """Asks an asynchronous engine for the proofs of each answer, and keeps them.

    All of it runs on the server's own loop. Whatever goes wrong with proofs, answers go their way.

    Args:
        engine: vLLM's own.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._settings = settings_from(seams.settings_of(engine.vllm_config))
        self._status: dict[str, Any] | None = None
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._held = 0
        self._unstored = False
        self._lost = False
        # What is made behind the last token.
        self._behind = [
            kind
            for kind, asked in (
                ("commitment", self._settings.layers),
                ("audit", self._settings.audit),
                ("fingerprint", self._settings.fingerprint),
            )
            if asked
        ]
        self._store: Store = store_of(self._settings)
        if self._settings.layers and isinstance(self._store, NoStore):
            reason = "layers is given without a folder or database that keeps their rows; give one"
            raise InputError("mismatch", "assay's settings for vLLM", reason)
        counters()

    def finished(self, answer: seams.Finished) -> None:
        """An answer is whole."""
        asked = self._asked.setdefault(answer.asked_as, _Asked())
        task = asyncio.get_running_loop().create_task(self._collect(answer, asked))
        asked.pending.add(task)
        task.add_done_callback(asked.pending.discard)

    def failed(self, running: int, error: Exception) -> None:
        """The engine is dead, and so many answers will not be whole."""
        if not self._lost:
            reason = one_line(error) or type(error).__name__
            _LOG.error("assay: the engine ended with %d answers unfinished: %s", running, reason)
        self._lost = True

    async def answers(self, asked_as: str) -> list[Answer]:
        """All answers to what was asked under this name, once their proofs are there."""
        asked = self._asked.get(asked_as)
        if asked is None:
            return await asyncio.to_thread(self._store.read, asked_as)
        if asked.pending:
            await asyncio.wait(set(asked.pending), timeout=_LONGEST_S)
        return sorted(asked.answers, key=lambda one: (one.question, one.choice))

    async def _collect(self, finished: seams.Finished, asked: _Asked) -> None:
        started = time.monotonic()
        try:
            answer = await self._ask(finished)
        except Exception as error:
            answer = without_proofs(finished, f"the engine did not give them: {one_line(error)}")
            if not self._lost:
                _LOG.error("assay: the engine did not give proofs: %s", one_line(error))
            self._lost = True
        count_answer(answer, time.monotonic() - started)
        # Rows are for the store alone.
        held = replace(answer, rows=None)
        asked.answers.append(held)
        self._hold(asked, held)
        try:
            await asyncio.to_thread(self._store.write, finished.asked_as, answer)
        except Exception as error:
            count_unstored()
            if not self._unstored:
                _LOG.error("assay: proofs are not stored: %s", one_line(error))
            self._unstored = True

    async def _ask(self, finished: seams.Finished) -> Answer:
        if self._status is None:
            self._status = await self._call("assay_status")
        taken = await self._call("assay_take", finished.name, finished.output_token_ids)
        if taken.pop("pending", False):
            taken.update(await self._rest(finished.name))
        return answer_of(finished, taken, self._settings, self._status)

    async def _rest(self, name: str) -> dict[str, Any]:
        """What a worker did not have yet of an answer, as soon as it has that."""
        try:
            until = time.monotonic() + _WAITS_S
            while time.monotonic() < until:
                found = await self._call("assay_rest", name)
                if not found.get("pending"):
                    return found
                await asyncio.sleep(_GLANCE_S)
            await self._call("assay_forget", name, none=True)
            reason = f"it was not made within {_WAITS_S:.0f} s"
        except Exception as error:
            reason = f"the engine did not give it: {one_line(error)}"
        return {"without": dict.fromkeys(self._behind, reason)}

    async def _call(self, method: str, *args: Any, none: bool = False) -> dict[str, Any]:
        """What the worker with rows says; with `none` it says nothing."""
        results = await asyncio.wait_for(self._engine.collective_rpc(method, args=args), _LONGEST_S)
        return {} if none else _first(results)

    def _hold(self, asked: _Asked, answer: Answer) -> None:
        size = 256 if answer.signature is None else len(answer.signature.encode())
        size += len(answer.fingerprint or b"")
        asked.bytes += size
        self._held += size
        while self._held > _MOST_HELD_BYTES and len(self._asked) > 1:
            name, oldest = next(iter(self._asked.items()))
            if oldest.pending:
                break
            self._held -= oldest.bytes
            del self._asked[name]


def collect(collector: Collector) -> None:
    """Let the middleware of this process find the collector."""
    _COLLECTORS.append(collector)


async def answers_to(asked_as: str) -> list[Answer]:
    """All answers to what was asked under this name."""
    found: list[Answer] = []
    for collector in _COLLECTORS:
        found += await collector.answers(asked_as)
    return found


def is_collecting() -> bool:
    """Whether an engine of this process makes proofs."""
    return bool(_COLLECTORS)


def _first(results: Sequence[Any]) -> dict[str, Any]:
    found = next((one for one in results if one is not None), None)
    if found is None:
        raise InputError("mismatch", "vLLM", "no worker has rows")
    return dict(found)
