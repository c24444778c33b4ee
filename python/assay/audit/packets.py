"""The packets of sample mode, and the connection that one is sent over."""

import socket
import struct
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .. import _core
from ..errors import InputError

HOST = "127.0.0.1"
PORT = 11234

CHUNK = 1 << 20
"""A packet is handed to the system in pieces of so many bytes."""

Call = Literal["matmul", "linear"]

DTYPES = {
    torch.float64: "float64",
    torch.float32: "float32",
    torch.bfloat16: "bfloat16",
    torch.float16: "float16",
}
"""Those of products that are sampled, as the native code calls them."""


@dataclass(frozen=True)
class Sampled:
    """Which product a packet is of, and which of its entries.

    The product is C = A B, A of (m, k), B of (k, n).

    Attributes:
        product: Its number in the session.
        call: What made it.
        transposed: Whether the weight is stored (n, k).
        weight: Digest of B as it is stored; None: its sampled columns are in the packet.
        bias: Digest of the bias.
        batch: Which product of a batch.
        batches: How many there are.
        shape: m, k, n.
        rows: Of A and C, ascending.
        columns: Of B and C, ascending.
    """

    product: int
    call: Call
    transposed: bool
    weight: bytes | None
    bias: bytes | None
    batch: int
    batches: int
    shape: tuple[int, int, int]
    rows: list[int]
    columns: list[int]


@dataclass(frozen=True)
class Place:
    """Where in its session a packet stands.

    Attributes:
        session: 16 bytes.
        sequence: Its number, from 0.
        dropped: Packets of the session before it that found no room.
    """

    session: bytes
    sequence: int
    dropped: int


def prepare_packet(
    sampled_A: Tensor,  # noqa: N803 - the notebook's names
    sampled_C: Tensor,  # noqa: N803
    sampled: Sampled | None = None,
    place: Place | None = None,
    sampled_B: Tensor | None = None,  # noqa: N803
) -> tuple[bytes, bytes, bytes]:
    """Header, rows of A (with the columns of B behind them, if any) and entries of C, as bytes.

    Args:
        sampled_A: (rows, k).
        sampled_C: (rows, columns).
        sampled: Which product and entries they are. Without it the header is the notebook's, of 12
            bytes, the values are float64, and whoever receives them can check nothing.
        place: Of the packet; needed with `sampled`.
        sampled_B: (columns, k): the columns, each as a row, where the packet names no weight.

    Raises:
        InputError: Shapes that do not fit ("mismatch"), or what the format does not take.
    """
    rows, k = sampled_A.shape
    if sampled_C.shape[0] != rows:
        reason = f"{sampled_C.shape[0]} rows of C for {rows} rows of A"
        raise InputError("mismatch", "sampled_C", reason)
    columns = sampled_C.shape[1]
    if sampled is None or place is None:
        header = struct.pack("<III", rows, columns, k)
        return header, raw(sampled_A.to(torch.float64)), raw(sampled_C.to(torch.float64))
    m, own_k, n = sampled.shape
    if (own_k, len(sampled.rows), len(sampled.columns)) != (k, rows, columns):
        raise InputError("mismatch", "sampled", "other sizes than those of the values")
    header = _core.audit_packet_header(
        session=place.session,
        sequence=place.sequence,
        product=sampled.product,
        dropped=place.dropped,
        call=sampled.call,
        dtype=DTYPES[sampled_C.dtype],
        transposed=sampled.transposed,
        weight=sampled.weight,
        bias=sampled.bias,
        batch=sampled.batch,
        batches=sampled.batches,
        shape=(m, own_k, n),
        rows=sampled.rows,
        columns=sampled.columns,
    )
    brought = b"" if sampled_B is None else raw(sampled_B)
    return header, raw(sampled_A) + brought, raw(sampled_C)


def raw(values: Tensor) -> bytes:
    """The bytes of a tensor in C order, little-endian."""
    own = values.detach().cpu().contiguous()
    # numpy has no bfloat16: its bits are as good.
    return own.view(torch.uint8).numpy().tobytes() if own.numel() else b""


def send_packet(
    header: bytes,
    raw_A: bytes,  # noqa: N803 - the notebook's names
    raw_C: bytes,  # noqa: N803
    chunk_size: int = CHUNK,
    *,
    host: str = HOST,
    port: int = PORT,
    timeout: float = 10.0,
) -> None:
    """Send one packet over a connection of its own.

    Args:
        header: As `prepare_packet` gives it, as the others.
        raw_A: See there.
        raw_C: See there.
        chunk_size: Bytes that are handed to the system at a time.
        host: Of the listener (`assay audit listen`).
        port: Of the listener.
        timeout: Seconds for the connection, and for each piece.

    Raises:
        InputError: `host` is no name of a machine ("malformed"), or nobody listens there, or not to
            the end ("io").
    """
    check_host(host)
    try:
        with socket.create_connection((host, port), timeout) as connection:
            for part in (header, raw_A, raw_C):
                send_in_pieces(connection, part, chunk_size)
    except OSError as error:
        reason = f"cannot send ({error}): does `assay audit listen` run there?"
        raise InputError("io", f"{host}:{port}", reason) from error


def check_host(host: str) -> None:
    """Refuse what cannot name a machine.

    Whoever connects on a thread calls this before: the first use of a codec imports it, and a
    child forked while a thread imports a module never gets that module.

    Raises:
        InputError: `host` is no name of a machine ("malformed").
    """
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise InputError("malformed", "host", f"{host!r} names no machine ({error})") from error


def send_in_pieces(connection: socket.socket, part: bytes, chunk_size: int = CHUNK) -> None:
    """Send bytes, `chunk_size` at a time."""
    view = memoryview(part)
    for start in range(0, len(view), chunk_size):
        connection.sendall(view[start : start + chunk_size])
