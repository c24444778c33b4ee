"""Which entries of a product are sampled, and their values, copied before anybody changes them."""

import itertools
import math
import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .. import _core
from .digests import WeightDigests
from .intercepting import Seen
from .packets import DTYPES, Sampled

ROWS = 0.001
COLUMNS = 0.01
"""Shares that are sampled."""

MOST_COLUMNS = 65536
"""As the packet's format has it."""


class NotSampledError(Exception):
    """A product that is not sampled; the text is the counter that it counts for."""


@dataclass(frozen=True)
class Sample:
    """Entries of one product, or of one of a batch.

    Attributes:
        sampled: Which.
        a: The rows of A, in the dtype of the product.
        b: The columns of B, each as a row, where the packet has them.
        c: The entries.
        arrived: Waits until the values are on the CPU.
    """

    sampled: Sampled
    a: Tensor
    b: Tensor | None
    c: Tensor
    arrived: Callable[[], object]

    @property
    def nbytes(self) -> int:
        """Of the values."""
        b = 0 if self.b is None else self.b.nbytes
        return self.a.nbytes + b + self.c.nbytes


class Sampler:
    """Draws entries of products with a generator of its own. For any threads.

    Args:
        rows: Share of the rows that is drawn, of a batch of all its rows; one at least.
        columns: The same of the columns.
        seed: Of the generator; None: from the system.
        weights: Right operands of matmul that the listener has; None: all matrices. Of others, of
            vectors and of batches, the columns are in the packet. Linear layers' never are.
    """

    def __init__(
        self, rows: float, columns: float, seed: int | None, weights: Sequence[Tensor] | None
    ) -> None:
        self._rows = rows
        self._columns = columns
        self._seed = seed
        self._drawing = threading.Lock()
        self._random = random.Random(os.urandom(32) if seed is None else seed)  # noqa: S311 - not a secret
        self._digests = WeightDigests()
        self._known = None if weights is None else {memory_of(one) for one in weights}

    def begin_anew(self) -> None:
        """In the child of a fork: its draws are its own, and nobody holds its locks."""
        self._drawing = threading.Lock()
        self._digests = WeightDigests()
        if self._seed is None:
            self._random = random.Random(os.urandom(32))  # noqa: S311 - not a secret

    def take(self, product: int, seen: Seen) -> Iterator[Sample]:
        """Samples of a product: one, or of a batch one for each of its products that has a row.

        Raises:
            NotSampledError: "empty": there are no entries. "unsupported": of a kind that is not
                sampled. "too_large": not even one row fits a packet.
        """
        for tensor in (seen.a, seen.b, seen.c):
            _require_plain(tensor)
        a, b, c = seen.a.detach(), seen.b.detach(), seen.c.detach()
        if seen.call == "linear":
            if seen.bias is not None:
                _require_plain(seen.bias)
            yield from self._of_linear(product, a, b, seen.bias, c)
            return
        # As torch.matmul has it: a vector gets an axis, which the result does not have.
        if a.ndim == 1:
            a = a.unsqueeze(0)
            c = c.unsqueeze(-1 if b.ndim == 1 else -2)
        vector = b.ndim == 1
        if vector:
            b = b.unsqueeze(-1)
            c = c.unsqueeze(-1)
        if b.ndim == 2:
            carried = vector or (self._known is not None and memory_of(b) not in self._known)
            yield from self._of_matrix(product, a, b, c, carried)
        else:
            yield from self._of_batch(product, a, b, c)

    def _of_linear(
        self, product: int, a: Tensor, weight: Tensor, bias: Tensor | None, c: Tensor
    ) -> Iterator[Sample]:
        if a.ndim == 1:
            a, c = a.unsqueeze(0), c.unsqueeze(0)
        drawn = self._draw(a, c, carried=False)
        named = self._digests.of(weight.contiguous())
        added = None if bias is None else self._digests.of(bias.detach().contiguous())
        sampled = Sampled(
            product, "linear", True, named, added, 0, 1, drawn.shape, drawn.rows, drawn.columns
        )
        yield _copied(sampled, drawn.taken(a), None, drawn.entries(c), c.dtype)

    def _of_matrix(
        self, product: int, a: Tensor, b: Tensor, c: Tensor, carried: bool
    ) -> Iterator[Sample]:
        drawn = self._draw(a, c, carried)
        transposed = not b.is_contiguous() and b.t().is_contiguous()
        stored = b.t() if transposed else b.contiguous()
        named = None if carried else self._digests.of(stored)
        sampled = Sampled(
            product, "matmul", transposed and not carried, named, None, 0, 1,
            drawn.shape, drawn.rows, drawn.columns,
        )  # fmt: skip
        brought = drawn.columns_of(b) if carried else None
        yield _copied(sampled, drawn.taken(a), brought, drawn.entries(c), c.dtype)

    def _of_batch(self, product: int, a: Tensor, b: Tensor, c: Tensor) -> Iterator[Sample]:
        batch = c.shape[:-2]
        a = a.expand(*batch, *a.shape[-2:])
        b = b.expand(*batch, *b.shape[-2:])
        drawn = self._draw(a, c, carried=True)
        m, batches = c.shape[-2], math.prod(batch)
        for which, rows in itertools.groupby(drawn.rows, lambda row: row // m):
            place = _unravelled(which, batch)
            one = _Drawn(
                (m, drawn.shape[1], drawn.shape[2]), [row % m for row in rows], drawn.columns
            )
            sampled = Sampled(
                product, "matmul", False, None, None, which, batches,
                one.shape, one.rows, one.columns,
            )  # fmt: skip
            yield _copied(
                sampled,
                one.taken(a[place]),
                one.columns_of(b[place]),
                one.entries(c[place]),
                c.dtype,
            )

    def _draw(self, a: Tensor, c: Tensor, carried: bool) -> "_Drawn":
        """Rows and columns; axes before the last two count as rows."""
        m, n, k = math.prod(c.shape[:-1]), c.shape[-1], a.shape[-1]
        if m * n * k == 0:
            raise NotSampledError("empty")
        columns = min(_share(n, self._columns), MOST_COLUMNS)
        most = _core.audit_packet_most_rows(k, columns, DTYPES[c.dtype], carried)
        if most == 0:
            raise NotSampledError("too_large")
        rows = min(_share(m, self._rows), most)
        with self._drawing:
            return _Drawn(
                (m, k, n),
                sorted(self._random.sample(range(m), rows)),
                sorted(self._random.sample(range(n), columns)),
            )


@dataclass(frozen=True)
class _Drawn:
    """Entries that were drawn: m, k, n, and which rows and columns."""

    shape: tuple[int, int, int]
    rows: list[int]
    columns: list[int]

    def taken(self, a: Tensor) -> Tensor:
        """The rows of A, copied."""
        return a[self._places(a)]

    def entries(self, c: Tensor) -> Tensor:
        places = self._places(c)
        columns = _indices(self.columns, c)
        return c[(*(one.unsqueeze(1) for one in places), columns)]

    def columns_of(self, b: Tensor) -> Tensor:
        return b.t()[_indices(self.columns, b)]

    def _places(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """The rows by their indices along all axes but the last."""
        leading = tensor.shape[:-1]
        if len(leading) == 1:
            return (_indices(self.rows, tensor),)
        places = zip(*(_unravelled(row, leading) for row in self.rows), strict=True)
        return tuple(_indices(list(one), tensor) for one in places)


def _share(size: int, share: float) -> int:
    return max(1, int(size * share))


def _unravelled(index: int, shape: Sequence[int]) -> tuple[int, ...]:
    places = []
    for size in reversed(shape):
        index, place = divmod(index, size)
        places.append(place)
    return tuple(reversed(places))


def _indices(values: list[int], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.int64, device=like.device)


def _require_plain(tensor: object) -> None:
    """Raises NotSampledError("unsupported") for what has no values to be looked at here."""
    plain = (
        type(tensor) in (Tensor, nn.Parameter)
        and isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and tensor.dtype in DTYPES
        and tensor.device.type in ("cpu", "cuda")
    )
    if not plain:
        raise NotSampledError("unsupported")


def memory_of(tensor: Tensor) -> tuple[int, int]:
    """Where the values of a tensor begin: views of all of it, transposed or not, have one."""
    return tensor.untyped_storage().data_ptr(), int(tensor.storage_offset())


def _copied(sampled: Sampled, a: Tensor, b: Tensor | None, c: Tensor, dtype: torch.dtype) -> Sample:
    # Within autocast operands are rounded to the dtype of the result first.
    a, b = a.to(dtype), None if b is None else b.to(dtype)
    if a.device.type == "cpu":
        return Sample(sampled, a, b, c, _nothing)
    # The copies are made on the stream that made the product; nobody waits for them but the thread
    # that sends them.
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    host_a, host_c = _to_host(a), _to_host(c)
    host_b = None if b is None else _to_host(b)
    event.record()
    kept = (a, b, c)

    def arrived() -> object:
        event.synchronize()
        return kept

    return Sample(sampled, host_a, host_b, host_c, arrived)


def _to_host(tensor: Tensor) -> Tensor:
    host = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu", pin_memory=True)
    return host.copy_(tensor, non_blocking=True)


def _nothing() -> None:
    pass
