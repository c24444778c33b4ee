"""The function load_scores_from_json."""

import json
from pathlib import Path
from typing import Any


def load_scores_from_json(json_path: str) -> tuple[list[float], list[float], dict[str, Any]]:
    """The values and costs of a scores file, and what it says of the model.

    As in the original, of each layer `significance_score` and `num_parameters` are enough;
    `assay.layers.LayerScores.read` reads whole files strictly.

    Raises:
        ValueError: No layers, or a layer without one of the two.
    """
    data = json.loads(Path(json_path).read_text(encoding="utf-8"))
    if "layers" not in data:
        raise ValueError(f"JSON file {json_path} does not contain 'layers' key")
    layers = data["layers"]
    if not layers:
        raise ValueError(f"JSON file {json_path} has no layers")
    for layer in layers:
        for field in ("significance_score", "num_parameters"):
            if field not in layer:
                raise ValueError(f"Layer {layer.get('index', 'unknown')} missing '{field}'")
    values = [float(layer["significance_score"]) for layer in layers]
    costs = [float(layer["num_parameters"]) for layer in layers]
    metadata = {
        "model_name": data.get("model_name", "unknown"),
        "num_layers": len(layers),
        "total_parameters": data.get("total_parameters", sum(costs)),
        "num_blocks": data.get("num_blocks"),
        "layers_per_block": data.get("layers_per_block"),
    }
    return values, costs, metadata
