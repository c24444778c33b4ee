"""`streaming_audit`: commit to what a model computes, or sample the products that anybody makes."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from os import PathLike
from typing import Any, overload

from torch import Tensor
from transformers import PreTrainedModel

from ..errors import ArgumentError
from ..models import Layout
from .choosing import Layers
from .packets import HOST, PORT
from .recording import DISK_BYTES, MEMORY_BYTES, Recorded, record_runs
from .sampling import COLUMNS, ROWS
from .session import Sampling, sample_products


@overload
def streaming_audit(
    *,
    host: str = HOST,
    port: int = PORT,
    rows: float = ROWS,
    columns: float = COLUMNS,
    seed: int | None = None,
    weights: Iterable[Tensor] | None = None,
    finish_within: float = 2.0,
) -> AbstractContextManager[Sampling]: ...


@overload
def streaming_audit(
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
) -> AbstractContextManager[Recorded]: ...


def streaming_audit(
    model: PreTrainedModel | None = None,
    sink: str | PathLike[str] | None = None,
    **options: Any,
) -> AbstractContextManager[Any]:
    """Audit what is computed within the block, in one of two ways.

    **With a model and a sink**, a folder, every `model.generate(..)` of this thread is recorded,
    one run for each sequence: the rows that its layers received and returned are hashed while the
    model goes on, and a signed head commits to them (docs/audit.md). `assay audit open` answers
    challenges from the folder. What finds no room is a drop.

    **Without**, every matrix product of `torch.matmul`, `@` and `nn.Linear`, of every thread, is
    sampled, and the samples are sent to `assay audit listen`. What is sampled is what the call was
    given and what it returned. What was compiled runs as it was written meanwhile. Blocks within
    one another, and those of several threads, share one session: each product is sampled once.

    Either way outputs and torch's random numbers are as without it, nothing that goes wrong here
    is raised into the model, and it waits for nobody.

    Args:
        model: On any device, in evaluation mode.
        sink: A folder, made where it is not there.
        signing_key: A file of `assay keygen`; None: `provider.key` in the sink, made where it is
            not there.
        nonce: The verifier's, 32 bytes.
        manifest: Root of the weights; None: they are hashed at the start.
        sampling: How tokens are chosen, in one line; "greedy" is checked.
        all_prompt_rows: Keep all wires of a prompt's tokens, not only residual, k and v.
        layers: The blocks that are recorded, as the verifier agreed to: "all", "1/8" (every eighth
            from block 0 on), "0,8,16-19", or their numbers. Of the others nothing can be checked.
        memory_bytes: Of rows that wait to be hashed.
        disk_bytes: Of rows that are kept for all runs.
        layout: Of the model, if it is known.
        all_threads: Record what every thread runs.
        host: Of the listener.
        port: Of the listener.
        rows: Share of the rows that is drawn, one at least.
        columns: Share of the columns that is drawn, one at least.
        seed: Of the draws; None: from the system. Whoever knows it knows what is looked at.
        weights: Right operands that the listener has. Of others the sampled columns are in the
            packet, and what is checked is the sender's word. None: it has all matrices. Weights of
            `nn.Linear` are always named by their digest.
        finish_within: Seconds that the end of the last block waits for what is left to be sent.

    Raises:
        ArgumentError: A model without a sink, or the other way round.
        InputError: Of a model: those of `assay.models.observe`; no such blocks ("malformed",
            "out_of_range"); no room for the folder ("io"). Of
            samples: another block is running with other arguments ("mismatch"); shares that are not
            above 0 and at most 1 ("out_of_range"); a host that names no machine ("malformed").
    """
    if model is None and sink is None:
        return sample_products(**options)
    if model is None or sink is None:
        raise ArgumentError("model", "give a model and a sink, or neither")
    return record_runs(model, sink, **options)
