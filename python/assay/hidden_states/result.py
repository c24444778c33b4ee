"""A finished capture and the files it is kept in."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import torch
from torch import Tensor

from ..errors import SaveError, one_line
from ..models import Tap
from ..writing import write_together
from .safetensors_file import write_safetensors
from .statistics import LayerStats, size_summary

Mode = Literal["decode", "recompute"]
Format = Literal["safetensors", "pt"]

FORMAT_NAME = "assay/capture/v1"


@dataclass(frozen=True)
class SavedFiles:
    """Paths of the two files of a capture."""

    activations: Path
    stats: Path


@dataclass(frozen=True, eq=False)
class Capture:
    """Hidden states of one prompt and its continuation.

    Attributes:
        model_name: Hub id, or the last part of the local path.
        prompt: As given, without any chat template.
        generated_text: The continuation, without special tokens; "" if there was no tokenizer.
        token_sequence: Prompt and continuation, int64, shape (1, tokens).
        hidden_states: One tensor per tap, shape (1, rows, width), on the CPU, in the model's dtype.
            Row r belongs to token r. In mode "decode" rows = tokens - 1, since the last token is
            never an input; in mode "recompute" rows = tokens.
        taps: Name and place of each tensor.
        mode: "decode": the values of the very passes that made the tokens. "recompute": those of
            one more pass over the finished text.
        seed: What the random generators were seeded with.
        generation: The settings that the tokens were chosen by.
        engine: What ran it: `assay.models.Engine.as_json`.
        model_files: (file name, SHA-256 in hex) of the files of a local model.
        layer_stats: Statistics of each tensor; all values are finite.
    """

    model_name: str
    prompt: str
    generated_text: str
    token_sequence: Tensor
    hidden_states: tuple[Tensor, ...]
    taps: tuple[Tap, ...]
    mode: Mode
    seed: int
    generation: Mapping[str, bool | int | float]
    engine: Mapping[str, str | int | bool | None]
    model_files: tuple[tuple[str, str], ...]
    layer_stats: tuple[LayerStats, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tensors: "embedding", "layer_0", ..."""
        return tuple(tap.name for tap in self.taps)

    @property
    def rows(self) -> int:
        """Token positions that have hidden states."""
        return int(self.hidden_states[0].shape[1])

    @property
    def tokens(self) -> int:
        """Tokens of prompt and continuation together."""
        return int(self.token_sequence.shape[1])

    def stats(self) -> dict[str, Any]:
        """The content of the statistics file."""
        return {
            "model_name": self.model_name,
            "prompt": self.prompt,
            "generated_text": self.generated_text,
            "size_summary": size_summary(self.layer_stats),
            "layer_stats": [layer.as_json() for layer in self.layer_stats],
        }

    def save(self, directory: str | Path, format: Format = "safetensors") -> SavedFiles:
        """Write the activations and the statistics, both or none, over files of the same names.

        Args:
            directory: Made if it does not exist.
            format: "safetensors", or "pt" for a torch file.

        Raises:
            SaveError: A file or the directory could not be written.
        """
        folder = Path(directory)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            said = error.strerror or one_line(error)
            reason = f"could not be made ({said}); choose another --output-dir"
            raise SaveError("io", str(folder), reason) from error
        files = planned_files(folder, self.model_name, format)
        write = self._write_safetensors if format == "safetensors" else self._write_pt
        stats = json.dumps(self.stats(), indent=2, ensure_ascii=False) + "\n"
        write_together({files.activations: write, files.stats: stats.encode()})
        return files

    def _write_safetensors(self, file: BinaryIO) -> None:
        tensors = {"token_sequence": self.token_sequence}
        tensors.update(zip(self.names, self.hidden_states, strict=True))
        metadata = {"format": FORMAT_NAME, **self._texts(), **_as_text(self._details())}
        write_safetensors(file, tensors, metadata)

    def _write_pt(self, file: BinaryIO) -> None:
        details = {"format": FORMAT_NAME, **self._details()}
        torch.save(
            {
                **self._texts(),
                "token_sequence": self.token_sequence,
                "hidden_states": self.hidden_states,
                "assay": {**details, "metadata": _as_text(details)},
            },
            file,
        )

    def _texts(self) -> dict[str, str]:
        return {
            "model_name": self.model_name,
            "prompt": self.prompt,
            "generated_text": self.generated_text,
        }

    def _details(self) -> dict[str, Any]:
        return {
            "capture_mode": self.mode,
            "rows": self.rows,
            "tokens": self.tokens,
            "taps": [asdict(tap) for tap in self.taps],
            "engine": self.engine,
            "generation": dict(self.generation),
            "seed": self.seed,
            "model_files": [{"name": name, "sha256": sha} for name, sha in self.model_files],
        }


def _as_text(details: dict[str, Any]) -> dict[str, str]:
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in details.items()}


def planned_files(directory: Path, model_name: str, format: Format) -> SavedFiles:
    """The paths that `Capture.save` writes for a model of this name."""
    stem = model_name.replace("/", "_")
    return SavedFiles(directory / f"{stem}_activations.{format}", directory / f"{stem}_stats.json")
