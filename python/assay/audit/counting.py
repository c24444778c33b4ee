"""Count every matrix product that torch makes, and those of them that no hook saw."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from .intercepting import is_seen


@dataclass
class Products:
    """Matrix products of one thread.

    Attributes:
        total: All, as the library underneath makes them: a linear layer is one, the products of a
            batch are one, attention that is computed in one call is two.
        seen: Those within calls that `streaming_audit()` sees.
        by_name: All, by the operator of torch: "mm", "addmm", "bmm".
        unseen_by_name: Those that it does not see.
        multiply_adds: Of all.
        seen_multiply_adds: Of those that it sees.
    """

    total: int = 0
    seen: int = 0
    by_name: Counter[str] = field(default_factory=Counter)
    unseen_by_name: Counter[str] = field(default_factory=Counter)
    multiply_adds: int = 0
    seen_multiply_adds: int = 0

    @property
    def unseen(self) -> int:
        """Those that it does not see."""
        return self.total - self.seen


@contextmanager
def count_products() -> Iterator[Products]:
    """Count the products that this thread makes within the block.

    By torch's dispatcher, below autograd, so products of backward passes are among them, and every
    operator pays for it: for a look at a model, not for one that serves. Not counted are compiled
    code, kernels that are no operators of torch, convolutions and outer products.
    """
    mode = _Counting()
    with mode:
        yield mode.products


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products = Products()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if not isinstance(func, OpOverload):
            return func(*args, **given)
        name = func._overloadpacket.__name__.removesuffix("_")
        work = _WORK.get(name)
        if work is None:
            # In inference mode compositions such as linear and matmul arrive whole. Their parts
            # are counted, as they are outside of it.
            with self:
                result = func.decompose(*args, **given)
            if result is not NotImplemented:
                return result
        result = func(*args, **given)
        if work is not None:
            self._count(name, work(args, given, result))
        return result

    def _count(self, name: str, work: tuple[int, int]) -> None:
        products, multiply_adds = work
        found = self.products
        found.total += products
        found.by_name[name] += products
        found.multiply_adds += multiply_adds
        if is_seen():
            found.seen += products
            found.seen_multiply_adds += multiply_adds
        else:
            found.unseen_by_name[name] += products


_Work = Callable[[tuple[Any, ...], Mapping[str, Any], Any], tuple[int, int]]
"""Of a call's arguments and its result: products, and multiply-adds of all."""


def _of(left: int) -> _Work:
    """One product: entries of the result times the length of the rows of argument `left`."""
    return lambda args, kwargs, result: (1, _numel(result) * int(args[left].shape[-1]))


def _summed(args: tuple[Any, ...], _: Mapping[str, Any], result: Any) -> tuple[int, int]:
    """addbmm: the products of a batch are added up."""
    batch, _m, k = args[1].shape
    return 1, _numel(result) * int(batch) * int(k)


def _attention(args: tuple[Any, ...], _: Mapping[str, Any], result: Any) -> tuple[int, int]:
    query, key, value = args[:3]
    scores = math.prod(query.shape[:-1]) * int(key.shape[-2])
    return 2, scores * (int(query.shape[-1]) + int(value.shape[-1]))


def _attention_backward(
    args: tuple[Any, ...], _: Mapping[str, Any], result: Any
) -> tuple[int, int]:
    # Scores again, and the derivatives by both factors of both products.
    _, query, key, value = args[:4]
    scores = math.prod(query.shape[:-1]) * int(key.shape[-2])
    return 5, scores * (3 * int(query.shape[-1]) + 2 * int(value.shape[-1]))


def _whole(products: int) -> _Work:
    """Fused layers of nn.Transformer: how many products they make, of sizes that are not said."""
    return lambda args, kwargs, result: (products, 0)


def _numel(result: Any) -> int:
    first = result if isinstance(result, Tensor) else result[0]
    return int(first.numel())


_FIRST, _SECOND = _of(0), _of(1)
_WORK: dict[str, _Work] = {
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot", "_int_mm", "_scaled_mm"), _FIRST),
    **dict.fromkeys(("_grouped_mm", "_scaled_grouped_mm", "_trilinear"), _FIRST),
    **dict.fromkeys(("_weight_int4pack_mm", "_weight_int8pack_mm"), _FIRST),
    **dict.fromkeys(("_linear_pointwise", "mkldnn_linear", "_mkl_linear"), _FIRST),
    **dict.fromkeys(("addmm", "addmv", "baddbmm", "_addmm_activation", "sspaddmm"), _SECOND),
    "addbmm": _summed,
    **dict.fromkeys(
        (
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
            "_scaled_dot_product_fused_attention_overrideable",
            "_flash_attention_forward",
            "_efficient_attention_forward",
        ),
        _attention,
    ),
    **dict.fromkeys(
        (
            "_scaled_dot_product_flash_attention_backward",
            "_scaled_dot_product_flash_attention_for_cpu_backward",
            "_scaled_dot_product_efficient_attention_backward",
            "_scaled_dot_product_cudnn_attention_backward",
        ),
        _attention_backward,
    ),
    "_native_multi_head_attention": _whole(4),
    "_transformer_encoder_layer_fwd": _whole(6),
}
