"""A llama of one block as docs/audit.md and docs/weights.md have it, in Python's own numbers.

Every operation is rounded as the page says; sums are exact. The second half is what a key
sees of a product.
"""

import hashlib
import json
import math
import random
import struct
from collections.abc import Callable
from pathlib import Path

from log_format import NO_BLOCK, sha256, sized_root, text, write

HIDDEN, HEADS, KV_HEADS, HEAD, INNER, VOCABULARY = 16, 2, 1, 8, 24, 40
EPSILON, THETA = 1e-5, 10000.0
PROMPT, TOKENS = [7, 31, 2, 19], 3
SEED, VECTORS = hashlib.sha256(b"the secret of a key").digest(), 8
RESIDUAL, QKV_INPUT, Q, K, V, O_INPUT, O_OUTPUT = 1, 2, 3, 4, 5, 7, 8
MLP_INPUT, GATE, UP, DOWN_INPUT, DOWN, NORM, LOGITS = 9, 10, 11, 13, 14, 15, 16

Row = list[float]
Wire = tuple[int, int]
Change = Callable[[int, Wire, Row], Row]


# Numbers.
def ulp(x: float, fraction: int = 7) -> float:
    exponent = max(math.frexp(x)[1] - 1, -126) if x else -126
    return math.ldexp(1.0, exponent - fraction)


def rounded(x: float, fraction: int = 7) -> float:
    """To bfloat16, or with 23 bits of fraction to float32; ties go to even."""
    unit = ulp(x, fraction)
    return round(x / unit) * unit


def single(x: float) -> float:
    return rounded(x, 23)


def bytes_of(row: Row) -> bytes:
    return b"".join(struct.pack("<f", x)[2:] for x in row)


# The model.
def matrix(name: str, rows: int, columns: int, spread: float = 0.35) -> list[Row]:
    drawn = random.Random(name)
    return [[rounded(drawn.gauss(0, spread)) for _ in range(columns)] for _ in range(rows)]


BLOCK = "model.layers.0."
MATRICES = {
    "lm_head.weight": matrix("head", VOCABULARY, HIDDEN),
    "model.embed_tokens.weight": matrix("embedding", VOCABULARY, HIDDEN, 1.0),
    BLOCK + "mlp.down_proj.weight": matrix("down", HIDDEN, INNER),
    BLOCK + "mlp.gate_proj.weight": matrix("gate", INNER, HIDDEN),
    BLOCK + "mlp.up_proj.weight": matrix("up", INNER, HIDDEN),
    BLOCK + "self_attn.k_proj.weight": matrix("k", KV_HEADS * HEAD, HIDDEN),
    BLOCK + "self_attn.o_proj.weight": matrix("o", HIDDEN, HEADS * HEAD),
    BLOCK + "self_attn.q_proj.weight": matrix("q", HEADS * HEAD, HIDDEN),
    BLOCK + "self_attn.v_proj.weight": matrix("v", KV_HEADS * HEAD, HIDDEN),
}
NORMS = {
    name: [rounded(1 + x) for x in matrix(name, 1, HIDDEN, 0.1)[0]]
    for name in (BLOCK + "input_layernorm", BLOCK + "post_attention_layernorm", "model.norm")
}
# Output and input of each layer, ascending by the output.
LAYERS: list[tuple[Wire, Wire, str]] = [
    ((0, Q), (0, QKV_INPUT), BLOCK + "self_attn.q_proj"),
    ((0, K), (0, QKV_INPUT), BLOCK + "self_attn.k_proj"),
    ((0, V), (0, QKV_INPUT), BLOCK + "self_attn.v_proj"),
    ((0, O_OUTPUT), (0, O_INPUT), BLOCK + "self_attn.o_proj"),
    ((0, GATE), (0, MLP_INPUT), BLOCK + "mlp.gate_proj"),
    ((0, UP), (0, MLP_INPUT), BLOCK + "mlp.up_proj"),
    ((0, DOWN), (0, DOWN_INPUT), BLOCK + "mlp.down_proj"),
    ((NO_BLOCK, LOGITS), (NO_BLOCK, NORM), "lm_head"),
]
WIRES: list[tuple[Wire, int]] = [
    ((0, RESIDUAL), HIDDEN),
    ((0, QKV_INPUT), HIDDEN),
    ((0, Q), HEADS * HEAD),
    ((0, K), KV_HEADS * HEAD),
    ((0, V), KV_HEADS * HEAD),
    ((0, O_INPUT), HEADS * HEAD),
    ((0, O_OUTPUT), HIDDEN),
    ((0, MLP_INPUT), HIDDEN),
    ((0, GATE), INNER),
    ((0, UP), INNER),
    ((0, DOWN_INPUT), INNER),
    ((0, DOWN), HIDDEN),
    ((1, RESIDUAL), HIDDEN),
    ((NO_BLOCK, NORM), HIDDEN),
    ((NO_BLOCK, LOGITS), VOCABULARY),
]


def exact(layer: int, row: Row) -> Row:
    weight = MATRICES[LAYERS[layer][2] + ".weight"]
    return [math.fsum(w * a for w, a in zip(line, row, strict=True)) for line in weight]


def product(name: str, row: Row) -> Row:
    layer = next(i for i, one in enumerate(LAYERS) if one[2].endswith(name))
    return [rounded(x) for x in exact(layer, row)]


def normed(name: str, row: Row) -> Row:
    mean = single(math.fsum(x * x for x in row) / len(row))
    scale = single(1 / math.sqrt(mean + EPSILON))
    weight = NORMS[name]
    return [rounded(w * rounded(single(x * scale))) for w, x in zip(weight, row, strict=True)]


def rotated(row: Row, position: int) -> Row:
    out: Row = []
    for at in range(0, len(row), HEAD):
        first, second = row[at : at + HEAD // 2], row[at + HEAD // 2 : at + HEAD]
        turned: tuple[Row, Row] = ([], [])
        for i, (x, y) in enumerate(zip(first, second, strict=True)):
            angle = single(position * single(1 / THETA ** (2 * i / HEAD)))
            c, s = rounded(math.cos(angle)), rounded(math.sin(angle))
            turned[0].append(rounded(rounded(x * c) + rounded(-y * s)))
            turned[1].append(rounded(rounded(y * c) + rounded(x * s)))
        out += turned[0] + turned[1]
    return out


def attended(q: Row, keys: list[Row], values: list[Row]) -> Row:
    out: Row = []
    for h in range(HEADS):
        kv = h // (HEADS // KV_HEADS) * HEAD
        scores = [
            math.fsum(q[h * HEAD + i] * k[kv + i] for i in range(HEAD)) / math.sqrt(HEAD)
            for k in keys
        ]
        weights = [math.exp(score - max(scores)) for score in scores]
        for i in range(HEAD):
            mixed = math.fsum(w * v[kv + i] for w, v in zip(weights, values, strict=True))
            out.append(mixed / math.fsum(weights))
    return out


def silu(x: float) -> float:
    return x / (1 + math.exp(-x))


def added(a: Row, b: Row) -> Row:
    return [rounded(x + y) for x, y in zip(a, b, strict=True)]


class Run:
    """A prompt and an answer, with the rows of every wire at every position."""

    def __init__(self, change: Change = lambda position, wire, row: row) -> None:
        self.rows: list[dict[Wire, Row]] = []
        self.output: list[int] = []
        self.change = change
        for token in PROMPT:
            self.feed(token)
        while len(self.output) < TOKENS:
            logits = self.rows[-1][NO_BLOCK, LOGITS]
            self.output.append(logits.index(max(logits)))
            if len(self.output) < TOKENS:
                self.feed(self.output[-1])

    def feed(self, token: int) -> None:
        position = len(self.rows)
        rows: dict[Wire, Row] = {}
        self.rows.append(rows)

        def put(block: int, role: int, row: Row) -> Row:
            rows[block, role] = self.change(position, (block, role), list(row))
            return rows[block, role]

        residual = put(0, RESIDUAL, MATRICES["model.embed_tokens.weight"][token])
        given = put(0, QKV_INPUT, normed(BLOCK + "input_layernorm", residual))
        q = put(0, Q, product("q_proj", given))
        put(0, K, product("k_proj", given))
        put(0, V, product("v_proj", given))
        keys = [rotated(one[0, K], p) for p, one in enumerate(self.rows)]
        values = [one[0, V] for one in self.rows]
        found = attended(rotated(q, position), keys, values)
        o = put(0, O_OUTPUT, product("o_proj", put(0, O_INPUT, [rounded(x) for x in found])))
        middle = added(residual, o)
        given = put(0, MLP_INPUT, normed(BLOCK + "post_attention_layernorm", middle))
        gate = put(0, GATE, product("gate_proj", given))
        up = put(0, UP, product("up_proj", given))
        gated = [rounded(rounded(silu(g)) * u) for g, u in zip(gate, up, strict=True)]
        down = put(0, DOWN, product("down_proj", put(0, DOWN_INPUT, gated)))
        residual = put(1, RESIDUAL, added(middle, down))
        put(
            NO_BLOCK,
            LOGITS,
            product("lm_head", put(NO_BLOCK, NORM, normed("model.norm", residual))),
        )


# The model's files, and the root of its weights: docs/weights.md.
def tensors() -> dict[str, tuple[list[int], bytes]]:
    held = {name: ([len(m), len(m[0])], b"".join(map(bytes_of, m))) for name, m in MATRICES.items()}
    held |= {f"{name}.weight": ([HIDDEN], bytes_of(row)) for name, row in NORMS.items()}
    return dict(sorted(held.items()))


def manifest_root() -> bytes:
    leaves = []
    for name, (shape, data) in tensors().items():  # each is one chunk
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        leaves.append(b"assay/tensor/v1" + text(name) + text("BF16") + sizes + sha256(b"\0", data))
    return sized_root(leaves)


def write_model(folder: Path) -> None:
    header: dict[str, object] = {}
    body = b""
    for name, (shape, data) in tensors().items():
        place = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": place}
        body += data
    written = json.dumps(header, separators=(",", ":")).encode()
    written += b" " * (-len(written) % 8)
    config = {
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": 1,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD,
        "rms_norm_eps": EPSILON,
        "rope_theta": THETA,
        "vocab_size": VOCABULARY,
    }
    files = {
        "model.safetensors": struct.pack("<Q", len(written)) + written + body,
        "config.json": (json.dumps(config, indent=2) + "\n").encode(),
    }
    write(folder, files)


# What a key sees: ChaCha20 (RFC 8439), Box and Muller, chi-square.
def chacha20_block(key: bytes, counter: int) -> bytes:
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key)]
    start += [counter & 0xFFFFFFFF, 0, 0, 0]
    state = list(start)

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            mixed = state[z] ^ state[x]
            state[z] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, start, strict=True)))


def normal_values(layer: int, vector: int, count: int) -> Row:
    key = sha256(b"assay/audit/vectors/v1", SEED, struct.pack("<II", layer, vector))
    stream = b"".join(chacha20_block(key, i) for i in range(count // 8 + 1))
    numbers = struct.unpack(f"<{len(stream) // 8}Q", stream)
    out: Row = []
    for x, y in zip(numbers[::2], numbers[1::2], strict=True):
        radius = math.sqrt(-2 * math.log(((x >> 11) + 1) * 2.0**-53))
        angle = 2 * math.pi * (y >> 11) * 2.0**-53
        out += [radius * math.cos(angle), radius * math.sin(angle)]
    return out[:count]


def squares_of(layer: int, given: Row, output: Row, factor: float = 1) -> tuple[float, float]:
    """Of one product the sum of squared residuals and its degrees of freedom, both over g."""
    weight = MATRICES[LAYERS[layer][2] + ".weight"]
    scales = [math.sqrt(math.fsum(w * w for w in line)) for line in weight]
    scales = [struct.unpack("<f", struct.pack("<f", scale))[0] for scale in scales]
    size = math.fsum(a * a for a in given)
    variance = [
        ulp(c) ** 2 / 12 + 16 * size * (2.0**-24 * s) ** 2 / 6
        for c, s in zip(output, scales, strict=True)
    ]
    shares = [v / s**2 for v, s in zip(variance, scales, strict=True)]
    effective = math.fsum(shares) ** 2 / math.fsum(share**2 for share in shares)
    errors = [c - e for c, e in zip(output, exact(layer, given), strict=True)]
    total = 0.0
    for vector in range(VECTORS):
        r = [x / s for x, s in zip(normal_values(layer, vector, len(output)), scales, strict=True)]
        residual = math.fsum(x * e for x, e in zip(r, errors, strict=True))
        total += residual**2 / (
            factor * math.fsum(x * x * v for x, v in zip(r, variance, strict=True))
        )
    g = 1 + 0.4 * VECTORS / effective
    return total / g, VECTORS / g


def log_tail(x: float, degrees: float) -> float:
    """Log of P(X >= x): the integral of the density, by Simpson's rule over log steps."""
    a = degrees / 2
    shift = -x / 2 + (a - 1) * math.log(x / 2) - math.lgamma(a) - math.log(2)
    steps, width = 40000, 400.0 / 40000

    def density(y: float) -> float:
        return math.exp(-y / 2 + (a - 1) * math.log1p(y / x))

    total = density(0.0) + density(steps * width)
    total += math.fsum((4 if i % 2 else 2) * density(i * width) for i in range(1, steps))
    return shift + math.log(total * width / 3)
