"""Sample the products that are made within a block, and send the samples."""

import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..models import uncompiled
from .intercepting import Seen, intercepted
from .packets import HOST, PORT
from .sampling import COLUMNS, ROWS, NotSampledError, Sampler, memory_of
from .sending import Sender


@dataclass(frozen=True)
class _Wanted:
    """What a context asks for; those that run at the same time ask for the same."""

    host: str
    port: int
    rows: float
    columns: float
    seed: int | None
    weights: tuple[tuple[int, int], ...] | None


class Sampling:
    """What became of the products within a `streaming_audit()`, so far.

    Attributes:
        products: That were seen.
        sampled: Of which there is a packet at least, sent or dropped.
        not_sampled: By the reason, how many were not: "empty", "unsupported" (complex numbers,
            integers, sparse or quantised tensors, other devices), "too_large", "capturing" (of a
            CUDA graph), "failed".
    """

    def __init__(self, sampler: Sampler, sender: Sender) -> None:
        self.products = 0
        self.sampled = 0
        self.not_sampled: Counter[str] = Counter()
        self._sampler = sampler
        self._sender = sender
        self._counting = threading.Lock()

    @property
    def session(self) -> str:
        """By which the listener knows it, 32 hexadecimal digits."""
        return self._sender.session.hex()

    @property
    def queued(self) -> int:
        """Packets that found room to wait in."""
        return self._sender.counts.queued

    @property
    def sent(self) -> int:
        """Packets of which the system took every byte."""
        return self._sender.counts.sent

    @property
    def dropped(self) -> int:
        """Packets that found no room, or could not be sent to the end."""
        return self._sender.counts.dropped

    def take(self, seen: Seen) -> None:
        """Sample a product. Never raises, and never waits for anybody."""
        with self._counting:
            number = self.products
            self.products += 1
        reason = self._reason_not_to(number, seen)
        with self._counting:
            if reason is None:
                self.sampled += 1
            else:
                self.not_sampled[reason] += 1

    def _reason_not_to(self, number: int, seen: Seen) -> str | None:
        try:
            if _is_capturing(seen.c):
                return "capturing"
            with torch.no_grad():
                for sample in self._sampler.take(number, seen):
                    self._sender.put(sample)
        except NotSampledError as error:
            return str(error)
        except Exception:  # whatever it is, the model must not hear of it
            return "failed"
        return None

    def _close(self, within: float) -> None:
        self._sender.close(within)

    def _begin_anew(self) -> None:
        """In the child of a fork."""
        self._counting = threading.Lock()
        self._sampler.begin_anew()
        self._sender.begin_anew()
        self.products = self.sampled = 0
        self.not_sampled.clear()


def _is_capturing(tensor: Any) -> bool:
    """Whether this would become a part of a CUDA graph, and run again with it."""
    on_cuda = isinstance(tensor, Tensor) and tensor.device.type == "cuda"
    return on_cuda and torch.cuda.is_current_stream_capturing()


class _Running:
    """The one session of this process, and how many contexts want it."""

    changing = threading.Lock()
    wanted: _Wanted | None = None
    sampling: Sampling | None = None
    users = 0
    undo = ExitStack()


@contextmanager
def sample_products(
    *,
    host: str = HOST,
    port: int = PORT,
    rows: float = ROWS,
    columns: float = COLUMNS,
    seed: int | None = None,
    weights: Iterable[Tensor] | None = None,
    finish_within: float = 2.0,
) -> Iterator[Sampling]:
    """What `streaming_audit()` does without a model, with its arguments."""
    for place, share in (("rows", rows), ("columns", columns)):
        if not 0 < share <= 1:
            raise InputError("out_of_range", place, f"{share} is not above 0 and at most 1")
    known = None if weights is None else tuple(weights)
    places = None if known is None else tuple(map(memory_of, known))
    wanted = _Wanted(host, port, rows, columns, seed, places)
    with _Running.changing:
        sampling = _join(wanted, known)
    try:
        yield sampling
    finally:
        with _Running.changing:
            _Running.users -= 1
            last = _Running.users == 0
            if last:
                _Running.undo.close()
                _Running.sampling = _Running.wanted = None
        if last:
            sampling._close(finish_within)


def _join(wanted: _Wanted, weights: tuple[Tensor, ...] | None) -> Sampling:
    if _Running.sampling is None:
        sampler = Sampler(wanted.rows, wanted.columns, wanted.seed, weights)
        sampling = Sampling(sampler, Sender(wanted.host, wanted.port))
        with ExitStack() as undo:
            undo.enter_context(uncompiled())
            undo.enter_context(intercepted(sampling.take))
            _Running.undo = undo.pop_all()
        _Running.sampling, _Running.wanted = sampling, wanted
    elif wanted != _Running.wanted:
        reason = "another one is running, with other arguments; give the same, or end that first"
        raise InputError("mismatch", "streaming_audit", reason)
    _Running.users += 1
    return _Running.sampling


def _after_fork() -> None:
    _Running.changing = threading.Lock()
    if _Running.sampling is not None:
        _Running.sampling._begin_anew()


os.register_at_fork(after_in_child=_after_fork)
