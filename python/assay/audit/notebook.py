"""Calls of the notebook that sample mode began as: a product that is sampled, and a listener."""

import atexit
import random
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from ..errors import FAILED, InputError
from ..printing import show
from .packets import HOST, PORT, prepare_packet, send_packet
from .sampling import COLUMNS, ROWS

# Draws that leave torch's generator, and Python's, where they are.
_random = random.SystemRandom()


def new(
    A: Tensor,  # noqa: N803 - the notebook's names
    B: Tensor,  # noqa: N803
    *,
    host: str = HOST,
    port: int = PORT,
) -> Tensor:
    """A @ B, of which sampled entries are sent with the notebook's own header, and the times said.

    A listener can check nothing of it: use `streaming_audit()`. Unlike the notebook's, it gives the
    product, and draws one row and one column at least.

    Raises:
        InputError: As `send_packet`.
    """
    C = A @ B  # noqa: N806
    n_rows, n_cols = C.shape
    rows = _drawn(n_rows, ROWS)
    columns = _drawn(n_cols, COLUMNS)

    started = time.perf_counter()
    packet = prepare_packet(A[rows], C[rows][:, columns])
    prepared = time.perf_counter()
    show(f"prepare_packet: {1000 * (prepared - started):.2f} ms")
    sending = time.perf_counter()
    send_packet(*packet, host=host, port=port)
    sent = time.perf_counter()
    show(f"send_packet: {1000 * (sent - sending):.2f} ms")
    total = prepared - started + sent - sending
    show(f"total network overhead: {1000 * total:.2f} ms")
    return C


def _drawn(size: int, share: float) -> Tensor:
    count = min(size, max(1, int(size * share)))
    return torch.tensor(_random.sample(range(size), count), dtype=torch.int64)


def robust_server() -> None:
    """`assay audit listen` on HOST and PORT, in a process of its own, until that ends.

    Raises:
        InputError: The command is not installed, or could not listen ("io").
    """
    program = Path(sys.executable).with_name("assay")
    try:
        process = subprocess.Popen(  # noqa: S603 - the command of this package
            [program, "audit", "listen", "--host", HOST, "--port", str(PORT)]
        )
    except OSError as error:
        raise InputError("io", str(program), f"cannot run it: {error}") from error
    # Whoever runs this as a daemon thread, as the notebook does, leaves nothing behind.
    atexit.register(process.terminate)
    if process.wait() == FAILED:
        raise InputError("io", f"{HOST}:{PORT}", "cannot listen; see the line above")
