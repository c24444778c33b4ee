"""A corpus of made rows, a probe trained on it and a statement, as files."""

import sys
from pathlib import Path

import numpy as np

from assay_program import done

VECTORS = Path(__file__).parents[2] / "vectors" / "probe"
sys.path.insert(0, str(VECTORS))
import formats  # noqa: E402

NONCE = "5a" * 32
PAIRS, WIDTH, LAYERS = 70, 12, (2, 5)


def corpus(where: Path, name: str, signal: float, seed: int = 1) -> None:
    """Pairs of texts; behind block 5 coordinate 3 says which of a pair it is."""
    draw = np.random.default_rng(seed)
    rows = draw.standard_normal((2, 2 * PAIRS, WIDTH)).astype(np.float32)
    labels = np.arange(2 * PAIRS) % 2
    rows[1, :, 3] += (signal * labels).astype(np.float32)
    positions = list(range(2 * PAIRS))
    (where / f"{name}.gotact").write_bytes(
        formats.gotact("test/model", 0, LAYERS, positions, rows.tolist())
    )
    (where / f"{name}.labels").write_text("".join(f"{label}\n" for label in labels))
    head = {"format": "assay/probe/rows/v1", "model_id": "test/model", "tokenizer_sha256": None}
    head |= {"chat_template_sha256": None, "weights_root": "66" * 32, "rule": "last"}
    texts = [
        {"group": f"pair {i // 2}", "label": int(i % 2), "tokens": [i, 7, 8], "positions": [2]}
        for i in positions
    ]
    lines = [head | {"engine": "cpu", "texts": len(texts)}, *texts]
    (where / f"{name}.rows").write_text("".join(map(formats.line, lines)))


TRAIN = (
    "probe train --activations a.gotact --labels a.labels --unembedding u.gotue --dimension tense"
)
VERIFY = "probe verify --attestation s --pubkey key.pub --activations a.gotact --probes p.json"


def make(where: Path) -> None:
    """What the native verbs read: a.gotact, .labels, .rows, u.gotue, key, p.json, e.json, s."""
    corpus(where, "a", 2.5)
    unembedding = np.random.default_rng(2).standard_normal((60, WIDTH)).astype(np.float32)
    (where / "u.gotue").write_bytes(formats.gotue(unembedding.tolist()))
    done(where, "probe keygen --output key")
    done(where, TRAIN + " --layer all --permutations 20 --output p.json --evaluation e.json")
    attest = "probe attest --activations a.gotact --probes p.json --key key --nonce " + NONCE
    done(where, attest + " --evaluation e.json --output s")
