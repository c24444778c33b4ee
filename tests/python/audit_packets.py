"""Packets of sample mode, read as docs/audit.md says them, and a server that keeps what it is sent.

Nothing here is the package's own code.
"""

import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

TAG = b"assay/audit/packet/v1"
DTYPES = {1: torch.float64, 2: torch.float32, 3: torch.bfloat16, 4: torch.float16}
NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
}


@dataclass
class Packet:
    """One packet, with its values as tensors."""

    session: bytes
    sequence: int
    product: int
    dropped: int
    call: int
    dtype: torch.dtype
    flags: int
    weight: bytes
    bias: bytes
    batch: int
    batches: int
    m: int
    k: int
    n: int
    rows: list[int]
    columns: list[int]
    a: Tensor
    b: Tensor | None
    c: Tensor


class Stream:
    """Bytes that are read from the front."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        assert len(piece) == count
        self.at += count
        return piece

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def tensor(self, dtype: torch.dtype, *shape: int) -> Tensor:
        count = torch.Size(shape).numel() * torch.empty((), dtype=dtype).element_size()
        return torch.frombuffer(bytearray(self.take(count)), dtype=dtype).reshape(shape)


def packets_of(data: bytes) -> list[Packet]:
    """All packets of a stream, to its last byte."""
    stream = Stream(data)
    packets = []
    while stream.at < len(data):
        start = stream.at
        assert stream.take(21) == TAG
        (length,) = stream.unpack("I")
        session = stream.take(16)
        sequence, product, dropped, call, dtype, flags = stream.unpack("QQQBBB")
        weight, bias = stream.take(32), stream.take(32)
        batch, batches, m, k, n = stream.unpack("5Q")
        rows = list(stream.unpack(f"{stream.unpack('I')[0]}Q"))
        columns = list(stream.unpack(f"{stream.unpack('I')[0]}Q"))
        assert stream.at - start == length
        kind = DTYPES[dtype]
        a = stream.tensor(kind, len(rows), k)
        b = None if flags & 2 else stream.tensor(kind, len(columns), k)
        c = stream.tensor(kind, len(rows), len(columns))
        packets.append(
            Packet(
                session, sequence, product, dropped, call, kind, flags, weight, bias,
                batch, batches, m, k, n, rows, columns, a, b, c,
            )
        )  # fmt: skip
    return packets


def digest_of(tensor: Tensor) -> bytes:
    """By which a packet names a weight."""
    name = NAMES[tensor.dtype].encode()
    head = b"assay/audit/weight/v1" + struct.pack("<I", len(name)) + name
    head += struct.pack(f"<I{tensor.ndim}Q", tensor.ndim, *tensor.shape)
    values = tensor.detach().contiguous().view(torch.uint8).numpy().tobytes()
    return hashlib.sha256(head + values).digest()


@dataclass
class Kept:
    """What came over each connection, once it is closed."""

    port: int
    streams: list[bytes] = field(default_factory=list)

    @property
    def packets(self) -> list[Packet]:
        return [packet for stream in self.streams for packet in packets_of(stream)]


@contextmanager
def keeping() -> Iterator[Kept]:
    """A server that keeps all bytes; at the end of the block it has all that was sent in it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = Kept(server.getsockname()[1])

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    pieces = []
                    while piece := connection.recv(1 << 16):
                        pieces.append(piece)
                if pieces == [b"end"]:
                    return
                kept.streams.append(b"".join(pieces))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield kept
        finally:
            with socket.create_connection(("127.0.0.1", kept.port)) as last:
                last.sendall(b"end")
            thread.join()
