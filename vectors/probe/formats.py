"""A second writer of the files of docs/probe.md, from that page and the standard library alone."""

import base64
import hashlib
import json
import struct
from decimal import Decimal

import numpy as np

# Ed25519, RFC 8032, section 5.1, in affine coordinates: slow and plain.
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P
    return x, y


def times(n, point):
    out = (0, 1)
    while n:
        if n & 1:
            out = add(out, point)
        point = add(point, point)
        n >>= 1
    return out


def x_of(y, odd):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return P - x if x % 2 != odd else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (x_of(BASE_Y, 0), BASE_Y)


def packed(point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def sha512_int(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def sign(seed: bytes, message: bytes) -> tuple[bytes, bytes]:
    """The public key and the signature."""
    digest = hashlib.sha512(seed).digest()
    secret = int.from_bytes(digest[:32], "little")
    secret = (secret & ((1 << 254) - 8)) | 1 << 254
    public = packed(times(secret, BASE))
    r = sha512_int(digest[32:], message) % Q
    point = packed(times(r, BASE))
    s = (r + sha512_int(point, public, message) % Q * secret) % Q
    return public, point + s.to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    y = int.from_bytes(public, "little")
    key = (x_of(y & ((1 << 255) - 1), y >> 255), y & ((1 << 255) - 1))
    s = int.from_bytes(signature[32:], "little")
    k = sha512_int(signature[:32], public, message) % Q
    encoded = int.from_bytes(signature[:32], "little")
    point = (x_of(encoded & ((1 << 255) - 1), encoded >> 255), encoded & ((1 << 255) - 1))
    return s < Q and times(s, BASE) == add(point, times(k, key))


# Formats of the original.


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def gotact(model, precision, layers, positions, values) -> bytes:
    width = len(values[0][0])
    out = b"GOTA" + struct.pack("<H", 1) + text(model) + struct.pack("<B", precision)
    out += struct.pack("<III", width, len(layers), len(positions))
    for layer, rows in zip(layers, values, strict=True):
        out += struct.pack("<I", layer)
        for position, row in zip(positions, rows, strict=True):
            out += struct.pack(f"<I{width}f", position, *row)
    return out


def gotue(rows) -> bytes:
    out = b"GOTU" + struct.pack("<HII", 1, len(rows), len(rows[0]))
    return out + b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)


def gotgeo(phi, epsilon=0.0) -> bytes:
    side = len(phi)
    flat = [value for row in phi for value in row]
    hashed = struct.pack(f"<Qf{len(flat)}f", side, epsilon, *(v + 0.0 for v in flat))
    return (
        b"GOTG"
        + struct.pack("<HI", 1, side)
        + sha256(hashed)
        + struct.pack(f"<{len(flat)}f", *flat)
    )


def shortest(value, single: bool) -> str:
    """The shortest decimal, in the layout of the original's library."""
    kind = np.float32 if single else np.float64
    number = Decimal(np.format_float_scientific(kind(value), unique=True, trim="0"))
    sign, digits, _ = number.normalize().as_tuple()
    mark = "-" if sign or (value == 0 and str(value).startswith("-")) else ""
    if number == 0:
        return mark + "0.0"
    mantissa = "".join(map(str, digits))
    point = number.adjusted() + 1
    above, below = (13, -6) if single else (16, -5)
    if len(mantissa) <= point <= above:
        return mark + mantissa + "0" * (point - len(mantissa)) + ".0"
    if 0 < point <= above:
        return mark + mantissa[:point] + "." + mantissa[point:]
    if below < point <= 0:
        return mark + "0." + "0" * -point + mantissa
    rest = "." + mantissa[1:] if len(mantissa) > 1 else ""
    return f"{mark}{mantissa[0]}{rest}e{point - 1}"


class Single(float):
    """A number that is written as float32."""


def pretty(value, depth=0) -> str:
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict) and value:
        items = [f"{inner}{json.dumps(k)}: {pretty(v, depth + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(items) + "\n" + outer + "}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + pretty(v, depth + 1) for v in value) + "\n" + outer + "]"
    if isinstance(value, float):
        return shortest(value, isinstance(value, Single))
    return json.dumps(value, ensure_ascii=False)


def optional(value, write) -> bytes:
    return b"\0" if value is None else b"\1" + write(value)


def f32(value) -> bytes:
    return struct.pack("<f", value + 0.0)


def canonical(a: dict, whole: bool = True) -> bytes:
    """What is signed of an attestation; `whole` is False for the layout of before."""
    names = ["Fp32", "Fp16", "Bfloat16", "Int8"]
    out = struct.pack("<H", 1) + text(a["model_id"])
    out += optional(a.get("model_hash"), bytes.fromhex)
    out += bytes([names.index(a["precision"])])
    product = a["inner_product"]
    if isinstance(product, dict):
        out += b"\2" + f32(product["CausalRegularised"]["epsilon"])
    else:
        out += b"\1" if product == "Euclidean" else b"\0"
    out += bytes.fromhex(a["input_hash"]) + struct.pack("<Q", a["timestamp"])
    out += text(a["corpus_version"]) + text(a["probe_version"])
    out += struct.pack("<I", len(a["layer_readings"]))
    for layer in a["layer_readings"]:
        out += struct.pack("<I", len(layer)) + b"".join(map(f32, layer))
    out += struct.pack("<I", len(a["confidence"])) + b"".join(map(f32, a["confidence"]))
    out += struct.pack("<I", len(a["coverage_flags"])) + bytes(map(int, a["coverage_flags"]))
    out += bytes([a["divergence_flag"]])
    if not whole:
        return out
    out += optional(a.get("parent_attestation_hash"), bytes.fromhex)
    out += optional(a.get("geometry_hash"), bytes.fromhex)
    out += optional(a.get("geometry_drift"), f32)
    scores = a.get("causal_scores", [])
    out += struct.pack("<I", len(scores))
    for score in scores:
        out += f32(score["delta_plus"]) + f32(score["delta_minus"]) + f32(score["consistency"])
        out += bytes([score["is_causal"]])
    out += optional(a.get("intervention_delta"), f32)
    out += optional(a.get("causal_flag"), lambda flag: bytes([flag]))
    out += struct.pack("<Q", a["sequence_number"])
    drifts = a.get("directional_drifts", [])
    out += struct.pack("<I", len(drifts))
    out += b"".join(text(d["probe_name"]) + f32(d["drift"]) for d in drifts)
    out += optional(a.get("probe_commitment"), bytes.fromhex)
    out += optional(a.get("density_reading"), density)
    out += optional(a.get("curvature_reading"), curvature)
    return out + optional(a.get("domain_scope_declaration"), domain)


def density(d) -> bytes:
    out = struct.pack("<I", len(d["points"]))
    out += b"".join(f32(p["log_density"]) + f32(p["dimension"]) for p in d["points"])
    out += f32(d["mean_dimension"]) + f32(d["std_dimension"]) + f32(d["mean_log_density"])
    return out + struct.pack("<II", d["k"], d["degenerate"])


def curvature(c) -> bytes:
    out = struct.pack("<I", len(c["points"]))
    out += b"".join(f32(p["curvature"]) + struct.pack("<I", p["triangles"]) for p in c["points"])
    out += f32(c["mean"]) + f32(c["std"]) + optional(c.get("correlation"), f32)
    return out + struct.pack("<II", c["k"], c["degenerate"])


def domain(d) -> bytes:
    modes = ["ReadOnly", "Advisory", "Cooperative", "Supervised"]
    out = text(d["primary"]) + struct.pack("<I", len(d["patterns"]))
    out += b"".join(text(p["pattern"]) + bytes([modes.index(p["mode"]) + 1]) for p in d["patterns"])
    return out + struct.pack("<I", len(d["exclusions"])) + b"".join(map(text, d["exclusions"]))


# Formats of ours.


def line(value) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"


def token_digest(salt: bytes, texts) -> bytes:
    out = b"assay/probe/tokens/v1" + salt + struct.pack("<I", len(texts))
    return sha256(out + b"".join(struct.pack(f"<I{len(t)}I", len(t), *t) for t in texts))


def statement(s: dict) -> bytes:
    """The payload, from its fields in the order of the page."""
    out = b"assay/probe/statement/v1" + text(s["model_id"]) + bytes([s["precision"]])
    for name in ("weights_root", "tokenizer", "chat_template", "tokens"):
        out += optional(s[name], bytes.fromhex)
    out += bytes.fromhex(s["activations"]) + bytes.fromhex(s["unembedding"]) + bytes([s["centred"]])
    out += optional(s["gain"], bytes.fromhex)
    out += struct.pack("<3d", s["jitter"], s["trace"], s["frobenius"])
    out += bytes.fromhex(s["probe_set"]) + struct.pack("<I", s["layer"])
    out += text(s["position_rule"]) + text(s["row_rule"]) + optional(s["rows"], bytes.fromhex)
    out += struct.pack("<I", len(s["probes"]))
    for p in s["probes"]:
        out += text(p["name"]) + bytes.fromhex(p["reader"]) + struct.pack("<2d", *p["platt"])
        out += struct.pack("<3I5d", *p["examples"], *p["figures"])
    out += bytes.fromhex(s["corpus"]) + struct.pack("<Q", s["split_seed"])
    out += optional(s["evaluation"], bytes.fromhex) + optional(s["causal"], bytes.fromhex)
    out += struct.pack(f"<I{len(s['positions'])}I", len(s["positions"]), *s["positions"])
    out += struct.pack(f"<{len(s['readings'])}d", *s["readings"])
    out += text(s["engine"]) + optional(s["nonce"], bytes.fromhex)
    out += struct.pack("<QQ", s["issued_at"], s["expires_at"])
    return out + optional(s["previous"], bytes.fromhex) + bytes.fromhex(s["key_id"])


KIND = "application/vnd.assay.probe.statement"


def envelope(seed: bytes, payload: bytes) -> str:
    signed = f"DSSEv1 {len(KIND)} {KIND} {len(payload)} ".encode() + payload
    public, signature = sign(seed, signed)
    return line(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": KIND,
            "signatures": [
                {"keyid": sha256(public).hex(), "sig": base64.b64encode(signature).decode()}
            ],
        }
    )
