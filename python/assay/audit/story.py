"""`assay audit sample`: true products and a false one, sampled, sent and checked."""

import argparse
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import Error
from ..printing import show
from ..stopping import at_any_place, obey, say
from .digests import digest_of
from .listening import Listener
from .packets import DTYPES, Place, Sampled, prepare_packet, send_packet
from .sampling import COLUMNS, ROWS
from .session import sample_products

_REJECTED = 1


def tell(options: argparse.Namespace) -> int:
    """Tell it; gives 0 if the true products were accepted and the false one was rejected."""
    dtype = {name: one for one, name in DTYPES.items()}[options.dtype]
    generator = torch.Generator().manual_seed(options.seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator).to(dtype)

    say("# Toy example (no streaming)")
    # B is known to both parties, A to the prover alone.
    a, b = drawn(options.size, options.size), drawn(options.size, options.size)
    _without_streaming(a, b, generator)
    say("")
    say("# With streaming")
    linear = nn.Linear(options.size, options.size, dtype=dtype)
    with tempfile.TemporaryDirectory(prefix="assay-audit-") as folder:
        file = Path(folder) / "weights.safetensors"
        with torch.no_grad():
            weights = {"B": b, "linear.weight": linear.weight, "linear.bias": linear.bias}
            save_file({name: one.detach().clone() for name, one in weights.items()}, file)
        with Listener([file], port=options.port, say=show) as listener:
            with sample_products(port=listener.port) as sampling, at_any_place(), torch.no_grad():
                _ = a @ b
                _ = torch.matmul(a, b)
                _ = linear(a)
            honest = listener.stop()
        _require_all_sent(sampling.sent, sampling.dropped)
        say("")
        say("# The same product, with one entry that is not its own")
        with Listener([file], port=options.port, say=show) as listener:
            _send_false(a, b, listener.port, generator)
            false = listener.stop()
    obey()
    say("")
    say(f"true products: exit code {honest}; the false one: exit code {false}")
    return 0 if (honest, false) == (0, _REJECTED) else 1


def _require_all_sent(sent: int, dropped: int) -> None:
    if dropped or not sent:
        raise Error(f"{sent} packets were sent, {dropped} dropped: is this machine very busy?")


def _entries(c: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows and columns that are sampled, ascending."""

    def drawn(size: int, share: float) -> Tensor:
        chosen = torch.randperm(size, generator=generator)[: max(1, int(size * share))]
        return chosen.sort().values

    return drawn(c.shape[0], ROWS), drawn(c.shape[1], COLUMNS)


def _without_streaming(a: Tensor, b: Tensor, generator: torch.Generator) -> None:
    with at_any_place():
        c = a @ b
    say(f"C.shape:  {c.shape}")
    rows, columns = _entries(c, generator)
    sampled_a, sampled_c = a[rows], c[rows][:, columns]
    say(f"shape of sampled_A:  {sampled_a.shape}")
    say(f"sampled_C.shape:  {sampled_c.shape}")
    recomputed = sampled_a.double() @ b[:, columns].double()
    say(f"shape of matrix recomputation:  {recomputed.shape}")
    difference = (recomputed - sampled_c.double()).abs().max()
    say(f"max_diff:  {difference}")
    # The notebook's tolerances fit float64 alone.
    allowed = torch.finfo(a.dtype).eps * (sampled_a.double().abs() @ b[:, columns].double().abs())
    say(str(bool((recomputed - sampled_c.double()).abs().le(allowed).all())))


def _send_false(a: Tensor, b: Tensor, port: int, generator: torch.Generator) -> None:
    with at_any_place():
        c = a @ b
    rows, columns = _entries(c, generator)
    sampled_c = c[rows][:, columns]
    sampled_c[0, 0] = sampled_c[0, 0] * 1.05 + 1
    m, k, n = a.shape[0], a.shape[1], b.shape[1]
    sampled = Sampled(
        0, "matmul", False, digest_of(b), None, 0, 1, (m, k, n), rows.tolist(), columns.tolist()
    )
    packet = prepare_packet(a[rows], sampled_c, sampled, Place(bytes(16), 0, 0))
    send_packet(*packet, port=port)
