"""Numbers in the words of a report."""

import struct


def count(number: int) -> str:
    """12345 as "12,345"."""
    return f"{number:,}"


def size(number: int) -> str:
    """A number of bytes, with a unit that leaves at most four digits."""
    value = float(number)
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def duration(seconds: float) -> str:
    """Seconds, or milliseconds below one."""
    return f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def bits_to_float(integer: int, dtype: str) -> float:
    """The number whose bit pattern, read as a signed integer, is `integer`.

    Args:
        integer: As the encoding "bits" gives it.
        dtype: "bfloat16", "float16" or "float32".
    """
    if dtype == "bfloat16":
        pattern = struct.pack("<i", integer << 16)
        return float(struct.unpack("<f", pattern)[0])
    if dtype == "float16":
        return float(struct.unpack("<e", struct.pack("<h", integer))[0])
    return float(struct.unpack("<f", struct.pack("<i", integer))[0])
