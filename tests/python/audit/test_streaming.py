"""`streaming_audit()`: which products it sees, and that what it sends is what they were."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import audit_packets
from assay import InputError, audit
from audit_packets import Packet

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def drawn(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def sent_by(make: Callable[[], Any], **options: Any) -> tuple[Any, list[Packet], audit.Sampling]:
    """What it gives, the packets, and the counts."""
    with audit_packets.keeping() as kept, audit.streaming_audit(port=kept.port, **options) as found:
        result = make()
    assert found.sent == found.queued == len(kept.packets)
    assert found.dropped == 0
    assert [packet.sequence for packet in kept.packets] == list(range(found.sent))
    return result, kept.packets, found


def check(packet: Packet, a: Tensor, b: Tensor, c: Tensor) -> None:
    """Whether the packet has the values of this product, given as matrices."""
    assert (packet.m, packet.k, packet.n) == (a.shape[0], a.shape[1], c.shape[1])
    assert packet.rows == sorted(set(packet.rows))
    assert packet.columns == sorted(set(packet.columns))
    assert len(packet.rows) == max(1, int(0.001 * packet.m))
    assert len(packet.columns) == max(1, int(0.01 * packet.n))
    assert packet.dtype == c.dtype
    torch.testing.assert_close(packet.a, a[packet.rows], rtol=0, atol=0, equal_nan=True)
    entries = c[packet.rows][:, packet.columns]
    torch.testing.assert_close(packet.c, entries, rtol=0, atol=0, equal_nan=True)
    if packet.b is not None:
        torch.testing.assert_close(packet.b, b.t()[packet.columns], rtol=0, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 5, 7), (999, 4, 3), (1000, 4, 99), (2500, 3, 250), (6, 9, 1), (1, 1, 1)]
)
def test_rows_and_columns_of_a_product(m: int, k: int, n: int, dtype: torch.dtype) -> None:
    a, b = drawn(m, k, dtype=dtype), drawn(k, n, dtype=dtype, seed=2)
    c, (packet,), found = sent_by(lambda: torch.matmul(a, b))
    check(packet, a, b, c)
    assert (packet.call, packet.batches, found.products, found.sampled) == (1, 1, 1, 1)
    assert packet.weight == audit_packets.digest_of(b)
    assert packet.flags == 2


def test_each_of_the_calls_is_seen_once() -> None:
    a, b = drawn(4, 5), drawn(5, 6, seed=2)
    linear = nn.Linear(5, 6)

    def make() -> list[Tensor]:
        return [
            a @ b,
            torch.matmul(a, b),
            torch.matmul(input=a, other=b),
            torch.matmul(a, other=b),
            torch.Tensor.__rmatmul__(b, a),
            linear(a),
            linear(input=a),
            torch.matmul(a, b, out=torch.empty(4, 6)),
        ]

    results, packets, found = sent_by(make)
    assert [packet.product for packet in packets] == list(range(8)) == list(range(found.products))
    assert [packet.call for packet in packets] == [1, 1, 1, 1, 1, 2, 2, 1]
    for packet, c in zip(packets, results, strict=True):
        check(packet, a, linear.weight.detach().t() if packet.call == 2 else b, c.detach())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 3, 5), (2, 1, 3, 5)])
def test_a_linear_layer_with_its_real_output(shape: tuple[int, ...], bias: bool) -> None:
    linear = nn.Linear(5, 200, bias=bias)
    given = drawn(*shape)
    c, (packet,), _ = sent_by(lambda: linear(given))
    check(packet, given.reshape(-1, 5), linear.weight.detach().t(), c.detach().reshape(-1, 200))
    assert packet.flags == (7 if bias else 3)
    assert packet.weight == audit_packets.digest_of(linear.weight)
    assert packet.bias == (audit_packets.digest_of(linear.bias) if bias else bytes(32))


def test_a_layer_that_gives_something_else_is_sampled_as_it_is() -> None:
    class Cheat(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return super().forward(input) * 2

    class Replaced(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return input @ torch.zeros(5, 6)

    given = drawn(4, 5)
    layer = Cheat(5, 6)
    c, (packet,), _ = sent_by(lambda: layer(given))
    check(packet, given, layer.weight.detach().t(), (c / 2).detach())
    # No layer's product: the one that was made.
    c, (packet,), _ = sent_by(lambda: Replaced(5, 6)(given))
    assert packet.weight == audit_packets.digest_of(torch.zeros(5, 6))


def test_what_is_sampled_is_what_the_call_returned() -> None:
    a, b = drawn(4, 5), drawn(5, 6, seed=2)
    true = torch.matmul

    def cheating(a: Tensor, b: Tensor) -> Tensor:
        return true(a, b) + 1

    torch.matmul = cheating  # type: ignore[assignment]
    try:
        c, (packet,), _ = sent_by(lambda: torch.matmul(a, b))
        assert torch.matmul is cheating
    finally:
        torch.matmul = true
    assert torch.equal(c, a @ b + 1)
    check(packet, a, b, c)


def test_batches_have_a_packet_for_each_product_that_has_a_row() -> None:
    a, b = drawn(2, 3, 400, 5), drawn(2, 3, 5, 120, seed=2)
    c, packets, found = sent_by(lambda: a @ b)
    assert found.products == found.sampled == 1
    assert sum(len(packet.rows) for packet in packets) == 2  # a thousandth of 2400
    for packet in packets:
        assert packet.batches == 6
        i, j = divmod(packet.batch, 3)
        assert packet.b is not None
        assert torch.equal(packet.a, a[i, j][packet.rows])
        assert torch.equal(packet.b, b[i, j].t()[packet.columns])
        assert torch.equal(packet.c, c[i, j][packet.rows][:, packet.columns])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((5,), (5,)), ((5,), (5, 6)), ((4, 5), (5,)), ((2, 4, 5), (5,)), ((5,), (2, 5, 6)),
        ((2, 4, 5), (5, 6)), ((4, 5), (2, 5, 6)), ((2, 1, 4, 5), (3, 5, 6)),
        ((1, 3, 4, 5), (2, 1, 5, 6)),
    ],
)  # fmt: skip
def test_every_combination_of_axes(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = drawn(*left), drawn(*right, seed=2)
    c, packets, _ = sent_by(lambda: a @ b)
    assert torch.equal(c, torch.matmul(a, b))
    for packet in packets:
        # As torch.matmul defines it, by broadcasting.
        wide_a = a.unsqueeze(0) if a.ndim == 1 else a
        wide_b = b.unsqueeze(-1) if b.ndim == 1 else b
        batch = torch.broadcast_shapes(wide_a.shape[:-2], wide_b.shape[:-2])
        full = c.reshape(*batch, wide_a.shape[-2], wide_b.shape[-1])
        if b.ndim <= 2:
            check(packet, wide_a.reshape(-1, 5), wide_b, full.reshape(-1, wide_b.shape[-1]))
            continue
        one_a = wide_a.expand(*batch, *wide_a.shape[-2:]).reshape(-1, *wide_a.shape[-2:])
        one_b = wide_b.expand(*batch, *wide_b.shape[-2:]).reshape(-1, *wide_b.shape[-2:])
        one_c = full.reshape(-1, *full.shape[-2:])
        check(packet, one_a[packet.batch], one_b[packet.batch], one_c[packet.batch])


def test_layouts_in_memory() -> None:
    a, b = drawn(40, 8), drawn(8, 30, seed=2)
    for left, right in [
        (a.t().contiguous().t(), b),
        (torch.cat([a, a], 1)[:, ::2], b),
        (a, b.t().contiguous().t()),
        (a, torch.cat([b, b], 1)[:, ::2]),
        (a.expand(3, 40, 8), b),
        (torch.cat([a, a]).reshape(2, 40, 8).transpose(0, 1), b),
    ]:
        c, (packet,), _ = sent_by(lambda left=left, right=right: left @ right)
        check(packet, left.reshape(-1, 8), right, c.reshape(-1, 30))
        transposed = packet.flags & 1 == 1
        stored = right.t() if transposed else right
        assert packet.weight == audit_packets.digest_of(stored)
        assert transposed == (right.t().is_contiguous() and not right.is_contiguous())


def test_columns_come_along_where_the_listener_has_not_the_weight() -> None:
    a, b, other = drawn(4, 5), drawn(5, 6, seed=2), drawn(5, 6, seed=3)
    results, packets, _ = sent_by(lambda: [a @ b, a @ other, a @ b.t().t()], weights=[b])
    assert [packet.flags for packet in packets] == [2, 0, 2]
    for packet, c, right in zip(packets, results, (b, other, b), strict=True):
        check(packet, a, right, c)


def test_empty_products_have_no_packet() -> None:
    def make() -> None:
        _ = drawn(0, 5) @ drawn(5, 6)
        _ = drawn(4, 0) @ drawn(0, 6)
        _ = drawn(4, 5) @ drawn(5, 0)
        _ = drawn(0, 4, 5) @ drawn(0, 5, 6)
        nn.Linear(5, 6)(drawn(0, 5))

    _, packets, found = sent_by(make)
    assert packets == []
    assert (found.products, found.sampled) == (5, 0)
    assert found.not_sampled == {"empty": 5}


def test_what_is_no_float_is_counted_and_left_alone() -> None:
    class Own(Tensor):
        pass

    a = drawn(3, 3)

    def make() -> list[Tensor]:
        sparse = a.to_sparse()
        return [
            a.to(torch.complex64) @ a.to(torch.complex64),
            a.long() @ a.long(),
            torch.matmul(sparse, a),
            a.as_subclass(Own) @ a,
        ]

    results, packets, found = sent_by(make)
    assert packets == []
    assert found.not_sampled == {"unsupported": 4}
    assert isinstance(results[3], Own)


def test_values_that_are_not_finite() -> None:
    a, b = drawn(2, 4), drawn(4, 3, seed=2)
    a[0, 1], a[1, 2] = float("inf"), float("nan")
    b[3, 0] = float("-inf")
    c, (packet,), _ = sent_by(lambda: a @ b, rows=1.0, columns=1.0)
    assert packet.rows == [0, 1]
    torch.testing.assert_close(packet.c, c, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(packet.a, a, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_sends_operands_as_they_were_multiplied(dtype: torch.dtype) -> None:
    a, b = drawn(4, 5), drawn(5, 6, seed=2)
    linear = nn.Linear(5, 6)

    def make() -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", dtype=dtype):
            return a @ b, linear(a)

    (c, layer), packets, _ = sent_by(make)
    assert c.dtype == layer.dtype == dtype
    check(packets[0], a.to(dtype), b.to(dtype), c)
    check(packets[1], a.to(dtype), linear.weight.detach().t().to(dtype), layer.detach())
    # The weight is named as it is kept, for the listener rounds it itself.
    assert packets[1].weight == audit_packets.digest_of(linear.weight)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_modes_of_autograd(mode: Any) -> None:
    linear = nn.Linear(5, 6)
    given = drawn(4, 5)

    def make() -> Tensor:
        with mode():
            return linear(given @ drawn(5, 5)).detach().clone()

    c, packets, _ = sent_by(make)
    check(packets[1], given @ drawn(5, 5), linear.weight.detach().t(), c)


def test_training_goes_on_as_before() -> None:
    linear = nn.Linear(5, 6)
    given = drawn(4, 5).requires_grad_()

    def step() -> tuple[Tensor, ...]:
        linear.zero_grad()
        given.grad = None
        (linear(given) @ drawn(6, 2)).sum().backward()
        assert given.grad is not None
        assert linear.weight.grad is not None
        return given.grad.clone(), linear.weight.grad.clone()

    plain = step()
    audited, packets, _ = sent_by(step)
    assert len(packets) == 2
    assert all(map(torch.equal, plain, audited))


def test_a_parametrized_weight_is_not_computed_again() -> None:
    class Counting(nn.Module):
        calls = 0

        def forward(self, weight: Tensor) -> Tensor:
            self.calls += 1
            return weight * self.calls

    linear = nn.Linear(5, 6)
    counting = Counting()
    nn.utils.parametrize.register_parametrization(linear, "weight", counting)
    before = counting.calls
    given = drawn(4, 5)
    _, packets, found = sent_by(lambda: linear(given))
    assert counting.calls == before + 1
    assert packets == []
    assert found.not_sampled == {"unsupported": 1}


def test_what_is_too_large_for_a_packet_is_cut_to_fewer_rows() -> None:
    a, b = drawn(64, 1 << 19), torch.ones(1 << 19, 1)
    _, (packet,), _ = sent_by(lambda: a @ b, rows=1.0)
    # 64 MiB, of rows of 2 MiB and an entry each.
    assert len(packet.rows) == 31
    _, packets, found = sent_by(lambda: torch.ones(1, 1 << 24) @ torch.ones(1 << 24, 1))
    assert packets == []
    assert found.not_sampled == {"too_large": 1}


def test_a_seed_repeats_the_draws_and_none_does_not() -> None:
    a, b = drawn(3000, 2), drawn(2, 3000, seed=2)

    def draws(seed: int | None) -> list[Any]:
        _, packets, _ = sent_by(lambda: [a @ b, a @ b], seed=seed)
        return [(packet.rows, packet.columns) for packet in packets]

    assert draws(7) == draws(7) != draws(8)
    assert draws(None) != draws(None)
    assert draws(7)[0] != draws(7)[1]


def test_rows_are_drawn_evenly() -> None:
    a, b = drawn(4, 2), drawn(2, 5, seed=2)
    _, packets, _ = sent_by(lambda: [a @ b for _ in range(200)], seed=3)
    rows = torch.bincount(torch.tensor([packet.rows[0] for packet in packets]))
    columns = torch.bincount(torch.tensor([packet.columns[0] for packet in packets]))
    # Binomial: six standard deviations.
    assert (rows - 50).abs().max() < 6 * 6.2
    assert (columns - 40).abs().max() < 6 * 5.7


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_shares_that_are_none_are_refused(share: float) -> None:
    with (
        pytest.raises(InputError, match="not above 0 and at most 1"),
        audit.streaming_audit(rows=share),
    ):
        pass
