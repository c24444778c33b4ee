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


def bfloat16_of(integer: int) -> float:
    """The bfloat16 whose bit pattern, read as a signed integer, is `integer`."""
    return float(struct.unpack("<f", struct.pack("<i", integer << 16))[0])
