"""Ctrl-C: a stop that comes at any moment is obeyed, and leaves no half of anything."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.ending import ended
from assay.stopping import at_any_place, obey, remembering
from assay_program import restore_signals
from tiny_models import folder

FAILED = 2


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """A shell that starts the tests in the background has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stop() -> None:
    signal.raise_signal(signal.SIGINT)


class Group:
    """Something whose destructor a signal may come into."""

    def __del__(self) -> None:
        stop()


def test_a_stop_within_a_destructor_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    def act() -> int:
        Group()
        obey()
        return 0

    assert ended("assay x", act, stopped="stopped half-way") == FAILED
    assert capsys.readouterr().err == "assay x: stopped half-way\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_stop_is_obeyed_where_that_is_safe() -> None:
    steps = []

    def act() -> int:
        stop()
        steps.append("whole")
        obey()
        steps.append("too far")
        return 0

    assert ended("assay x", act) == FAILED
    assert steps == ["whole"]
    # None is left for the next one.
    assert ended("assay x", lambda: obey() or 0) == 0


def test_where_any_place_is_safe_it_is_obeyed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    def act() -> int:
        with at_any_place():
            stop()
            time.sleep(0)
            steps.append("too far")
        return 0

    assert ended("assay x", act) == FAILED
    assert not steps

    def swallowing() -> int:
        with at_any_place():
            Group()
        steps.append("too far")
        return 0

    # In a destructor Python drops the exception, and says so.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    assert ended("assay x", swallowing) == FAILED
    assert not steps


def test_other_threads_and_other_handlers_are_left_alone() -> None:
    def own(*_: object) -> None:
        pass

    signal.signal(signal.SIGINT, own)
    try:
        with remembering():
            assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(ended("assay x", lambda: 0)))
    thread.start()
    thread.join()
    assert codes == [0]


_WRITING = """
import sys, time
from pathlib import Path
from assay.ending import ended
from assay.writing import write_together

def slow(file):
    file.write(b"half")
    print("writing", flush=True)
    time.sleep(600)

def act():
    folder = Path(sys.argv[1])
    write_together({folder / "whole": lambda file: None, folder / "slow": slow})
    return 0

sys.exit(ended("assay x", act))
"""


def test_a_second_one_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    line = [sys.executable, "-c", _WRITING, str(tmp_path)]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, text=True, preexec_fn=restore_signals
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=240) == FAILED
    assert list(tmp_path.iterdir()) == []


_KEEPING = """
import sys, time
from pathlib import Path
from assay.ending import ended
from assay.models import expanded

def act():
    with expanded.place_to_write(Path(sys.argv[1]) / "kept") as folder:
        (folder / "model.safetensors").write_bytes(b"half")
        print("writing", flush=True)
        time.sleep(600)
    return 0

sys.exit(ended("assay x", act))
"""


def test_a_second_one_removes_a_folder_that_is_not_whole(tmp_path: Path) -> None:
    line = [sys.executable, "-c", _KEEPING, str(tmp_path)]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, text=True, preexec_fn=restore_signals
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=240) == FAILED
    assert list(tmp_path.iterdir()) == []


# A process that has everything loaded makes others, each of which runs a command and sends itself
# the signal at one of its own calls: at that of a number, of all calls since a phase began.
_MOMENTS = """
import json, os, random, signal, sys
from pathlib import Path
import torch, transformers
import assay.hidden_states.capturing, assay.toploc.experiment
from assay import commitments, run, stopping, streaming, writing
from assay.hidden_states import cli as capturing
from assay.models import generating, loading
from assay.toploc import cli as proving

torch.set_num_threads(1)
verb, moments, seed, root, *line = sys.argv[1:]
main, act, owner = {
    "run": (run.main, "_run_all", run),
    "capture": (capturing.main, "_act", capturing),
    "toploc": (proving.main, "_run", proving),
}[verb]
PHASES = {
    loading.load.__code__: "load",
    generating.generate.__code__: "decode",
    commitments.commit.__code__: "commit",
    streaming.StreamingCommit._finish.__code__: "commit",
    writing.write_together.__code__: "write",
}

def child(out, phase=None, number=0):
    reading, telling = os.pipe()
    process = os.fork()
    if process:
        os.close(telling)
        with open(reading) as said:
            told = said.read()
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        return code, json.loads(told)
    calls = {"": 0}
    now, sent, after = "", False, 0

    def profile(frame, event, _):
        nonlocal now, sent, after
        if event != "call":
            return
        now = PHASES.get(frame.f_code, now)
        calls[now] = calls.get(now, 0) + 1
        after += sent and frame.f_code is stopping.obey.__code__
        if not sent and now == phase and calls[now] == number:
            sent = True
            os.kill(os.getpid(), signal.SIGINT)

    plain = getattr(owner, act)

    def profiled(*given):
        sys.setprofile(profile)
        try:
            return plain(*given)
        finally:
            sys.setprofile(None)

    setattr(owner, act, profiled)
    for stream in (1, 2):
        os.dup2(os.open(f"{out}.said", os.O_CREAT | os.O_WRONLY | os.O_APPEND), stream)
    code = 99
    try:
        code = main([word.replace("OUT", out) for word in line])
    finally:
        told = json.dumps({"calls": calls, "sent": sent, "after": after})
        os.write(telling, told.encode())
        os._exit(code)

code, whole = child(f"{root}/whole")
print(json.dumps({"code": code, "files": sorted(os.listdir(f"{root}/whole"))}), flush=True)
chosen = random.Random(seed)
phases = [name for name in whole["calls"] if name]
for turn in range(int(moments)):
    phase = phases[turn % len(phases)]
    number = chosen.randint(1, whole["calls"][phase])
    out = f"{root}/{turn}"
    code, told = child(out, phase, number)
    files = sorted(os.listdir(out)) if os.path.isdir(out) else []
    said = Path(f"{out}.said").read_text()
    print(json.dumps({"code": code, "files": files, "said": said, "at": [phase, number], **told}))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("models"))


def stopped(verb: str, moments: int, seed: int, root: Path, *line: str) -> list[dict[str, Any]]:
    """The run that nobody stops, and those that are stopped at so many moments."""
    done = subprocess.run(
        [sys.executable, "-c", _MOMENTS, verb, str(moments), str(seed), str(root), *line],
        capture_output=True, text=True, check=True, preexec_fn=restore_signals,
    )  # fmt: skip
    return [json.loads(said) for said in done.stdout.splitlines()]


def check(verb: str, moments: int, seed: int, model: Path, root: Path) -> None:
    line = {
        "run": f"--models {model} --prompt w3 --max-new-tokens 33 --min-new-tokens 33 --stream "
        "--output-dir OUT",
        "capture": f"--models {model} --prompt w3 --max-new-tokens 8 --output-dir OUT",
        "toploc": f"generate --model_name {model} --dataset_name {root}/prompts.txt --save_dir OUT "
        "--max_decode_tokens 8",
    }[verb]
    (root / "prompts.txt").write_text("w3 w7\nw5\n")
    whole, *runs = stopped(verb, moments, seed, root, *line.split())
    assert whole["code"] == 0
    assert len(runs) == moments
    for one in runs:
        assert one["sent"], one
        # Whatever is under its name is whole, and nothing else is there.
        assert set(one["files"]) <= set(whole["files"]), one
        if one["code"] == 0:
            # It came after the last place to stop at.
            assert one["after"] == 0, one
            assert one["files"] == whole["files"], one
            continue
        assert one["code"] == FAILED, one
        assert "stopped before it was done" in one["said"].splitlines()[-1], one
        assert one["after"] <= 1, one
    assert sum(one["code"] == FAILED for one in runs) >= moments // 2


@pytest.mark.parametrize("verb", ["run", "capture", "toploc"])
def test_stopped_at_a_few_moments(verb: str, model: Path, tmp_path: Path) -> None:
    check(verb, 6, 7, model, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize(("verb", "moments"), [("run", 200), ("capture", 60), ("toploc", 60)])
def test_stopped_at_many_moments(verb: str, moments: int, model: Path, tmp_path: Path) -> None:
    check(verb, moments, time.time_ns(), model, tmp_path)
