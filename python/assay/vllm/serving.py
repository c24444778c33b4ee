"""Proofs of the answers of `vllm serve`: asked for as soon as an answer is whole, and kept."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError, one_line
from . import seams
from .answers import Answer, answer_of, without_proofs
from .counting import count_answer, count_unstored, counters
from .settings import settings_from
from .storing import Store, store_of

_LOG = logging.getLogger("vllm.assay")

_MOST_HELD_BYTES = 32 << 20
_LONGEST_S = 30.0

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
        self._store: Store = store_of(self._settings)
        counters()

    def finished(self, answer: seams.Finished) -> None:
        """An answer is whole."""
        asked = self._asked.setdefault(answer.asked_as, _Asked())
        task = asyncio.get_running_loop().create_task(self._collect(answer, asked))
        asked.pending.add(task)
        task.add_done_callback(asked.pending.discard)

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
            answer = await asyncio.wait_for(self._ask(finished), _LONGEST_S)
        except Exception as error:
            answer = without_proofs(finished, f"the engine did not give them: {one_line(error)}")
        count_answer(answer, time.monotonic() - started)
        asked.answers.append(answer)
        self._hold(asked, answer)
        try:
            await asyncio.to_thread(self._store.write, finished.asked_as, answer)
        except Exception as error:
            count_unstored()
            if not self._unstored:
                _LOG.error("assay: proofs are not stored: %s", one_line(error))
            self._unstored = True

    async def _ask(self, finished: seams.Finished) -> Answer:
        if self._status is None:
            self._status = _first(await self._engine.collective_rpc("assay_status"))
        taken = await self._engine.collective_rpc(
            "assay_take", args=(finished.name, finished.output_token_ids)
        )
        return answer_of(finished, _first(taken), self._settings, self._status)

    def _hold(self, asked: _Asked, answer: Answer) -> None:
        size = 256 if answer.signature is None else len(answer.signature.encode())
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
