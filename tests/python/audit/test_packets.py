"""What `prepare_packet` and `send_packet` make and send."""

import socket
import struct

import pytest
import torch

import audit_packets
from assay import InputError, audit
from assay.audit.digests import WeightDigests, digest_of
from assay.audit.packets import Place, Sampled

A, C = torch.arange(12.0).reshape(3, 4), torch.arange(6.0).reshape(3, 2)
SAMPLED = Sampled(7, "linear", True, b"w" * 32, b"b" * 32, 0, 1, (10, 4, 5), [0, 3, 9], [1, 4])
PLACE = Place(b"s" * 16, 5, 2)


def test_the_notebooks_packet_has_twelve_bytes_and_float64_whatever_the_dtype() -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        header, raw_a, raw_c = audit.prepare_packet(A.to(dtype), C.to(dtype))
        assert struct.unpack("<III", header) == (3, 2, 4)
        assert raw_a == A.double().numpy().tobytes()
        assert raw_c == C.double().numpy().tobytes()


@pytest.mark.parametrize("dtype", list(audit_packets.NAMES))
def test_a_packet_has_the_bytes_of_the_page(dtype: torch.dtype) -> None:
    made = b"".join(audit.prepare_packet(A.to(dtype), C.to(dtype), SAMPLED, PLACE))
    (packet,) = audit_packets.packets_of(made)
    assert (packet.session, packet.sequence, packet.dropped) == (b"s" * 16, 5, 2)
    assert (packet.product, packet.call, packet.flags) == (7, 2, 7)
    assert (packet.weight, packet.bias) == (b"w" * 32, b"b" * 32)
    assert (packet.batch, packet.batches, packet.m, packet.k, packet.n) == (0, 1, 10, 4, 5)
    assert (packet.rows, packet.columns) == ([0, 3, 9], [1, 4])
    assert packet.dtype == dtype
    assert torch.equal(packet.a, A.to(dtype))
    assert torch.equal(packet.c, C.to(dtype))


def test_columns_stand_between_rows_and_entries() -> None:
    sampled = Sampled(0, "matmul", False, None, None, 2, 3, (10, 4, 5), [0, 3, 9], [1, 4])
    columns = torch.arange(8.0).reshape(2, 4) + 100
    made = b"".join(audit.prepare_packet(A, C, sampled, PLACE, columns))
    (packet,) = audit_packets.packets_of(made)
    assert packet.flags == 0
    assert (packet.batch, packet.batches) == (2, 3)
    assert packet.b is not None
    assert torch.equal(packet.b, columns)
    assert torch.equal(packet.c, C)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"rows": [0, 3, 10]}, "rows"),
        ({"rows": [3, 0, 9]}, "rows"),
        ({"columns": [1, 1]}, "columns"),
        ({"shape": (10, 4, 4)}, "columns"),
        ({"rows": [0, 3]}, "sampled"),
        ({"batch": 1}, "batch"),
        ({"weight": None}, "flags"),
    ],
)
def test_what_the_format_does_not_take_is_refused(changes: dict[str, object], place: str) -> None:
    sampled = Sampled(**{**SAMPLED.__dict__, **changes})
    with pytest.raises(InputError, match=place):
        audit.prepare_packet(A, C, sampled, PLACE)
    with pytest.raises(InputError, match="2 rows of C for 3 rows of A"):
        audit.prepare_packet(A, C[:2])


@pytest.mark.parametrize("dtype", list(audit_packets.NAMES))
def test_the_digest_of_a_weight_is_that_of_the_page(dtype: torch.dtype) -> None:
    weight = torch.arange(6.0).reshape(2, 3).to(dtype)
    assert digest_of(weight) == audit_packets.digest_of(weight)
    assert digest_of(weight[0]) == audit_packets.digest_of(weight[0])


def test_a_weight_is_hashed_once_and_again_when_it_has_changed() -> None:
    digests = WeightDigests()
    weight = torch.randn(40, 30)
    first = digests.of(weight)
    assert digests.of(weight[:]) == first == audit_packets.digest_of(weight)
    kept = dict(digests._kept)
    digests.of(weight)
    assert digests._kept == kept
    weight.mul_(2)
    assert digests.of(weight) == audit_packets.digest_of(weight) != first
    # Changes that torch does not count.
    weight.data.add_(1)
    assert digests.of(weight) == audit_packets.digest_of(weight)
    with torch.inference_mode():
        made = torch.ones(5, 6)
        before = digests.of(made)
        made.zero_()
        assert digests.of(made) == audit_packets.digest_of(made) != before
    # Parts of one storage are told apart.
    assert digests.of(weight[1:]) == audit_packets.digest_of(weight[1:])


def test_a_packet_is_sent_in_pieces_over_a_connection_of_its_own() -> None:
    packet = audit.prepare_packet(torch.randn(4, 100_000), torch.randn(4, 40))
    with audit_packets.keeping() as kept:
        audit.send_packet(*packet, port=kept.port)
        audit.send_packet(*packet, 1000, port=kept.port)
    assert kept.streams == [b"".join(packet)] * 2


def test_who_sends_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(InputError, match="does `assay audit listen` run there") as caught:
        audit.send_packet(*audit.prepare_packet(A, C), port=port)
    assert caught.value.code == "io"


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "\ud800"])
def test_a_host_that_names_no_machine_is_refused_at_once(host: str) -> None:
    with pytest.raises(InputError) as caught:
        audit.send_packet(b"", b"", b"", host=host)
    assert (caught.value.code, caught.value.place) == ("malformed", "host")
    with pytest.raises(InputError) as caught, audit.streaming_audit(host=host):
        pass
    assert (caught.value.code, caught.value.place) == ("malformed", "host")


def test_who_sends_to_somebody_who_does_not_read_is_told_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        port = server.getsockname()[1]
        packet = audit.prepare_packet(torch.zeros(8, 1_000_000), torch.zeros(8, 1))
        with pytest.raises(InputError, match="timed out"):
            audit.send_packet(*packet, port=port, timeout=0.2)
