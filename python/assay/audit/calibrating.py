"""Measure how honest runs of a model round, and make a profile of it."""

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from .. import _core, models, weights
from ..errors import InputError
from .auditing import streaming_audit
from .recording import Run

Profile = _core.AuditProfile
"""Bounds that honest runs stay within, as a file keeps them."""

_NONCE = bytes(32)


@dataclass(frozen=True)
class Calibration:
    """What was measured.

    Attributes:
        profile: The bounds, with the bound on the rate of false alarms.
        learned: Prompts that the bounds come from.
        held_out: Prompts that were judged by them, by the weights and with a key.
        alarms: How many of these were rejected.
        tokens: That were opened, each with all its products.
    """

    profile: Profile
    learned: int
    held_out: int
    alarms: int
    tokens: int


class HonestRuns:
    """Records runs of a model and hands each over before its rows are deleted."""

    def __init__(self, model: PreTrainedModel, folder: Path) -> None:
        """`folder` holds the model as it is saved, and the rows of one batch at a time."""
        self.model = model
        self.folder = folder / "model"
        self._sink = folder / "runs"
        self.blocks = int(model.config.get_text_config().num_hidden_layers)
        self.dtype = str(model.dtype).removeprefix("torch.")
        with models.quiet(True):
            model.save_pretrained(self.folder)
        self.manifest = weights.manifest(self.folder).root

    def measurer(self, vectors: int) -> _core.AuditMeasurer:
        """What holds runs against the weights, or with 1 and more vectors against a new key."""
        root = bytes.fromhex(self.manifest)
        return _core.AuditMeasurer(str(self.folder), self.dtype, root, vectors)

    def record(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_new_tokens: int,
        batch: int,
        model: PreTrainedModel | None = None,
    ) -> Iterator[Run]:
        """Answer the prompts greedily, so many at a time; with another model in place of this."""
        used = model or self.model
        settings = models.settings_for(used, max_new_tokens)
        for first in range(0, len(prompts), batch):
            try:
                with streaming_audit(
                    used, self._sink, nonce=_NONCE, manifest=self.manifest
                ) as recorded:
                    models.generate(used, prompts[first : first + batch], settings)
                if recorded.problems:
                    raise InputError("io", str(self._sink), "; ".join(recorded.problems))
                yield from recorded.runs
            finally:
                shutil.rmtree(self._sink, ignore_errors=True)

    def measure(
        self,
        run: Run,
        measurer: _core.AuditMeasurer,
        *,
        steps: Sequence[int] | None = None,
        blocks: Sequence[int] | None = None,
        profile: Profile | None = None,
    ) -> _core.AuditMeasured:
        """Check tokens of a run, by default all, and the attention of the last of these.

        `blocks` are those whose attention is looked at, by default all.
        """
        request = _core.audit_request_text(_NONCE, run.prompt, run.output, "greedy")
        asked = list(range(len(run.output))) if steps is None else sorted(steps)
        looked = range(self.blocks) if blocks is None else sorted(blocks)
        attention = [(asked[-1], block) for block in looked]
        return measurer.measure(str(run.folder), request, asked, attention, profile)


@contextmanager
def honest_runs(model: PreTrainedModel) -> Iterator[HonestRuns]:
    """Runs of this model, in a folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="assay-audit-") as folder:
        yield HonestRuns(model, Path(folder))


def calibrate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    name: str,
    model_name: str = "",
    max_new_tokens: int = 32,
    batch: int = 4,
    margin: float = 1.25,
    vectors: int = 8,
    on_count: Callable[[int, int], None] = lambda done, total: None,
) -> Calibration:
    """Measure honest runs of `model` on `prompts`.

    Every other prompt is one that the bounds come from: the variance of rounding over the
    formula's, of the layer where it is largest, and the largest shares and errors, times the
    margin. In float32 and float64 the variance is the largest of a run, times the margin too. The
    rest is judged by them.

    Args:
        model: In the dtype, with the kernel and on the device that is to be measured.
        prompts: Token ids, at least 4 of them.
        name: Of the profile.
        model_name: For the profile; by default the name of its class.
        max_new_tokens: Of each answer; all of them are opened.
        batch: Sequences that run together.
        margin: Of the largest share of outputs that are rounded otherwise, the largest error of
            attention, and in float32 and float64 the largest variance.
        vectors: Of the key that held out prompts are checked with.
        on_count: Told how many prompts of how many are done.

    Raises:
        InputError: Too few prompts, a margin below 1, rows that found no room, or bounds that
            exclude nothing.
    """
    if len(prompts) < 4:
        raise InputError("out_of_range", "prompts", f"{len(prompts)} of them; give at least 4")
    if not 1 <= margin < math.inf:
        raise InputError("out_of_range", "margin", f"is {margin}; give a number of at least 1")
    engine = models.engine_of(model)
    learned, held_out = prompts[::2], prompts[1::2]
    done = tokens = alarms = 0
    with honest_runs(model) as runs:
        found = _core.AuditCalibration(runs.dtype)
        by_weights, by_key = runs.measurer(0), runs.measurer(vectors)

        def profile_with(bound: float | None) -> Profile:
            return found.profile(
                margin,
                name,
                model_name or type(model).__name__,
                engine.device,
                engine.attention,
                bound,
                len(held_out),
            )

        for run in runs.record(learned, max_new_tokens=max_new_tokens, batch=batch):
            found.add(runs.measure(run, by_weights))
            tokens += len(run.output)
            on_count(done := done + 1, len(prompts))
        profile = profile_with(None)
        for run in runs.record(held_out, max_new_tokens=max_new_tokens, batch=batch):
            judged = [runs.measure(run, one, profile=profile) for one in (by_weights, by_key)]
            alarms += any(one.outcome != "accepted" for one in judged)
            tokens += len(run.output)
            on_count(done := done + 1, len(prompts))
    bound = _core.rate_bound(alarms, len(held_out))
    return Calibration(profile_with(bound), len(learned), len(held_out), alarms, tokens)
