"""What vLLM's workers can do; loaded in their processes, before they are made."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from . import known, passes, seams
from .auditing import audit_worker
from .committing import Committer, plan_for
from .proving import Proving
from .settings import settings_from


class Extension:
    """Methods that vLLM gives to its workers, to be called by name from the front."""

    def assay_take(self, name: str, output: Sequence[int]) -> dict[str, Any] | None:
        """Proofs of an answer, or the reason why there are none; None in a worker without rows."""
        proving = _PROVING.get(id(self))
        return None if proving is None else proving.take(name, output)

    def assay_rest(self, name: str) -> dict[str, Any] | None:
        """What `assay_take` said was pending; None in a worker without rows."""
        proving = _PROVING.get(id(self))
        return None if proving is None else proving.rest(name)

    def assay_forget(self, name: str) -> None:
        """Nobody will ask for a request."""
        proving = _PROVING.get(id(self))
        if proving is not None:
            proving.forget(name)

    def assay_pause(self, paused: bool) -> None:
        """Make no proofs of requests that begin from now on, or make them again: to compare.

        Called while no request runs. What blocks hand on stops and begins only in a model that is
        not compiled.
        """
        entries = _HANDED_ON.get(id(self), ())
        if entries:
            passes.set_handed_on(self, () if paused else entries)
        proving = _PROVING.get(id(self))
        if proving is not None:
            proving.pause(paused)

    def assay_status(self) -> dict[str, Any] | None:
        """What runs the model, and counts; None in a worker without rows."""
        proving = _PROVING.get(id(self))
        if proving is None:
            return None
        engine = seams.engine_of(self)
        held = {"held": len(proving.rows), "held_bytes": proving.held_bytes}
        return {**engine, "counts": {**asdict(proving.counts), **held}}


# By identity of the worker: its class is vLLM's own, which need not be hashed as one would like.
_PROVING: dict[int, Proving] = {}
# What the model of each hands on, as `passes.hand_on` lists it.
_HANDED_ON: dict[int, tuple[int, ...]] = {}


def _loaded(worker: Any) -> None:
    """Follow a worker that has its model; what is wrong stops the engine."""
    given = seams.settings_of(worker.vllm_config)
    if given is None:
        return
    known.check()
    known.require_supported(worker.vllm_config)
    settings, model = settings_from(given), worker.vllm_config.model_config
    plan = plan_for(settings, passes.blocks_of(worker), model.get_hidden_size(), model.dtype)
    wanted = () if plan is None else tuple(block + 1 for block in plan.handed_on)
    if settings.audit:
        known.require_auditable(worker.vllm_config)
    entries = tuple(range(passes.blocks_of(worker) + 1)) if settings.audit else wanted
    seams.ask_for_amx(worker)
    if entries:
        passes.hand_on(worker, entries)
        _HANDED_ON[id(worker)] = entries
    if seams.has_rows(worker):
        seams.require_known_head(worker)
        committer = None if plan is None else Committer(plan, passes.norm_of(worker))
        auditor = audit_worker(worker, settings) if settings.audit else None
        settled = seams.settled_tokens(worker.vllm_config)
        proving = Proving(settings, model.dtype, settled, committer, auditor)
        passes.follow(worker, proving, passes.Handed(entries, wanted))
        _PROVING[id(worker)] = proving


# vLLM loads this module once in a process, and has no other place for what is to be done then.
seams.on_loaded_worker(_loaded)
