"""Published cases of the selection of layers, scores files of them, and a folder to score."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

# Values, costs, budgets; the optimum in the order given, and in any order.
CASES = {
    "A": ([10, 1, 1], [3, 1, 1], [2, 3], 10, 12),
    "B": ([6, 6, 5], [2, 2, 1], [1, 4], 12, 17),
    "C": ([1, 0, 1], [2, 9, 1], [1, 2], 1, 2),
    "D": ([5], [10], [10, 1], 5, 5),
    "E": ([3, 4], [1, 5], [6, 1], 7, 7),
    "F": (
        [4, 0, 2, 0, 2, 0, 1, 0, 1, 0, 1, 0, 1],
        [7, 99, 6, 99, 5, 99, 4, 99, 3, 99, 2, 99, 1],
        [1, 2, 3, 4, 5, 6, 7],
        4,
        12,
    ),
    "G": ([10, 5, 8, 12, 3, 15, 7], [2, 1, 3, 2, 1, 4, 2], [5, 6], 42, 43),
    "H": ([4, 4, 4, 0, 5, 5, 0, 7], [1, 1, 1, 9, 1, 1, 9, 1], [1, 2, 3], 22, 29),
    "I": ([1] * 6 + [0] + [1] * 6, [1] * 6 + [9] + [1] * 6, [1, 2, 3, 1, 2, 3], 12, 12),
}


def write_scores(path: Path, values: list[float], costs: list[int]) -> Path:
    """A scores file as the original pipeline writes it, with two layers or fewer in a block."""
    listed = [
        {
            "index": i, "name": f"{i // 2}.fc{i % 2}", "num_parameters": cost,
            "significance_score": value, "pruning_ratio": 0.5, "weight_shape": [cost],
        }
        for i, (value, cost) in enumerate(zip(values, costs, strict=True))
    ]  # fmt: skip
    blocks = [
        {
            "block_index": b, "start_layer_index": pair[0]["index"],
            "end_layer_index": pair[-1]["index"], "num_layers": len(pair),
            "total_parameters": sum(layer["num_parameters"] for layer in pair),
            "avg_significance": 0.5, "avg_pruning_ratio": 0.5,
        }
        for b, pair in enumerate(listed[i : i + 2] for i in range(0, len(listed), 2))
    ]  # fmt: skip
    summary = dict.fromkeys(
        [f"{name}_{of}" for name in ("raw_metrics", "pruning_ratios", "significance_scores")
         for of in ("min", "max", "mean") if (name, of) != ("pruning_ratios", "mean")], 0.5
    )  # fmt: skip
    scores = {
        "model_name": "tests/case", "metric_name": "alpha_peak", "sparsity_ratio": 0.7,
        "epsilon": 0.3, "mapping_type": "block_wise", "significance_method": "inverse_ratio",
        "total_parameters": sum(costs), "num_blocks": len(blocks),
        "num_prunable_layers": len(costs), "layers_per_block": len(costs) // len(blocks),
        "is_opt_model": False, "layers": listed, "blocks": blocks, "metadata": summary,
    }  # fmt: skip
    path.write_text(json.dumps(scores))
    return path


_SHAPES = {"self_attn.q_proj": (48, 64), "self_attn.k_proj": (32, 64), "mlp.down_proj": (64, 96)}


def write_model(
    where: Path, blocks: int = 3, shapes: dict[str, tuple[int, int]] | None = None
) -> Path:
    """A folder as models come in, with random weights."""
    folder = where / "model"
    folder.mkdir()
    random = np.random.default_rng(3)
    tensors: dict[str, NDArray[np.float32]] = {
        "model.embed_tokens.weight": np.zeros((8, 64), np.float32)
    }
    for block in range(blocks):
        for name, shape in (shapes or _SHAPES).items():
            weight = random.standard_normal(shape, np.float32)
            tensors[f"model.layers.{block}.{name}.weight"] = weight
    save_file(tensors, folder / "model.safetensors")
    config = {"model_type": "llama", "num_hidden_layers": blocks}
    (folder / "config.json").write_text(json.dumps(config))
    return folder
