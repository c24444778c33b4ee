"""Proofs of arrays of every kind, in one piece and token by token, against the published ones."""

import hashlib
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
import torch

import toploc_reference as reference
import toploc_vectors as vectors
from assay import DecodeError, InputError, _core, toploc
from assay.toploc.chunks import Parameters, Shape, chunks_of, spans_of


def bits_of(tensor: torch.Tensor) -> np.ndarray[Any, np.dtype[np.uint16]]:
    return tensor.contiguous().view(torch.int16).numpy().view(np.uint16)


def readme_states() -> list[torch.Tensor]:
    randn = reference.Randn(42)
    return [randn(5, 16), *[randn(16) for _ in range(10)]]


def hexes(proofs: list[bytes]) -> list[str]:
    return [proof.hex() for proof in proofs]


@pytest.mark.parametrize("kind", ["torch", "bits"])
def test_the_published_example(kind: str) -> None:
    states = readme_states()
    given = states if kind == "torch" else [bits_of(state) for state in states]
    assert hexes(toploc.build(given, chunk=3, k=4, prefill=True)) == vectors.README


@pytest.mark.parametrize("kind", ["torch", "bits"])
def test_ties_are_broken_as_the_published_proofs_were(kind: str) -> None:
    randn = reference.Randn(69)
    states = [randn(1, 1024) for _ in range(32)]
    given = states if kind == "torch" else [bits_of(state) for state in states]
    assert hexes(toploc.build(given)) == [vectors.CACHE]
    assert hexes(toploc.build(given, ties="lower-index")) != [vectors.CACHE]


@pytest.mark.parametrize("kind", ["torch", "bits"])
def test_a_thousand_tokens(kind: str) -> None:
    states = reference.Randn(42)(1000, 5120)
    proofs = toploc.build(states if kind == "torch" else bits_of(states))
    assert hashlib.sha256(b"".join(proofs)).hexdigest() == vectors.END_TO_END
    assert proofs[3][:2].hex() == "ffd8"  # two indices meet modulo 65497


@pytest.mark.parametrize(("seed", "lengths", "chunk", "k", "prefill", "proofs"), vectors.SPLITMIX)
def test_vectors_of_a_small_generator(
    seed: int, lengths: list[int], chunk: int, k: int, prefill: bool, proofs: list[str]
) -> None:
    states = reference.splitmix_states(seed, lengths)
    for given in (states, [bits_of(state) for state in states]):
        assert hexes(toploc.build(given, chunk=chunk, k=k, prefill=prefill)) == proofs


def colliding() -> torch.Tensor:
    bits = reference.bits_of(reference.splitmix_states(13, [70000])[0])
    bits[10], bits[65507] = 0x4480, 0x4500
    return reference.as_bfloat16(bits)


def test_indices_that_meet_modulo_the_prime() -> None:
    states = colliding()
    for given in (states[None], bits_of(states)[None]):
        assert hexes(toploc.build(given, chunk=1, k=16)) == [vectors.COLLIDING]


@pytest.mark.parametrize(("chunk", "k", "proofs"), vectors.FIXTURE)
def test_a_prefill_and_a_few_tokens(chunk: int, k: int, proofs: list[str]) -> None:
    randn = reference.Randn(42)
    states = [randn(3, 16), *[randn(16) for _ in range(7)]]
    assert hexes(toploc.build(states, chunk=chunk, k=k, prefill=True)) == proofs


def random_case(seed: int) -> tuple[list[torch.Tensor], int, int, bool]:
    draw = np.random.default_rng(seed)
    width = int(draw.integers(3, 200))
    rows = int(draw.integers(1, 24))
    chunk = int(draw.integers(1, 12))
    prefill = bool(draw.integers(2))
    # Few different values make ties at the k-th place the rule.
    scale, levels = 10.0 ** draw.integers(-20, 20), int(draw.choice([3, 20, 10000]))
    values = draw.integers(-levels, levels + 1, (rows, width)) * scale
    states = list(torch.from_numpy(values).bfloat16())
    if prefill:
        states[0] = torch.from_numpy(draw.normal(size=(int(draw.integers(1, 9)), width))).bfloat16()
    k = int(draw.integers(1, width + 1))
    return states, chunk, k, prefill


@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_random_states_against_the_published_method(first: int) -> None:
    for seed in range(first, first + 100):
        states, chunk, k, prefill = random_case(seed)
        expected = reference.build(states, chunk, k, prefill)
        given = {"chunk": chunk, "k": k, "prefill": prefill}
        assert toploc.build(states, **given) == expected, seed
        assert toploc.build([bits_of(s) for s in states], **given) == expected, seed


def test_nan_goes_in_first() -> None:
    states = torch.randn(2, 64).bfloat16()
    states[1, 5] = torch.nan
    (proof,) = toploc.build(states, k=4)
    assert proof == reference.prove(states.reshape(-1), 4) == toploc.build(bits_of(states), k=4)[0]


def states_of(rows: int, width: int = 48) -> torch.Tensor:
    return reference.Randn(7)(rows, width)


def test_arrays_of_every_kind_give_the_same_bytes() -> None:
    states = states_of(40)
    (*expected,) = toploc.build(states, k=9)
    floats = states.float().numpy()
    given: dict[str, Any] = {
        "bits": bits_of(states),
        "float32": floats,
        "float64": floats.astype(np.float64),
        "big-endian": floats.astype(">f4"),
        "strided": np.repeat(floats, 2, axis=1)[:, ::2],
        "transposed": np.asfortranarray(floats),
        "torch float32": states.float(),
        "torch transposed": states.t().contiguous().t(),
        "torch strided": states.repeat_interleave(2, 1)[:, ::2],
        "requires grad": states.float().requires_grad_(),
        "torch bits": states.view(torch.uint16),
        "list": list(states),
        "tuple": tuple(floats),
        "rows of any shape": [row.reshape(2, 4, 6) for row in states],
        "3 axes": states.reshape(40, 6, 8),
        "dlpack float32": Capsule(states.float()),
        "dlpack bfloat16": Capsule(states),
    }
    for kind, arrays in given.items():
        assert toploc.build(arrays, k=9) == expected, kind


class Capsule:
    """An array that is known by DLPack alone."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self.shape = tuple(tensor.shape)

    def __dlpack__(self, **options: Any) -> Any:
        return self._tensor.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._tensor.__dlpack_device__()


def test_ml_dtypes() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    states = states_of(40)
    array = states.float().numpy().astype(ml_dtypes.bfloat16)
    assert toploc.build(array, k=9) == toploc.build(states, k=9)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu() -> None:
    states = reference.splitmix_states(1, [32] * 40)
    assert toploc.build([s.cuda() for s in states], k=9) == toploc.build(states, k=9)


@pytest.mark.parametrize(
    "states",
    [np.full((4, 64), 0.1, np.float32), np.full((4, 64), 0.1), torch.full((4, 64), 0.1)],
)
def test_floats_are_rounded_only_when_told(states: Any) -> None:
    with pytest.raises(InputError, match="rounded=True") as caught:
        toploc.build(states, k=4)
    assert caught.value.code == "out_of_range"
    expected = toploc.build(torch.full((4, 64), 0.1).bfloat16(), k=4)
    assert [p[2:4] for p in toploc.build(states, k=4, rounded=True)] == [p[2:4] for p in expected]


def test_rounding_is_that_of_torch() -> None:
    draw = np.random.default_rng(0).integers(0, 2**32, 100_000, np.uint32).view(np.float32)
    edge = np.array([0x7F7FFFFF, 0x7F7F8000, 0x3F808000, 0x3F818000, 0xFF7FFFFF], np.uint32)
    values = np.concatenate([draw, edge.view(np.float32)])
    ours = toploc.arrays.to_bits(values, "values", True)
    theirs = bits_of(torch.from_numpy(values).bfloat16())
    kept = ~np.isnan(values)
    np.testing.assert_array_equal(ours[kept], theirs[kept])
    assert np.isnan((ours[~kept].astype(np.uint32) << 16).view(np.float32)).all()


@pytest.mark.parametrize(
    ("states", "options", "reason"),
    [
        (np.zeros((4, 8), np.int32), {"k": 2}, "int32"),
        (torch.zeros(4, 8, dtype=torch.int64), {"k": 2}, "int64"),
        (np.zeros((4, 8), np.complex64), {"k": 2}, "complex64"),
        (np.zeros((4, 8), np.uint16), {"k": 33}, "lower k"),
        (torch.zeros(4, 8).bfloat16(), {"k": 33}, "lower k"),
        (np.zeros((33, 8), np.uint16), {"k": 9}, "chunk 1"),
        (np.zeros((4, 8), np.uint16), {"k": 0}, "1 to 4096"),
        (np.zeros((4, 8), np.uint16), {"k": 4097}, "1 to 4096"),
        (np.zeros((4, 8), np.uint16), {"chunk": 0}, "chunk"),
        (np.uint16(3), {}, "one number"),
    ],
)
def test_what_there_are_no_proofs_of(states: Any, options: dict[str, int], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        toploc.build(states, **options)


def test_bits_in_order_are_not_copied() -> None:
    bits = bits_of(states_of(69))
    chunks = chunks_of(bits, Shape(merge_short_tails=True), False)
    assert np.shares_memory(chunks.bits, bits)
    assert chunks.lengths == [32 * 48, 37 * 48]


def test_32_tokens_of_a_usual_width_take_258_bytes() -> None:
    rows = states_of(32, 4096)
    (proof,) = toploc.build(rows)
    assert (rows.nbytes, len(proof)) == (262_144, 258)


def test_rows_of_different_sizes() -> None:
    rows = [states_of(1, width) for width in (48, 16, 32, 16, 64)]
    expected = reference.build(rows, 2, 5)
    for kind in (rows, [bits_of(row) for row in rows], [rows[0], *map(bits_of, rows[1:])]):
        assert toploc.build(kind, chunk=2, k=5) == expected


def test_no_tokens_have_no_proofs() -> None:
    assert toploc.build([]) == toploc.build(np.zeros((0, 8), np.uint16)) == []


@pytest.mark.parametrize(
    ("rows", "prefill", "merge", "spans"),
    [
        (0, False, False, []),
        (1, False, True, [(0, 1)]),
        (32, False, True, [(0, 32)]),
        (39, False, True, [(0, 39)]),
        (40, False, True, [(0, 32), (32, 40)]),
        (39, False, False, [(0, 32), (32, 39)]),
        (1, True, True, [(0, 1)]),
        (4, True, True, [(0, 1), (1, 4)]),
        (36, True, True, [(0, 1), (1, 36)]),
        (41, True, True, [(0, 1), (1, 33), (33, 41)]),
    ],
)
def test_spans(rows: int, prefill: bool, merge: bool, spans: list[tuple[int, int]]) -> None:
    assert spans_of(Shape(prefill=prefill, merge_short_tails=merge), rows) == spans


def spans_by_hand(rows: int, chunk: int, prefill: bool, tail: int) -> list[tuple[int, int]]:
    start = 1 if prefill else 0
    spans = [(0, 1)] if prefill else []
    spans += [(at, min(at + chunk, rows)) for at in range(start, rows, chunk)]
    short = spans[-1][1] - spans[-1][0] < min(tail, chunk)
    if short and len(spans) - start > 1:
        spans[-2:] = [(spans[-2][0], rows)]
    return spans


@pytest.mark.parametrize("chunk", [1, 2, 4, 7, 8, 9, 16, 32])
@pytest.mark.parametrize("prefill", [False, True])
@pytest.mark.parametrize("tail", [0, 3, 8, 100])
def test_spans_are_those_that_one_counts_by_hand(chunk: int, prefill: bool, tail: int) -> None:
    parameters = Parameters(
        topk=4, decode_batching_size=chunk, prefill_rows=int(prefill), merge_tail_below=tail
    )
    for rows in range(1, 4 * chunk + 10):
        expected = spans_by_hand(rows, chunk, prefill, tail)
        assert spans_of(parameters, rows) == expected, rows
        lengths = [10 * (stop - start) for start, stop in expected]
        assert parameters.chunk_lengths(rows, 10) == lengths


def test_a_shape_is_the_native_parameters() -> None:
    shape = Shape(20, 64, prefill=True, merge_short_tails=True)
    assert (shape.chunk, shape.k, shape.merge_short_tails) == (20, 64, True)
    assert shape.proof_size == 130
    native = Parameters(topk=64, decode_batching_size=20, prefill_rows=1, merge_tail_below=8)
    assert shape == native
    assert shape != Parameters(topk=64, decode_batching_size=20, prefill_rows=1)
    assert Shape() == Parameters()
    assert Parameters(lower_index_first=True) != Parameters()


@pytest.mark.parametrize(
    ("numbers", "place"),
    [
        ({"topk": 0}, "topk"),
        ({"topk": 4097}, "topk"),
        ({"topk": -1}, "topk"),
        ({"decode_batching_size": 0}, "decode_batching_size"),
        ({"decode_batching_size": 2**32}, "decode_batching_size"),
        ({"prefill_rows": -1}, "prefill_rows"),
        ({"merge_tail_below": -1}, "merge_tail_below"),
    ],
)
def test_parameters_that_there_are_not(numbers: dict[str, int], place: str) -> None:
    with pytest.raises(InputError) as caught:
        Parameters(**numbers)
    assert (caught.value.code, caught.value.place) == ("out_of_range", place)


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("kind", ["torch", "bits"])
@pytest.mark.parametrize("rows", [1, 5, 6, 7, 11, 12, 13, 18, 30])
@pytest.mark.parametrize("chunk", [6, 10])
def test_a_builder_gives_what_build_gives(rows: int, kind: str, merge: bool, chunk: int) -> None:
    states = reference.Randn(rows)(rows, 32)
    builder = toploc.Builder(chunk=chunk, k=5, merge_short_tails=merge)
    proofs = []
    row = torch.empty(32, dtype=torch.bfloat16)
    for state in states:
        row.copy_(state)  # the same memory for every token: the builder must have copied it
        proofs.append(builder.add(row if kind == "torch" else bits_of(row)))
    assert builder.tokens == rows
    proofs.append(builder.finish())
    expected = toploc.build(states, chunk=chunk, k=5, merge_short_tails=merge)
    assert [proof for proof in proofs if proof is not None] == expected
    # Ready for the next sequence, in pieces of any length.
    assert builder.finish() is None
    whole = states if kind == "torch" else bits_of(states)
    taken = [proof for at in range(0, rows, 4) for proof in builder.extend(whole[at : at + 4])]
    tail = builder.finish()
    assert [*taken, *([] if tail is None else [tail])] == expected
    assert builder.extend(whole[:0]) == []
    assert builder.add(states[0]) is None
    assert builder.finish() == toploc.build(states[:1], k=5)[0]


def test_a_builder_is_safe_across_threads() -> None:
    builder = toploc.Builder(chunk=8, k=4)
    row = reference.Randn(1)(64)
    proofs: list[bytes] = []

    def add() -> None:
        for _ in range(100):
            proof = builder.add(row)
            if proof is not None:
                proofs.append(proof)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builder.tokens == 800
    assert proofs == [toploc.build(row.repeat(8, 1), k=4)[0]] * 100


def test_a_builder_refuses_a_row_unlike_the_others() -> None:
    builder = toploc.Builder(k=4)
    builder.add(np.zeros(16, np.uint16))
    for row in (np.zeros(17, np.uint16), torch.zeros(16).bfloat16()):
        with pytest.raises(InputError, match="token 1"):
            builder.add(row)
    assert builder.tokens == 1


@pytest.mark.parametrize("kind", ["torch", "bits"])
def test_a_builder_says_at_once_that_rows_are_too_small(kind: str) -> None:
    builder = toploc.Builder(chunk=2, k=33)
    small = torch.zeros(16).bfloat16() if kind == "torch" else np.zeros(16, np.uint16)
    for _ in range(3):
        with pytest.raises(InputError, match="a whole chunk: 32 values, fewer than k = 33"):
            builder.add(small)
    assert builder.tokens == 0
    assert builder.finish() is None
    # A merged tail would have made it enough, as it does for build.
    merging = {"chunk": 2, "k": 33, "merge_short_tails": True}
    rows = [small] * 3
    builder = toploc.Builder(**merging)
    assert [builder.add(row) for row in rows] == [None] * 3
    assert [builder.finish()] == toploc.build(rows, **merging)


@pytest.mark.parametrize("kind", ["torch", "bits"])
def test_a_builder_goes_on_after_a_tail_that_is_too_small(kind: str) -> None:
    rows = list(states_of(3, 16)) if kind == "torch" else list(bits_of(states_of(3, 16)))
    builder = toploc.Builder(chunk=2, k=20)
    for _ in range(2):
        first = [builder.add(row) for row in rows]
        assert [proof for proof in first if proof] == toploc.build(rows[:2], chunk=2, k=20)
        for refused in (builder.finish, lambda: toploc.build(rows, chunk=2, k=20)):
            with pytest.raises(InputError, match="chunk 1: 16 values, fewer than k = 20"):
                refused()
        assert builder.tokens == 0
        assert builder.finish() is None


def test_a_builder_is_as_before_after_a_proof_that_was_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = list(bits_of(states_of(5, 16)))
    builder = toploc.Builder(chunk=2, k=4)
    builder.add(rows[0])
    with monkeypatch.context() as broken:
        broken.setattr("assay.toploc.building.prove", None)
        for _ in range(2):
            with pytest.raises(TypeError):
                builder.add(rows[1])
    assert builder.tokens == 1
    proofs = [builder.add(row) for row in rows[1:]]
    assert [*filter(None, proofs), builder.finish()] == toploc.build(rows, chunk=2, k=4)


@pytest.mark.parametrize("kind", ["torch", "bits"])
def test_an_axis_of_one_sequence_is_left_out(kind: str) -> None:
    tensor = states_of(70)
    states: Any = tensor if kind == "torch" else bits_of(tensor)
    proofs = toploc.build(states)
    assert len(proofs) == 3
    assert toploc.build(Capsule(tensor[None])) == proofs
    assert toploc.build(states[None]) == proofs
    assert toploc.verify(states[None], proofs).outcome == toploc.verify(states, proofs).outcome
    assert [one.exponent_mismatches for one in toploc.compare(states[None], proofs)] == [0] * 3
    # One token of (1, width), and a token for each of axis 0.
    assert toploc.build(states[:4, None]) == toploc.build(states[:4])
    assert toploc.build(states[None, :4, None]) == toploc.build([states[:4]])
    # Element 0 is a prompt here, whatever its shape.
    assert toploc.build(states[None], prefill=True) == toploc.build([states])
    assert toploc.build([states]) != proofs


@pytest.mark.parametrize("ties", ["lower_index", "Reference", "", None])
def test_a_rule_for_ties_that_there_is_not(ties: Any) -> None:
    states = bits_of(states_of(4))
    proofs = toploc.build(states, k=4)
    for call in (
        lambda: toploc.build(states, k=4, ties=ties),
        lambda: toploc.build([], ties=ties),
        lambda: toploc.verify(states, proofs, k=4, ties=ties),
        lambda: toploc.compare(states, proofs, k=4, ties=ties),
        lambda: toploc.Builder(ties=ties),
    ):
        with pytest.raises(InputError, match="give reference or lower-index") as caught:
            call()
        assert (caught.value.code, caught.value.place) == ("out_of_range", "ties")


def test_torch_is_not_loaded() -> None:
    program = (
        "import sys, numpy as np, assay.toploc as t\n"
        "p = t.build(np.arange(64, dtype=np.uint16).reshape(2, 32), k=4)\n"
        "assert t.verify(np.arange(64, dtype=np.uint16).reshape(2, 32), p, k=4).outcome\n"
        "t.fingerprint.project(np.ones((2, 32), np.float32), bytes(32))\n"
        "import assay.toploc.cli\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_native_functions_refuse_what_they_cannot_take() -> None:
    bits = np.zeros(8, np.uint16)
    with pytest.raises(InputError):
        _core.toploc_select(bits, 9, False)
    with pytest.raises(InputError):
        _core.toploc_build(bits, [4, 5], 2, False)
    with pytest.raises(InputError):
        _core.toploc_prove(np.array([3, 3], np.uint32), bits[:2])
    with pytest.raises(DecodeError):
        _core.toploc_check(b"\0\0\0\0", 1)
