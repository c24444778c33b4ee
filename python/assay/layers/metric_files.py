"""Metrics as the original pipeline keeps them: <model>/<metric>.npy, bound to no weights."""

from pathlib import Path

import numpy as np

from .. import _core
from ..errors import DecodeError, InputError
from ..writing import write_together
from .scores import Scores

_MOST_VALUES = 1 << 20


def metrics_in(folder: Path, metric: str) -> dict[str, list[float]]:
    """The metrics of each model that the folder has.

    Raises:
        InputError: No such file in it ("io"), or no name of a file ("malformed").
        DecodeError: A file that holds no list of finite numbers.
    """
    _check_name(metric)
    paths = sorted(folder.glob(f"*/{metric}.npy"))
    if not paths:
        raise InputError("io", str(folder), f"holds no <model>/{metric}.npy")
    return {path.parent.name: read_metrics(path) for path in paths}


def find_metrics(folder: Path, model_name: str, metric: str) -> Path | None:
    """The file of a model's metrics, or None.

    Args:
        folder: Of all models.
        model_name: As scores have it; its folder is the last part, in lower case. Llama 2 is found
            as "llama-2" and as "llama2".
        metric: As it is called in either of its names: "alpha_mid" or "alpha_hill".

    Raises:
        InputError: No metric of that name ("unsupported").
    """
    name = _short(model_name)
    names = (name, name.replace("llama-2", "llama2"), name.replace("llama2", "llama-2"))
    for own in names:
        for called in (_core.layers_metric(metric), metric):
            path = folder / own / f"{called}.npy"
            if path.is_file():
                return path
    return None


def read_metrics(path: Path) -> list[float]:
    """The numbers of a file, in the order of the model's layers.

    Raises:
        InputError: It cannot be read ("io").
        DecodeError: It holds no list of finite numbers.
    """
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")
    except OSError as error:
        raise InputError("io", str(path), error.strerror or "could not be read") from error
    except (ValueError, EOFError) as error:
        raise DecodeError("malformed", str(path), "not an .npy file of numbers") from error
    if array.ndim != 1 or array.dtype.kind != "f" or not 0 < len(array) <= _MOST_VALUES:
        reason = f"{array.dtype} of shape {array.shape}; one list of floats is expected"
        raise DecodeError("malformed", str(path), reason)
    if not np.isfinite(array).all():
        index = int(np.argmin(np.isfinite(array)))
        raise DecodeError("out_of_range", f"{path}: value {index}", "is NaN or infinite")
    return [float(value) for value in array]


def write_metrics(folder: Path, scores: Scores, values: list[float]) -> Path:
    """Write the metrics of scores as <model>/<metric>.npy, float64; gives the path.

    Raises:
        SaveError: It could not be written.
    """
    place = folder / _short(scores.model_name)
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{scores.metric_name}.npy"
    write_together({path: lambda file: np.save(file, np.array(values, dtype="<f8"))})
    return path


def _short(model_name: str) -> str:
    return model_name.rstrip("/").rpartition("/")[2].lower()


def _check_name(metric: str) -> None:
    if "/" in metric or metric.startswith("."):
        raise InputError("malformed", "--metric", f"{metric!r} is not the name of a metric")
