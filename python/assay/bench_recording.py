"""`assay bench audit` of a model: what committing to its rows adds to running it."""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import Error, InputError, __version__
from .bench_overhead import loaded
from .machine import processor_name
from .paired_runs import Cost, in_turns, paired, wait_policy
from .printing import show
from .wording import count
from .writing import write_together

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from .audit import Recorded
    from .models import Layout

_MIB = 1 << 20

# Run after run: what it is called, and what it is held against.
_CASES = {
    "all": ("all layers", "alone"),
    "eighth": ("one layer in eight", "alone"),
    "prompt": ("a long prompt", "prompt_alone"),
    "prompt_all_rows": ("a long prompt, all rows", "prompt_alone"),
}


@dataclass(frozen=True)
class Subject:
    """A model that is ready to decode, and what can be known before it does."""

    model: "PreTrainedModel"
    layout: "Layout"
    manifest: str
    key: Path
    prompt: list[int]
    long_prompt: list[int]
    tokens: int


class Recording:
    """A run that is recorded, in a folder of its own."""

    def __init__(self, subject: Subject, prompt: list[int], tokens: int, **options: Any) -> None:
        self._subject = subject
        self._prompt = prompt
        self._tokens = tokens
        self._options = options
        self._block = ExitStack()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.recorded: Recorded | None = None

    def prepare(self) -> None:
        """What is done once, for however many answers: find the hooks' places, make the folder."""
        from .audit import streaming_audit

        self._folder = tempfile.TemporaryDirectory(prefix="assay-bench-")
        block = streaming_audit(
            self._subject.model,
            self._folder.name,
            signing_key=self._subject.key,
            manifest=self._subject.manifest,
            layout=self._subject.layout,
            **self._options,
        )
        self.recorded = self._block.enter_context(block)

    def __call__(self) -> None:
        """From the first token that is fed to the signed head."""
        with self._block:
            _generate(self._subject, self._prompt, self._tokens)

    def clean_up(self) -> "Recorded":
        """Take the folder away; gives what was recorded.

        Raises:
            Error: Something was not.
        """
        found = self.recorded
        assert found is not None  # noqa: S101 - made by prepare
        assert self._folder is not None  # noqa: S101 - likewise
        self._folder.cleanup()
        if found.problems or found.drops or len(found.runs) != 1:
            raise Error(f"{found.drops} rows dropped: {'; '.join(found.problems)}")
        return found


def measure(options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    """Prepare, run, and give the figures of the report.

    Raises:
        InputError: `options.keep` is of other settings ("mismatch"), or no such file ("malformed").
        Error: Something was not recorded.
    """
    import torch

    from .models import engine_of

    torch.set_num_threads(options.threads)
    say(f"preparing {options.model}")
    settings = {
        "model": options.model,
        "tokens": options.tokens,
        "prompt_tokens": options.prompt_tokens,
        "threads": options.threads,
    }
    kept = _Kept(options.keep, settings)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        subject = _subject(options, Path(folder))
        runs = _runs(subject)
        recordings = {name: run for name, run in runs.items() if isinstance(run, Recording)}
        prepare = {name: run.prepare for name, run in recordings.items()}
        if not kept.memory:
            kept.memory = {name: _peak_of(run) for name, run in runs.items()}

        def after(repeat: int, cost: dict[str, Cost], _: dict[str, object]) -> None:
            for name, recording in recordings.items():
                kept.note(name, recording.clean_up())
            kept.add(cost)
            cpu = {name: f"{one.cpu:.2f} s {name.replace('_', ' ')}" for name, one in cost.items()}
            say(f"repetition {repeat + 1} of {options.repeat}: CPU {', '.join(cpu.values())}")

        in_turns(runs, range(kept.repetitions, options.repeat), after, prepare)
    return {
        "model": options.model,
        "parameters": sum(p.numel() for p in subject.model.parameters()),
        "dtype": str(subject.model.dtype).removeprefix("torch."),
        "batch": 1,
        "prompt_tokens": len(subject.prompt),
        "decoded_tokens": options.tokens,
        "long_prompt_tokens": len(subject.long_prompt),
        "repeats": kept.repetitions,
        "threads": options.threads,
        "cases": {name: _case(name, kept) for name in _CASES},
        "cpu_s": {name: statistics.fmean(kept.cpu(name)) for name in runs},
        "runs": kept.runs,
        "machine": {
            "processor": processor_name(),
            "processors": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "omp_wait_policy": wait_policy(),
        },
        "versions": {"assay": __version__, **engine_of(subject.model).versions},
    }


def _case(name: str, kept: "_Kept") -> dict[str, Any]:
    base, memory = _CASES[name][1], kept.memory
    return {
        "cpu_added_percent": asdict(paired(kept.cpu(base), kept.cpu(name))),
        "wall_added_percent": asdict(paired(kept.wall(base), kept.wall(name))),
        "memory_added_mib": (memory[name] - memory[base]) / _MIB,
        **kept.notes[name],
    }


def _subject(options: argparse.Namespace, folder: Path) -> Subject:
    from .audit import streaming_audit
    from .models import find_layout
    from .weights import manifest

    model, ids = loaded(options.model)
    layout, root = find_layout(model), manifest(model).root
    with streaming_audit(model, folder, manifest=root, layout=layout):
        pass  # makes the provider's key there
    # A prompt of any length: the same text again and again.
    times = options.prompt_tokens // len(ids) + 1
    return Subject(
        model,
        layout,
        root,
        folder / "provider.key",
        ids,
        (ids * times)[: options.prompt_tokens],
        options.tokens,
    )


def _runs(subject: Subject) -> dict[str, Callable[[], None]]:
    prompt, tokens, long = subject.prompt, subject.tokens, subject.long_prompt
    return {
        "alone": lambda: _generate(subject, prompt, tokens),
        "all": Recording(subject, prompt, tokens),
        "eighth": Recording(subject, prompt, tokens, layers="1/8"),
        "prompt_alone": lambda: _generate(subject, long, 1),
        "prompt": Recording(subject, long, 1),
        "prompt_all_rows": Recording(subject, long, 1, all_prompt_rows=True),
    }


def _generate(subject: Subject, prompt: list[int], tokens: int) -> None:
    from .models import generate, quiet, settings_for

    settings = settings_for(subject.model, tokens, min_new_tokens=tokens)
    with quiet(True):
        (made,) = generate(subject.model, [prompt], settings, layout=subject.layout)
    if len(made.output) != tokens:
        raise Error(f"{len(made.output)} tokens came where {tokens} were planned")


def _peak_of(run: Callable[[], None]) -> int:
    """The most memory that the process held while it ran, in bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak before
    if isinstance(run, Recording):
        run.prepare()
    run()
    if isinstance(run, Recording):
        run.clean_up()
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return 1024 * int(peak)


class _Kept:
    """The repetitions that were made, also those of earlier processes."""

    def __init__(self, path: Path | None, settings: dict[str, Any]) -> None:
        self._path = path
        self._settings = settings
        self.memory: dict[str, int] = {}
        self.runs: dict[str, list[dict[str, float]]] = {}
        self.notes: dict[str, dict[str, float]] = {}
        if path is None or not path.exists():
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            before, self.memory = found["settings"], found["memory"]
            self.runs, self.notes = found["runs"], found["notes"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError("malformed", str(path), "no repetitions of this program") from error
        if before != settings:
            raise InputError("mismatch", str(path), f"they were made with {before}")

    @property
    def repetitions(self) -> int:
        return min(map(len, self.runs.values()), default=0)

    def cpu(self, name: str) -> list[float]:
        return [one["cpu_s"] for one in self.runs[name]]

    def wall(self, name: str) -> list[float]:
        return [one["wall_s"] for one in self.runs[name]]

    def add(self, cost: dict[str, Cost]) -> None:
        for name, one in cost.items():
            self.runs.setdefault(name, []).append({"cpu_s": one.cpu, "wall_s": one.wall})
        if self._path is not None:
            kept = {
                "settings": self._settings,
                "memory": self.memory,
                "runs": self.runs,
                "notes": self.notes,
            }
            write_together({self._path: json.dumps(kept).encode()})

    def note(self, name: str, one: "Recorded") -> None:
        """What was recorded in the last run of that name; of times the longest."""
        before = self.notes.get(name, {})
        self.notes[name] = {
            "rows": one.rows,
            "waiting_mib": max(one.most_memory / _MIB, before.get("waiting_mib", 0)),
            "longest_lag_ms": max(1000 * one.longest_lag_s, before.get("longest_lag_ms", 0)),
            "hashing_thread_cpu_s": one.hashing_s,
        }


def print_plainly(report: dict[str, Any]) -> None:
    """The report of `measure`, for people."""
    tokens = report["decoded_tokens"]
    show(
        f"{report['model']}: {count(report['parameters'])} parameters, {report['dtype']}, "
        f"{tokens} tokens, then a prompt of {report['long_prompt_tokens']}"
    )
    for name, (title, base) in _CASES.items():
        case = report["cases"][name]
        added, alone = case["cpu_added_percent"], report["cpu_s"][base]
        each = f"{1000 * alone / tokens:.1f} ms a token" if base == "alone" else f"{alone:.2f} s"
        show(
            f"  {title:24} CPU {added['mean']:+.2f} % (95 %: {added['low']:+.2f} to "
            f"{added['high']:+.2f}) on {each}; {case['memory_added_mib']:.0f} MiB of memory"
        )
        show(
            f"  {'':24} {count(round(case['rows']))} rows, committed to within "
            f"{case['longest_lag_ms']:.1f} ms"
        )
    machine = report["machine"]
    show(f"  repeats     {report['repeats']} pairs, {report['threads']} threads of the model")
    show(
        f"  machine     {machine['processor']}, {machine['processors']} processors, "
        f"load {machine['load_average']:.1f}"
    )
    show(f"  versions    {', '.join(f'{k} {v}' for k, v in report['versions'].items())}")
