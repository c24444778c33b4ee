"""What a provider may sign instead of what the probe reads in the text that was served."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import _core, models
from ..models import Loaded
from .corpus import samples_of
from .extracting import extract
from .positions import PositionRule
from .texts import encoded

LAST = PositionRule("last")
SENTENCE = "The watchmaker opened the heavy door of the shop."
"""What was served: of no pair that a probe was trained on."""

_OTHER = "The watchmaker opens the heavy door of the shop."
_MOVED_SD = -0.5


@dataclass(frozen=True)
class Served:
    """Where the files of a provider are.

    Attributes:
        where: The folder.
        key: Its secret key.
        public_key: What the verifier knows it by.
        nonce: That the verifier asked with.
    """

    where: Path
    key: Path
    public_key: Path
    nonce: str

    def rows_of(self, name: str) -> Path:
        """The .gotact of an honest answer ("served") or a cheat."""
        return self.where / f"{name}.gotact"

    def statement_of(self, name: str) -> Path:
        """The statement about it."""
        return self.where / f"{name}.statement"


def _copy(served: Served, name: str, *endings: str) -> None:
    for ending in endings:
        path = served.rows_of("served").with_suffix(ending)
        shutil.copyfile(path, served.rows_of(name).with_suffix(ending))


def _honest_rows(name: str, loaded: Loaded, served: Served, probes: _core.ProbeSet) -> None:
    _copy(served, name, ".gotact", ".rows")


def _fewer_bits(name: str, loaded: Loaded, served: Served, probes: _core.ProbeSet) -> None:
    rounded = models.with_rounded_weights(loaded.model, 4, 128)
    other = Loaded(rounded, loaded.tokenizer, loaded.source)
    texts = encoded(loaded, samples_of(SENTENCE))
    extract(other, texts, [probes.layer], served.rows_of(name), rule=LAST)
    # It claims the weights that were promised.
    _copy(served, name, ".rows")


def _other_text(name: str, loaded: Loaded, served: Served, probes: _core.ProbeSet) -> None:
    texts = encoded(loaded, samples_of(_OTHER))
    extract(loaded, texts, [probes.layer], served.rows_of(name), rule=LAST)
    # It claims the tokens that were asked for.
    _copy(served, name, ".rows")


def _moved_rows(name: str, loaded: Loaded, served: Served, probes: _core.ProbeSet) -> None:
    model_id, precision, layers, positions, values = _core.probe_read_activations(
        str(served.rows_of("served"))
    )
    covector, vector = probes.covectors[0], probes.vectors[0]
    step = _MOVED_SD * probes.reading_sd[0] / (covector @ vector) * vector
    moved = (values.astype(np.float64) + step).astype(np.float32)
    _core.probe_write_activations(
        str(served.rows_of(name)), model_id, precision, layers, positions, moved
    )
    _copy(served, name, ".rows")


@dataclass(frozen=True)
class Cheat:
    """One thing that a provider may do.

    Attributes:
        name: Of its files.
        title: What it does.
        steps: At one of which a verifier rejects it, up to level L4.
        make: Writes the rows that it signs, given those of the honest answer.
        old_nonce: Whether it signs another nonce than the verifier's.
        own_probes: Whether it reads with other probes than the verifier's.
    """

    name: str
    title: str
    steps: tuple[str, ...]
    make: Callable[[str, Loaded, Served, _core.ProbeSet], None]
    old_nonce: bool = False
    own_probes: bool = False


_ROWS = ("rows differ", "readings differ")

CHEATS = (
    Cheat("replay", "an old statement again", ("nonce",), _honest_rows, old_nonce=True),
    Cheat("probes", "another probe than was agreed on", ("probe set",), _honest_rows,
          own_probes=True),
    Cheat("bits", "the same model with weights of 4 bits", _ROWS, _fewer_bits),
    Cheat("text", "rows of another text, in the present tense", _ROWS, _other_text),
    Cheat("moved", "rows moved by half a standard deviation", _ROWS, _moved_rows),
)  # fmt: skip
"""Five of them, each rejected by whoever runs the model."""
