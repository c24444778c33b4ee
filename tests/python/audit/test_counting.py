"""The oracle: every product that torch makes, and which of them no hook sees."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import audit_packets
import tiny_models
from assay import audit, models

X, Y = torch.ones(4, 5), torch.ones(5, 6)
BATCH_X, BATCH_Y = torch.ones(2, 4, 5), torch.ones(2, 5, 6)
LINEAR = nn.Linear(5, 6)
HEADS = torch.ones(1, 2, 7, 8)

# Name: what is called, how many products it is, how many of them are seen, multiply-adds.
CALLS: dict[str, tuple[Callable[[], Any], int, int, int]] = {
    "@": (lambda: X @ Y, 1, 1, 120),
    "matmul": (lambda: torch.matmul(X, Y), 1, 1, 120),
    "linear module": (lambda: LINEAR(X), 1, 1, 120),
    "batch of matmul": (lambda: BATCH_X @ BATCH_Y, 1, 1, 240),
    "vectors": (lambda: X[0] @ Y, 1, 1, 30),
    "dot of matmul": (lambda: X[0] @ X[0], 1, 1, 5),
    "mm": (lambda: torch.mm(X, Y), 1, 0, 120),
    "method matmul": (lambda: X.matmul(Y), 1, 0, 120),
    "method mm": (lambda: X.mm(Y), 1, 0, 120),
    "bmm": (lambda: torch.bmm(BATCH_X, BATCH_Y), 1, 0, 240),
    "addmm": (lambda: torch.addmm(torch.ones(6), X, Y, alpha=2, beta=3), 1, 0, 120),
    "addmm in place": (lambda: torch.ones(4, 6).addmm_(X, Y), 1, 0, 120),
    "baddbmm": (lambda: torch.baddbmm(torch.ones(2, 4, 6), BATCH_X, BATCH_Y), 1, 0, 240),
    "addbmm": (lambda: torch.addbmm(torch.ones(4, 6), BATCH_X, BATCH_Y), 1, 0, 240),
    "mv": (lambda: torch.mv(X, torch.ones(5)), 1, 0, 20),
    "addmv": (lambda: torch.addmv(torch.ones(4), X, torch.ones(5)), 1, 0, 20),
    "dot": (lambda: torch.dot(X[0], X[0]), 1, 0, 5),
    "out": (lambda: torch.mm(X, Y, out=torch.empty(4, 6)), 1, 0, 120),
    "functional linear": (lambda: functional.linear(X, LINEAR.weight, LINEAR.bias), 1, 0, 120),
    "einsum": (lambda: torch.einsum("ij,jk->ik", X, Y), 1, 0, 120),
    "tensordot": (lambda: torch.tensordot(X, Y, 1), 1, 0, 120),
    "chain": (lambda: torch.linalg.multi_dot([X, Y, torch.ones(6, 2)]), 2, 0, 100),
    "attention": (lambda: functional.scaled_dot_product_attention(HEADS, HEADS, HEADS), 2, 0, 1568),
    "nothing": (lambda: (X + 1).relu().sum(), 0, 0, 0),
    "bilinear": (lambda: functional.bilinear(X, X, torch.ones(3, 5, 5)), 1, 0, -1),
}


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("name", list(CALLS))
def test_every_product_is_counted(name: str, mode: Any) -> None:
    call, total, seen, multiply_adds = CALLS[name]
    if mode is torch.enable_grad and name == "out":
        return
    with mode():
        plain = call()
        with (
            audit_packets.keeping() as kept,
            audit.streaming_audit(port=kept.port) as found,
            audit.count_products() as counted,
        ):
            result = call()
    assert torch.equal(result, plain)
    assert (counted.total, counted.seen) == (total, seen), counted
    assert counted.unseen == total - seen == sum(counted.unseen_by_name.values())
    assert found.products == seen
    if multiply_adds >= 0:
        assert counted.multiply_adds == multiply_adds


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("layout", ["llama", "gpt2", "gpt_neox", "bloom"])
def test_a_models_multiply_adds_are_those_that_torch_counts(layout: str, mode: Any) -> None:
    model = tiny_models.tiny(layout)
    # Torch's own counter does not know the fused attention of a CPU.
    models.set_attention(model, "eager")
    ids = torch.tensor([[3, 1, 4, 1, 5, 9]])
    with mode():
        with FlopCounterMode(display=False) as theirs:
            model(ids)
        with (
            audit_packets.keeping() as kept,
            audit.streaming_audit(port=kept.port),
            audit.count_products() as counted,
        ):
            model(ids)
    assert 2 * counted.multiply_adds == theirs.get_total_flops()
    linear = sum(isinstance(module, nn.Linear) for module in model.modules())
    assert counted.seen >= linear


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_attention_in_one_call_goes_by(mode: Any) -> None:
    model = tiny_models.tiny("llama")
    with (
        mode(),
        audit_packets.keeping() as kept,
        audit.streaming_audit(port=kept.port),
        audit.count_products() as counted,
    ):
        model(torch.tensor([[3, 1, 4]]))
    assert set(counted.unseen_by_name) == {"_scaled_dot_product_flash_attention_for_cpu"}
    assert counted.unseen == 2 * tiny_models.LAYERS
    assert counted.seen == sum(isinstance(module, nn.Linear) for module in model.modules())


def test_backward_products_are_counted_and_none_is_seen() -> None:
    given = torch.ones(4, 5, requires_grad=True)
    with (
        audit_packets.keeping() as kept,
        audit.streaming_audit(port=kept.port),
        audit.count_products() as counted,
    ):
        LINEAR(given).sum().backward()
    assert (counted.total, counted.seen) == (3, 1)


def test_threads_are_counted_by_themselves() -> None:
    with audit.count_products() as counted:
        thread = threading.Thread(target=lambda: X @ Y)
        thread.start()
        thread.join()
        _ = X @ Y
    assert (counted.total, counted.seen) == (1, 0)
