"""Committing while the model decodes: the same bytes, and what happens when it cannot be."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

import assay
from assay import Srs, StreamingCommit, streaming
from assay import run as run_module
from assay.hidden_states import CaptureError, LayoutError, StreamError, capture_model
from assay.hidden_states.recording import BLOCK
from assay.models.taps import taps_for
from assay_program import restore_signals
from tiny_models import POSITIONS, folder, tiny

LONGER = 128


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """More than one wait for each other longer than these models compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def long_model(layout: str = "llama", dtype: torch.dtype = torch.bfloat16) -> PreTrainedModel:
    """A tiny model that takes more positions than those of the other tests."""
    model = tiny(layout, dtype)
    assert POSITIONS < LONGER
    model.config.max_position_embeddings = LONGER
    return model


def ids(count: int) -> torch.Tensor:
    return torch.arange(count)[None] % 40


def dev(axes: tuple[int, ...]) -> Srs:
    return Srs.dev(axes, seed=3)


def streamed(
    model: PreTrainedModel, prompt: int, new: int, **options: Any
) -> tuple[assay.Commitment | None, assay.StreamReport, assay.Tensor]:
    chosen = {name: options.pop(name) for name in ("threads", "between_tokens") if name in options}
    with StreamingCommit(dev, **chosen) as stream:
        held = capture_model(
            model, ids(prompt), max_new_tokens=new, follower=stream, deterministic=True, **options
        )
        tensor = assay.encode(held)
        commitment = stream.commitment(tensor)
    return commitment, stream.report, tensor


def no_thread_is_left() -> bool:
    return all(thread.name != "assay-stream" for thread in threading.enumerate())


@pytest.mark.parametrize("between_tokens", [True, False])
@pytest.mark.parametrize("came", [1, 31, 32, 40, 70])
def test_zeros_behind_the_last_row(came: int, between_tokens: bool) -> None:
    buffers = tuple(torch.zeros(1, 70, 8, dtype=torch.bfloat16) for _ in range(3))
    taps = taps_for(2, "final_norm")
    with StreamingCommit(dev, 1, between_tokens, zeros_behind=True) as stream:
        stream.begin(taps, buffers, 1)
        for buffer in buffers:
            buffer[:, :came] = torch.randn(1, came, 8).bfloat16()
        for complete in range(BLOCK, came + 1, BLOCK):
            stream.rows(complete)
        if came == 70:
            stream.rows(70)
        stream.end(came)
        tensor = assay.encode(
            {tap.name: buffer for tap, buffer in zip(taps, buffers, strict=True)},
            capture_mode="decode",
            taps={"embedding": "embedding", "layer_0": "block:0", "layer_1": "final_norm"},
        )
        commitment = stream.commitment(tensor)
        alone = stream.commitment()
    assert stream.report.tokens == came
    assert commitment is not None
    assert commitment == alone == assay.commit(tensor, dev(tensor.axes))
    assert no_thread_is_left()


@pytest.mark.parametrize("between_tokens", [True, False])
# Rows: prompt and new tokens less one. A prompt of 33 and of 70 is itself longer than a block.
@pytest.mark.parametrize(
    ("prompt", "new"),
    [
        (1, 1),
        (3, 5),
        (3, 29),
        (3, 30),
        (3, 31),
        (31, 2),
        (32, 1),
        (33, 1),
        (33, 40),
        (3, 68),
        (70, 1),
    ],
)
def test_the_bytes_are_those_of_committing_afterwards(
    prompt: int, new: int, between_tokens: bool
) -> None:
    model = long_model()
    commitment, report, tensor = streamed(model, prompt, new, between_tokens=between_tokens)
    assert commitment is not None
    rows = prompt + new - 1
    assert tensor.axes[:2] == (4, rows)
    assert commitment.to_bytes() == assay.commit(tensor, dev(tensor.axes)).to_bytes()
    assert (report.used, report.reason, report.tokens) == (True, "", rows)
    assert report.between_tokens == between_tokens
    if between_tokens:
        assert report.tokens_at_end == rows
    assert report.calls >= -(-rows // streaming.MOST_TOGETHER)
    # The values are those of a capture that nobody follows.
    plain = assay.encode(capture_model(model, ids(prompt), max_new_tokens=new, deterministic=True))
    assert (plain.values == tensor.values).all()
    assert no_thread_is_left()


@pytest.mark.parametrize("layout", ["gpt2", "gemma", "opt", "bloom"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_layouts_and_dtypes(layout: str, dtype: torch.dtype) -> None:
    commitment, _, tensor = streamed(tiny(layout, dtype), 4, 36, threads=2)
    assert commitment is not None
    assert commitment.to_bytes() == assay.commit(tensor, dev(tensor.axes)).to_bytes()


def test_rows_that_are_padded() -> None:
    model = tiny("llama", torch.bfloat16)
    config = model.config
    config.hidden_size, config.num_attention_heads, config.num_key_value_heads = 34, 2, 1
    config.head_dim = 16
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = type(model)(config).to(torch.bfloat16).eval()
    commitment, _, tensor = streamed(model, 3, 40)
    assert tensor.padding > 0
    assert commitment is not None
    assert commitment.to_bytes() == assay.commit(tensor, dev(tensor.axes)).to_bytes()


def test_it_opens_and_verifies() -> None:
    commitment, _, tensor = streamed(long_model(), 3, 40)
    assert commitment is not None
    challenge = assay.Challenge.draw(commitment, 3)
    proofs = commitment.open(challenge)
    key = dev(tensor.axes).verifier_key
    assert assay.verify(commitment, proofs, key, challenge=challenge, captured=tensor)


def test_a_model_that_stops_early(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("llama", torch.bfloat16)
    free = capture_model(model, ids(3), max_new_tokens=40, deterministic=True)
    tokens = free.token_sequence[0].tolist()
    end = next(i for i in range(12, 43) if tokens[i] not in tokens[:i])
    model.generation_config.eos_token_id = tokens[end]

    commitment, report, tensor = streamed(model, 3, 40)
    assert commitment is None
    assert tensor.axes[1] == end
    assert not report.used
    assert report.reason == f"the model stopped after {end} of 42 tokens"
    assert no_thread_is_left()

    commitment, report, tensor = streamed(model, 3, 40, min_new_tokens=40)
    assert commitment is not None
    assert report.used
    assert commitment.to_bytes() == assay.commit(tensor, dev(tensor.axes)).to_bytes()


def test_what_cannot_be_planned() -> None:
    # The last layer is narrower than the others: there are no axes of a model.
    with StreamingCommit(dev) as stream:
        capture_model(tiny("opt_projected"), ids(3), max_new_tokens=2, follower=stream)
    report = stream.report
    assert not report.used
    assert "layer_2" in report.reason
    assert stream._finish() is None

    with StreamingCommit(lambda axes: Srs.dev((2, 2), 1)) as stream:
        capture_model(tiny(), ids(3), max_new_tokens=2, follower=stream)
    assert "it is for the axes 2,2" in stream.report.reason


def test_the_model_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the thread held up, all rows come, and the report says how many blocks waited."""
    go_on = threading.Event()
    original = StreamingCommit._commit_until

    def held_up(self: StreamingCommit, end: int) -> None:
        assert end - self._done <= streaming.MOST_TOGETHER
        assert go_on.wait(timeout=240)
        original(self, end)

    monkeypatch.setattr(StreamingCommit, "_commit_until", held_up)
    model = long_model()
    with StreamingCommit(dev, between_tokens=False) as stream:
        held = capture_model(model, ids(3), max_new_tokens=105, follower=stream)
        assert stream.report.tokens == 0
        go_on.set()
        tensor = assay.encode(held)
        commitment = stream.commitment(tensor)
    assert commitment is not None
    assert commitment.to_bytes() == assay.commit(tensor, dev(tensor.axes)).to_bytes()
    report = stream.report
    assert (report.most_waiting, report.tokens_at_end, report.tokens) == (3, 0, 107)
    assert report.fell_behind


def test_the_thread_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(self: StreamingCommit, end: int) -> None:
        try:
            raise MemoryError("no room\nfor points")
        finally:
            failed.set()

    monkeypatch.setattr(StreamingCommit, "_commit_until", fail)
    original = StreamingCommit.rows

    def rows(self: StreamingCommit, complete: int) -> None:
        if complete > BLOCK:
            assert failed.wait(timeout=240)
            while self._failure is None:
                time.sleep(0.001)
        original(self, complete)

    monkeypatch.setattr(StreamingCommit, "rows", rows)
    with (
        pytest.raises(StreamError, match=r"committing while the model ran: no room for points$"),
        StreamingCommit(dev, between_tokens=False) as stream,
    ):
        capture_model(long_model(), ids(3), max_new_tokens=100, follower=stream, model_name="m")
    assert no_thread_is_left()


def test_the_thread_fails_with_the_last_rows() -> None:
    class Failing(StreamingCommit):
        def _commit_until(self, end: int) -> None:
            raise assay.InputError("too_large", "memory", "none left")

    with Failing(dev, between_tokens=False) as stream:
        held = capture_model(tiny(), ids(3), max_new_tokens=3, follower=stream)
        with pytest.raises(StreamError, match="committing while the model ran: memory: none left"):
            stream.commitment(assay.encode(held))
    assert no_thread_is_left()


def test_between_tokens_the_model_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block is committed to by the model's own thread, before the next token."""
    original = StreamingCommit._commit_until
    seen: list[tuple[int, bool]] = []

    def followed(self: StreamingCommit, end: int) -> None:
        seen.append((end, threading.current_thread() is threading.main_thread()))
        original(self, end)

    monkeypatch.setattr(StreamingCommit, "_commit_until", followed)
    _, report, _ = streamed(long_model(), 70, 50, between_tokens=True)
    # The prompt in pieces of two blocks at most, then block by block, and what is left at the end.
    assert seen == [(end, True) for end in (64, 70, 96, 119)]
    assert not report.fell_behind


@pytest.mark.skipif(sys.platform != "linux", reason="no other system has such threads")
def test_it_can_wait_for_idle_processors() -> None:
    def policies() -> list[int]:
        found = []
        for task in Path("/proc/self/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found.append(int((task / "stat").read_text().rpartition(")")[2].split()[38]))
        return found

    width, tokens = 4096, 32
    values = torch.randn(1, tokens, width)
    tap = assay.hidden_states.Tap("layer_0", "residual", 0)
    made = []
    for when_idle in (False, True):
        stream = StreamingCommit(dev, 1, between_tokens=True, when_idle=when_idle)
        stream.begin([tap], [values], 1)
        thread = threading.Thread(target=stream.rows, args=(tokens,))
        thread.start()
        seen = set()
        while thread.is_alive():
            seen |= set(policies())
        # Python's own threads keep their policy throughout.
        assert (os.SCHED_IDLE in seen) == when_idle
        assert set(policies()) == {os.SCHED_OTHER}
        stream.end(tokens)
        commitment = stream.commitment()
        assert commitment is not None
        made.append(commitment.to_bytes())
    assert made[0] == made[1]
    values[0, 9, 7] = torch.nan
    stream = StreamingCommit(dev, 1, between_tokens=True, when_idle=True)
    stream.begin([tap], [values], 1)
    with pytest.raises(StreamError, match="layer_0"):
        stream.rows(tokens)


def test_committing_fails_between_tokens() -> None:
    class Failing(StreamingCommit):
        def _commit_until(self, end: int) -> None:
            raise MemoryError("no room\nfor points")

    with (
        pytest.raises(StreamError, match=r"committing while the model ran: no room for points$"),
        Failing(dev, between_tokens=True) as stream,
    ):
        capture_model(long_model(), ids(3), max_new_tokens=100, follower=stream)


@pytest.mark.parametrize(
    ("model_threads", "chosen"), [(0, False), (1, False), (3, False), (4, True), (5, True)]
)
def test_where_it_commits(
    model_threads: int, chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a model that leaves a processor free, which one on another device does."""
    monkeypatch.setattr(streaming, "processors", lambda: 4)
    buffers = [torch.zeros(1, 4, 6, dtype=torch.bfloat16) for _ in range(2)]
    with StreamingCommit(dev) as stream:
        stream.begin(taps_for(1, "residual"), buffers, model_threads)
        assert stream.report.between_tokens == chosen
        assert stream._threads == (model_threads if chosen else 1)


def test_values_that_are_not_numbers() -> None:
    model = tiny("llama", torch.bfloat16)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight.fill_(torch.inf)
    with (
        pytest.raises(CaptureError, match=r"layer_1.*(infinite|inf|nan)"),
        StreamingCommit(dev) as stream,
    ):
        capture_model(model, ids(3), max_new_tokens=4, follower=stream)
    assert no_thread_is_left()


def test_a_stream_is_for_one_capture_in_mode_decode() -> None:
    with StreamingCommit(dev) as stream:
        held = capture_model(tiny(), ids(3), max_new_tokens=3, follower=stream)
        other = capture_model(tiny(), ids(4), max_new_tokens=3)
        with pytest.raises(assay.InputError, match="not that of the capture"):
            stream.commitment(assay.encode(other))
        with pytest.raises(CaptureError, match="follows one capture"):
            capture_model(tiny(), ids(3), max_new_tokens=3, follower=stream)
        assert stream.commitment(assay.encode(held)) is not None
    with pytest.raises(CaptureError, match="mode recompute: cannot be followed"):
        capture_model(tiny(), ids(3), mode="recompute", follower=stream)
    with pytest.raises(assay.InputError, match="threads"):
        StreamingCommit(dev, threads=0)
    assert StreamingCommit(dev)._finish() is None


def test_a_state_that_is_written_to_after_it_was_handed_on() -> None:
    """The trial has few tokens; what a model does later must not pass unnoticed."""
    model = tiny()
    kept: list[torch.Tensor] = []

    def keep(module: object, args: object, output: Any) -> None:
        state = output if isinstance(output, torch.Tensor) else output[0]
        if len(kept) == 4:
            kept[2].add_(1.0)
        kept.append(state)

    with (
        model.model.layers[0].register_forward_hook(keep),
        pytest.raises(LayoutError, match=r"layer_0: the model wrote into a hidden state"),
    ):
        capture_model(model, ids(3), max_new_tokens=8)


def test_in_inference_mode() -> None:
    model = tiny()
    with torch.inference_mode():
        held = capture_model(model, ids(3), max_new_tokens=40)
    plain = capture_model(model, ids(3), max_new_tokens=40)
    for left, right in zip(held.hidden_states, plain.hidden_states, strict=True):
        assert torch.equal(left, right)


# The command.


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("models"))


def run(
    model: Path, capsys: pytest.CaptureFixture[str], *more: str, code: int = 0
) -> tuple[dict[str, Any], str]:
    line = ["--models", str(model), "--prompt", "w3 w7 w11", "--max-new-tokens", "40", "--json"]
    assert run_module.main([*line, "--srs-seed", "5", "--deterministic", *more]) == code
    streams = capsys.readouterr()
    (report,) = json.loads(streams.out)["runs"]
    assert isinstance(report, dict)
    return report, streams.err


def test_command(model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = {name: tmp_path / name for name in ("plain", "streamed")}
    plain, _ = run(model_folder, capsys, "--output-dir", str(out["plain"]))
    report, _ = run(model_folder, capsys, "--stream", "--output-dir", str(out["streamed"]))
    assert plain["stream"] is None
    assert report["digest"] == plain["digest"]
    assert report["verdict"] == "accepted"
    assert report["stream"]["used"]
    assert report["stream"]["tokens"] == 42
    for ending in ("commitment", "vk"):
        files = [folder / f"tiny.{ending}" for folder in out.values()]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert {p.name for p in out["streamed"].iterdir()} == {
        "tiny.commitment", "tiny.proofs", "tiny.vk",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--mode", "recompute"], "--mode recompute"),
        (["--layout", "cube"], "--layout cube"),
        (["--encoding", "decimal:4"], "--encoding decimal:4"),
    ],
)
def test_command_falls_back(
    flags: list[str], reason: str, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, said = run(model_folder, capsys, "--stream", *flags)
    assert report["verdict"] == "accepted"
    assert not report["stream"]["used"]
    assert report["stream"]["reason"].startswith(reason)
    assert f"assay run: not committing while the model runs: {reason}" in said


def test_command_with_a_model_that_stops_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path)
    free, _ = run(path, capsys)
    config = json.loads((path / "generation_config.json").read_text())
    model = tiny()
    tokens = capture_model(model, torch.tensor([[3, 7, 11]]), max_new_tokens=40, deterministic=True)
    sequence = tokens.token_sequence[0].tolist()
    end = next(i for i in range(5, 43) if sequence[i] not in sequence[:i])
    config["eos_token_id"] = sequence[end]
    (path / "generation_config.json").write_text(json.dumps(config))

    report, said = run(path, capsys, "--stream")
    assert report["verdict"] == "accepted"
    assert report["axes"][1] == end
    assert f"did not commit while the model ran: the model stopped after {end} of 42" in said
    assert report["digest"] == run(path, capsys)[0]["digest"]
    forced, _ = run(path, capsys, "--stream", "--min-new-tokens", "40")
    assert forced["stream"]["used"]
    assert forced["axes"] == free["axes"]


def test_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags, reason in [
        (["--tensor", "x.npy", "--stream"], "--tensor runs none"),
        (["--prompt", "w1", "--stream", "--stream-threads", "0"], "--stream-threads is 0"),
    ]:
        with pytest.raises(SystemExit) as ended:
            run_module.main(flags)
        assert ended.value.code == 2
        assert reason in capsys.readouterr().err
    assert run_module.main(["--prompt", "w1", "--min-new-tokens", "65", "--quiet"]) == 2
    assert "min-new-tokens: is 65" in capsys.readouterr().err


def test_command_tells_of_blocks_that_wait(
    model_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming.StreamReport, "fell_behind", True)
    report, said = run(model_folder, capsys, "--stream")
    assert report["stream"]["used"]
    assert "the model was ahead: up to" in said


def test_command_in_plain_words(model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["--models", str(model_folder), "--prompt", "w3", "--max-new-tokens", "4", "--quiet"]
    assert run_module.main([*line, "--stream"]) == 0
    streams = capsys.readouterr()
    assert " of 4 tokens were committed to when the model had finished" in streams.out
    assert run_module.main([*line, "--stream", "--mode", "recompute"]) == 0
    assert "streamed    no: --mode recompute" in capsys.readouterr().out


_INTERRUPTED = """
import sys, time
from assay import run, streaming

def slow(self, end):
    print("committing", file=sys.stderr, flush=True)
    time.sleep(1)

streaming.StreamingCommit._commit_until = slow
sys.exit(run.main(sys.argv[1:]))
"""


def test_interrupted(model_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = [
        sys.executable, "-c", _INTERRUPTED, "--models", str(model_folder), "--prompt", "w3 w7",
        "--max-new-tokens", "40", "--stream", "--quiet", "--output-dir", str(out),
    ]  # fmt: skip
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=restore_signals
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == "committing\n"
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=240)
    assert process.returncode == 2
    assert printed == ""
    lines = [line for line in said.splitlines() if line != "committing"]
    assert lines == ["assay run: stopped before it was done; no half-written file is left"]
    assert not out.exists()
