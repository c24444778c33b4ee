"""The prover: an observer that hands rows of a model to a recorder, which commits to them."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from .. import _core, models, weights
from ..errors import Error, InputError
from ..models import Layout, Rows, Span, Tap
from ..stopping import UNFINISHED, WRITING
from .choosing import Layers
from .wires import Place, wires_of

MEMORY_BYTES = 256 << 20
DISK_BYTES = 16 << 30

_DTYPES = {
    torch.bfloat16: "bfloat16",
    torch.float16: "float16",
    torch.float32: "float32",
    torch.float64: "float64",
}


@dataclass(frozen=True)
class Run:
    """One sequence that was recorded to its end.

    Attributes:
        folder: With its rows, steps and signed head.
        head: The digest that a challenge names, 64 hexadecimal digits.
        prompt: Token ids.
        output: Token ids, up to and with the one that ended the text.
    """

    folder: Path
    head: str
    prompt: list[int]
    output: list[int]


@dataclass
class Recorded:
    """What was recorded within the block, whole once that has ended.

    Attributes:
        runs: In the order in which they ended.
        problems: Why a sequence has no run, or rows were dropped.
        rows: That were kept.
        drops: Rows that found no room, or could not be placed.
        longest_lag_s: From the end of a step to its leaf.
        hashing_s: Processor time of the recorder's thread.
        most_memory: Bytes of rows that waited at once.
    """

    runs: list[Run] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rows: int = 0
    drops: int = 0
    longest_lag_s: float = 0.0
    hashing_s: float = 0.0
    most_memory: int = 0


@contextmanager
def record_runs(
    model: PreTrainedModel,
    sink: str | PathLike[str],
    *,
    signing_key: str | PathLike[str] | None = None,
    nonce: bytes = bytes(32),
    manifest: str | None = None,
    sampling: str = "greedy",
    all_prompt_rows: bool = False,
    layers: Layers = "all",
    memory_bytes: int = MEMORY_BYTES,
    disk_bytes: int = DISK_BYTES,
    layout: Layout | None = None,
    all_threads: bool = False,
) -> Iterator[Recorded]:
    """What `streaming_audit` does with a model, with its arguments."""
    folder = Path(sink)
    model = models.original_of(model)
    layout = layout or models.find_layout(model)
    wires = wires_of(model, layout, layers)
    recorder = open_recorder(folder, memory_bytes, disk_bytes, all_prompt_rows)
    prover = Prover(
        recorder,
        wires,
        nonce=nonce,
        manifest=bytes.fromhex(manifest or weights.manifest(model).root),
        engine=engine_text(model),
        sampling=sampling,
        signing_key=key_in(folder) if signing_key is None else Path(signing_key),
    )
    try:
        with models.observe(model, prover, layout=layout, all_threads=all_threads):
            yield prover.recorded
    finally:
        prover.close()


def open_recorder(
    folder: Path,
    memory_bytes: int = MEMORY_BYTES,
    disk_bytes: int = DISK_BYTES,
    all_prompt_rows: bool = False,
) -> _core.AuditRecorder:
    """A recorder into a folder, which is made where it is not there.

    Raises:
        InputError: No room for the folder ("io"), or for the rows that wait ("too_large").
    """
    return _core.AuditRecorder.open(str(folder), memory_bytes, disk_bytes, all_prompt_rows)


def key_in(folder: Path) -> Path:
    """The provider's key of a sink, made by the command where there is none.

    Raises:
        InputError: It could not be made ("io").
    """
    key = folder / "provider.key"
    if not key.exists():
        program = Path(sys.executable).with_name("assay")
        made = subprocess.run(  # noqa: S603 - the command of this package
            [program, "keygen", "--quiet", "--out", key],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode != 0 and not key.exists():
            raise InputError("io", str(key), made.stderr.strip())
    return key


def engine_text(model: PreTrainedModel) -> str:
    """How the model is run, in one line."""
    found = models.engine_of(model).as_json()
    return " ".join(f"{name}={value}" for name, value in found.items()).replace("\n", " ")[:1000]


@dataclass
class _Open:
    """A sequence that has not ended."""

    run: int
    folder: Path
    prompt: list[int]
    steps: int = 0


class Prover:
    """An observer that records; `streaming_audit` with a model has one.

    Nothing that goes wrong here is raised into the model.
    """

    def __init__(
        self,
        recorder: _core.AuditRecorder,
        wires: Mapping[Tap, Place],
        *,
        nonce: bytes,
        manifest: bytes,
        engine: str,
        sampling: str,
        signing_key: Path,
    ) -> None:
        self.taps = tuple(wires)
        self.recorded = Recorded()
        self._recorder = recorder
        self._places = tuple(wires.values())
        self._about = nonce, manifest, engine
        self._sampling = sampling
        self._signing_key = str(signing_key)
        self._open: dict[int, _Open] = {}
        self._known: list[_Known | None] = [None] * len(self.taps)
        self._here = _Here()
        # Heads are signed once the last row is on the disk, which the model need not wait for.
        self._finishing = ThreadPoolExecutor(1, "assay audit")
        self._finished: dict[int, Future[Run]] = {}
        self._asked: dict[int, tuple[bytes, str]] = {}
        self._changing = threading.Lock()

    def ask(self, sequence: int, nonce: bytes, sampling: str) -> None:
        """Say what is asked of a sequence that has not begun, where each is asked for apart."""
        self._asked[sequence] = nonce, sampling

    def begin(self, sequence: int, prompt: list[int]) -> None:
        """As `assay.models.Observer`."""
        nonce, manifest, engine = self._about
        nonce, sampling = self._asked.pop(sequence, (nonce, self._sampling))
        try:
            request = _core.audit_request_digest(prompt, sampling)
            with WRITING:
                run = self._recorder.begin_run(request, nonce, manifest, engine)
                folder = Path(self._recorder.folder_of(run))
                UNFINISHED.add(folder)
        except Exception as error:  # whatever it is, the model must not hear of it
            self._note(error)
            return
        self._open[sequence] = _Open(run, folder, prompt)

    def rows(self, tap: int, rows: Rows) -> None:
        """As `assay.models.Observer`. Runs for each wire in each pass: it must cost little."""
        try:
            state = rows.state
            if not (state.is_cpu and state.is_contiguous()):
                state = state.cpu().contiguous()
            known = self._known[tap]
            if known is None or known.dtype is not state.dtype:
                known = self._known[tap] = self._wire(tap, rows)
            self._recorder.record(
                known.wire,
                state.data_ptr(),
                state.numel() // known.width,
                known.row_bytes,
                self._placement(rows.spans),
            )
        except Exception as error:  # whatever it is, the model must not hear of it
            self._note(error)

    def follow(self, spans_of: Callable[[int], tuple[Span, ...]]) -> "_Follower":
        """As `assay.models.NativeObserver`."""
        return _Follower(self, spans_of)

    def token(self, sequence: int, token: int) -> None:
        """As `assay.models.TokenObserver`."""
        one = self._open.get(sequence)
        if one is not None:
            self._recorder.finish_step(one.run, token)
            one.steps += 1

    def end(self, sequence: int, output: list[int]) -> None:
        """As `assay.models.Observer`."""
        one = self._open.get(sequence)
        if one is None:
            return
        if one.steps < len(output):
            self.token(sequence, output[-1])
        del self._open[sequence]
        with self._changing:
            self._finished[sequence] = self._finishing.submit(self._finish, one, output)

    def drop(self, sequence: int) -> None:
        """As `assay.models.Observer`."""
        one = self._open.pop(sequence, None)
        if one is not None:
            self._discard(one)

    def run_of(self, sequence: int) -> Run | None:
        """That of a sequence that has ended, which is forgotten then; None: not signed yet.

        Raises:
            Error: It has none.
        """
        future = self._finished.get(sequence)
        if future is None:
            raise InputError("mismatch", "audit", "; ".join(self.recorded.problems) or "no run")
        if not future.done():
            return None
        with self._changing:
            del self._finished[sequence]
        return future.result()

    def close(self) -> None:
        """Wait for the heads, and count; of what has not ended nothing is left."""
        for sequence in list(self._open):
            self.drop(sequence)
        self._finishing.shutdown()
        for future in self._finished.values():
            try:
                self.recorded.runs.append(future.result())
            except Error as error:
                self._note(error)
        found = self._recorder.statistics()
        self.recorded.rows = found.rows
        self.recorded.drops = found.drops
        self.recorded.longest_lag_s = found.longest_lag_seconds
        self.recorded.hashing_s = found.hashing_seconds
        self.recorded.most_memory = found.most_memory
        if found.problem:
            self.recorded.problems.append(found.problem)

    def _finish(self, one: _Open, output: list[int]) -> Run:
        try:
            head = self._recorder.finish_run(one.run, self._signing_key)
        except Error:
            self._discard(one)
            raise
        with WRITING:
            UNFINISHED.discard(one.folder)
        return Run(one.folder, head.hex(), one.prompt, output)

    def _discard(self, one: _Open) -> None:
        self._recorder.drop_run(one.run)
        with WRITING:
            UNFINISHED.discard(one.folder)

    def _wire(self, tap: int, rows: Rows) -> "_Known":
        place, values = self._places[tap], rows.values
        dtype, width = values.dtype, int(values.shape[1])
        wire = _core.AuditWire(place.block, place.role, _DTYPES.get(dtype, str(dtype)))
        return _Known(wire, dtype, width, width * values.element_size())

    def _placement(self, spans: tuple[Span, ...]) -> _core.AuditPlacement:
        """That of these spans, which are one object for most wires of a pass."""
        here = self._here
        if here.spans is not spans:
            placed = [
                (self._open[one.sequence].run, one.start, one.stop - one.start, one.position)
                for one in spans
                if one.sequence in self._open
            ]
            here.spans, here.placement = spans, _core.AuditPlacement(placed)
        assert here.placement is not None  # noqa: S101 - set with the spans
        return here.placement

    def _note(self, error: Exception) -> None:
        with self._changing:
            if len(self.recorded.problems) < 100:
                self.recorded.problems.append(str(error))


class _Follower:
    """Takes most rows of one run of a model by native code; the rest comes to `Prover.rows`."""

    def __init__(self, prover: Prover, spans_of: Callable[[int], tuple[Span, ...]]) -> None:
        self._prover = prover

        def place(each: int) -> _core.AuditPlacement | None:
            spans = spans_of(each)
            return prover._placement(spans) if spans else None

        self._pass = _core.AuditPass(prover._recorder, place, list(_DTYPES.items()))

    def begin_pass(self, sequences: int, fed: int) -> None:
        self._pass.begin(sequences, fed)

    def taker(
        self, tap: int, whole: bool, otherwise: Callable[[Tensor, bool], None]
    ) -> _core.AuditTap:
        place = self._prover._places[tap]
        return _core.AuditTap(self._pass, place.block, place.role, whole, otherwise)


class _Known(NamedTuple):
    """A wire with what its rows are."""

    wire: _core.AuditWire
    dtype: torch.dtype
    width: int
    row_bytes: int


class _Here(threading.local):
    """The spans that this thread saw last: threads that run a model at once have their own."""

    spans: tuple[Span, ...] | None = None
    placement: _core.AuditPlacement | None = None
