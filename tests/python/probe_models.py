"""A model built so that one direction of its residual decides the next token, another nothing."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

import tiny_models
from assay.models import find_layout
from assay.probe.plans import Plan
from assay.probe.reading import read_rows

LAYER = 1
POSITIVE, NEGATIVE = (30, 31), (32, 33)


@dataclass(frozen=True)
class Built:
    """A model and two directions of unit length.

    Attributes:
        model: Of three blocks, the last of which does little.
        used: The logits of `POSITIVE` rise along it and those of `NEGATIVE` fall.
        unused: Nothing behind block `LAYER` reads it but the final norm.
        rows: Residuals behind that block, (n, width).
    """

    model: PreTrainedModel
    used: NDArray[np.float64]
    unused: NDArray[np.float64]
    rows: NDArray[np.float32]


def built() -> Built:
    """The same on every call."""
    model = tiny_models.tiny()
    basis, _ = torch.linalg.qr(
        torch.randn(tiny_models.HIDDEN, 2, generator=torch.Generator().manual_seed(4))
    )
    used, unused = basis.T
    with torch.no_grad():
        head = model.get_output_embeddings().weight  # type: ignore[union-attr]
        head *= 0.1
        head -= (head @ used)[:, None] * used  # type: ignore[operator]
        head[list(POSITIVE)] += 2 * used  # type: ignore[index,operator]
        head[list(NEGATIVE)] -= 2 * used  # type: ignore[index,operator]
        head -= (head @ unused)[:, None] * unused  # type: ignore[operator]
        for block in find_layout(model).blocks[LAYER + 1 :]:
            for parameter in block.parameters():
                if parameter.ndim > 1:
                    parameter *= 0.3
                if parameter.ndim > 1 and parameter.shape[1] == tiny_models.HIDDEN:
                    parameter -= (parameter @ unused)[:, None] * unused
    texts = [[7 * i % 30, 11 * i % 30, 13 * i % 30] for i in range(1, 120)]
    found = read_rows(model, texts, [LAYER], find_layout(model))
    rows = np.concatenate([one[0][-1:] for one in found])
    return Built(model, used.double().numpy(), unused.double().numpy(), rows)


def plan(directions: int = 200) -> Plan:
    """A plan of twelve prompts."""
    return Plan(
        dimension="made",
        positive=POSITIVE,
        negative=NEGATIVE,
        prompts=tuple((i, 2 * i % 29, 5 * i % 23) for i in range(1, 13)),
        neutral=((1, 2), (3,)),
        kl_bound=5.0,
        alphas=(-2.0, -1.0, 0.0, 1.0, 2.0),
        random_directions=directions,
        seed=6,
        digest=bytes(32),
    )
