"""Keep rows of a model's residual stream, and its unembedding, in files."""

import hashlib
import io
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from .. import _core, models
from ..errors import InputError, SaveError
from ..models import Loaded
from ..stopping import obey
from ..writing import write_together
from .got_files import ActivationsFile
from .positions import PositionRule
from .reading import read_rows
from .telling import OnCount, uncounted
from .texts import Text, engine_text, identity_of

_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class Extraction:
    """What came of it.

    Attributes:
        activations: The .gotact.
        labels: One line for each row.
        rows: Where each row came from.
        count: Rows of each layer.
        gone_on: Texts that an earlier, stopped run had done.
        stub: Whether the labels are all 0, to be edited.
    """

    activations: Path
    labels: Path
    rows: Path
    count: int
    gone_on: int
    stub: bool


def extract(
    loaded: Loaded,
    texts: Sequence[Text],
    layers: Sequence[int],
    activations: Path,
    *,
    rule: PositionRule | None = None,
    labelled: bool = False,
    batch: int = 1,
    on_count: OnCount = uncounted,
) -> Extraction:
    """Run a model over texts and keep rows of its residual stream.

    A run that was stopped leaves `<activations>.part` and `<activations>.part.json`. The same call
    goes on with them; another one begins anew.

    Args:
        loaded: The model, in evaluation mode, its tokenizer and source.
        texts: At least one.
        layers: Indices of blocks from 0, in any order, each once: rows are what the block hands on.
        activations: Where the .gotact goes; labels and rows go beside it.
        rule: Which rows of a text count; by default all.
        labelled: Whether the labels of the texts are known. Else the labels are a stub of zeros.
        batch: Texts that run together; bits may depend on it.
        on_count: Told how many texts are done.

    Raises:
        InputError: A layer or a position that is not there ("out_of_range"); a file of labels that
            somebody has edited and that the stub would replace ("mismatch"); as `read_rows`.
        NonFiniteError: A row holds NaN or an infinity.
        SaveError: A file could not be written.
    """
    rule = rule or PositionRule("all")
    ordered = _ordered(layers)
    layout = models.find_layout(loaded.model)
    _require_layers(ordered, len(layout.blocks))
    places = [_place(index, len(texts)) for index in range(len(texts))]
    counts = [rule.rows(len(one.tokens), at) for one, at in zip(texts, places, strict=True)]
    labels = activations.with_suffix(".labels")
    stub = not labelled
    if stub:
        _require_unedited(labels)
    identity = identity_of(loaded)
    dtype = str(loaded.model.dtype).removeprefix("torch.")
    rows_file = _core.ProbeRows(
        identity.model_id,
        rule.name,
        engine_text(models.engine_of(loaded.model), batch),
        [
            (one.group, bool(one.label), list(one.tokens), rule.positions(len(one.tokens), at))
            for one, at in zip(texts, places, strict=True)
        ],
        identity.tokenizer,
        identity.chat_template,
        identity.weights_root,
    )
    single = len(texts) == 1 and not rule.is_mean
    positions = rule.positions(len(texts[0].tokens), places[0]) if single else range(sum(counts))
    run = _Unfinished(activations, rows_file.encode(), [dtype, ordered])
    done = run.done
    with run.opened() as file:
        written = ActivationsFile(
            file,
            model_id=identity.model_id,
            precision=dtype,
            width=layout.entries[0].width,
            layers=ordered,
            positions=positions,
            fresh=run.fresh,
        )
        for first in range(done, len(texts), batch):
            on_count(first, len(texts))
            together = texts[first : first + batch]
            found = read_rows(loaded.model, [one.tokens for one in together], ordered, layout)
            at = sum(counts[:first])
            for index, rows in enumerate(found, first):
                for layer, values in enumerate(rows):
                    picked = rule.pick(values, places[index])
                    written.write(layer, at, np.ascontiguousarray(picked))
                at += counts[index]
            run.note(file, min(first + batch, len(texts)))
        on_count(len(texts), len(texts))
    rows_path = activations.with_suffix(".rows")
    listed = [one.label for one, count in zip(texts, counts, strict=True) for _ in range(count)]
    write_together(
        {labels: "".join(f"{one}\n" for one in listed).encode(), rows_path: rows_file.encode()}
    )
    run.finish()
    return Extraction(activations, labels, rows_path, sum(counts), done, stub)


def extract_unembedding(loaded: Loaded, path: Path) -> tuple[int, int]:
    """Write the rows of the output layer as a .gotue, eight megabytes at a time.

    Returns:
        Size of the vocabulary, and width.

    Raises:
        InputError: The model has no head that is one matrix ("unsupported").
        SaveError: The file could not be written.
    """
    weight = getattr(models.head_of(loaded.model), "weight", None)
    if not isinstance(weight, torch.Tensor) or weight.ndim != 2:
        reason = "its head is not a single matrix"
        raise InputError("unsupported", type(loaded.model).__name__, reason)
    vocabulary, width = map(int, weight.shape)
    writer = _core.ProbeUnembeddingWriter(str(path), vocabulary, width)
    step = max(1, _BLOCK_BYTES // (4 * width))
    for first in range(0, vocabulary, step):
        obey()
        rows = weight[first : first + step].detach().float().cpu().contiguous().numpy()
        writer.add(rows)
    writer.finish()
    return vocabulary, width


def extract_gain(loaded: Loaded, path: Path) -> None:
    """Write the gain of the final norm as .npy, as many float32 as the model is wide.

    It is found from the norm's weights, and tried on a row: some families add 1 to them.

    Raises:
        InputError: The norm is no RMS or layer norm with a gain ("unsupported").
    """
    norm: Any = models.final_norm(loaded.model)
    weight = getattr(norm, "weight", None)
    if isinstance(weight, torch.Tensor) and weight.ndim == 1:
        for gain in (weight.detach().float(), weight.detach().float() + 1):
            if _scales_by(norm, gain):
                held = io.BytesIO()
                np.save(held, gain.cpu().numpy().astype("<f4"), allow_pickle=False)
                write_together({path: held.getvalue()})
                return
    raise InputError("unsupported", type(norm).__name__, "no RMS or layer norm with a gain")


def _scales_by(norm: Any, gain: torch.Tensor) -> bool:
    generator = torch.Generator().manual_seed(1)
    row = torch.randn(1, len(gain), generator=generator).to(gain.device) + 1
    with torch.inference_mode():
        output = norm(row.to(norm.weight.dtype)).float()
    bias = getattr(norm, "bias", None)
    added = 0 if bias is None else bias.detach().float()
    by_size = row / row.square().mean().sqrt()
    centred = row - row.mean()
    by_spread = centred / centred.square().mean().sqrt()
    return any(
        torch.allclose(output, unit * gain + added, rtol=2e-2, atol=1e-2)
        for unit in (by_size, by_spread)
    )


def _ordered(layers: Sequence[int]) -> list[int]:
    ordered = sorted(layers)
    if not ordered:
        raise InputError("out_of_range", "layers", "none; give at least one")
    for left, right in itertools.pairwise(ordered):
        if left == right:
            raise InputError("non_canonical", "layers", f"{left} stands twice")
    return ordered


def _require_layers(layers: Sequence[int], blocks: int) -> None:
    for layer in layers:
        if not 0 <= layer < blocks:
            reason = f"the model has blocks 0 to {blocks - 1}"
            raise InputError("out_of_range", f"layer {layer}", reason)


def _place(index: int, count: int) -> str:
    return "input" if count == 1 else f"text {index}"


def _require_unedited(labels: Path) -> None:
    if not labels.is_file():
        return
    if set(labels.read_bytes().split()) - {b"0", b"false"}:
        reason = "has been edited, and a stub would replace it; delete it, or choose another name"
        raise InputError("mismatch", str(labels), reason)


def _not_saved(path: Path, error: OSError) -> SaveError:
    said = error.strerror or "failed"
    reason = f"could not be written ({said}); free space or choose another place"
    return SaveError("io", str(path), reason)


class _Unfinished:
    """The file of a run under way, and how far it is."""

    def __init__(self, target: Path, rows: bytes, settings: object) -> None:
        self._target = target
        self._part = target.with_name(target.name + ".part")
        self._journal = target.with_name(target.name + ".part.json")
        made_of = rows + json.dumps(settings).encode()
        self._run = hashlib.sha256(made_of).hexdigest()
        self.done = self._done_before()
        self.fresh = self.done == 0

    def _done_before(self) -> int:
        try:
            noted = json.loads(self._journal.read_text())
            if noted["run"] == self._run and self._part.is_file():
                return int(noted["texts"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file, open for writing at any place."""
        if not self._target.parent.is_dir():
            reason = "no such folder; make it, or choose another name"
            raise InputError("io", str(self._target.parent), reason)
        try:
            with self._part.open("w+b" if self.fresh else "r+b") as file:
                yield file
        except OSError as error:
            raise _not_saved(self._target, error) from error

    def note(self, file: BinaryIO, done: int) -> None:
        """So many texts are in the file."""
        noted = json.dumps({"run": self._run, "texts": done})
        file.flush()
        staged = self._journal.with_name(f".{self._journal.name}.new")
        staged.write_text(noted)
        staged.replace(self._journal)

    def finish(self) -> None:
        """Give it its name."""
        try:
            with self._part.open("rb") as file:
                os.fsync(file.fileno())
            self._part.replace(self._target)
            self._journal.unlink(missing_ok=True)
        except OSError as error:
            raise _not_saved(self._target, error) from error
