"""Writes the .gotact and .gotue vectors, from the layouts in docs/tensor.md alone.

usage: python vectors/tensor/make_got.py [DIRECTORY]
"""

import struct
import sys
from pathlib import Path

MODEL = "me/tïny"
LAYERS = (3, 7)
POSITIONS = (0, 2, 5)
WIDTH = 2


def value(layer: int, position: int, place: int) -> float:
    """A number that float32 holds exactly and that no other place has."""
    return layer * 100 + position * 10 + place + 0.5


def gotact(every: bool = False) -> bytes:
    """The file, or with `every` that of a script that puts the layer's index before each row."""
    name = MODEL.encode()
    out = b"GOTA" + struct.pack("<HI", 1, len(name)) + name
    out += struct.pack("<BIII", 2, WIDTH, len(LAYERS), len(POSITIONS))
    for layer in LAYERS:
        for index, position in enumerate(POSITIONS):
            if every or index == 0:
                out += struct.pack("<I", layer)
            out += struct.pack("<I", position)
            out += struct.pack(f"<{WIDTH}f", *(value(layer, position, at) for at in range(WIDTH)))
    return out


def gotue() -> bytes:
    """Five tokens of two values each."""
    return b"GOTU" + struct.pack("<HII", 1, 5, WIDTH) + struct.pack("<10f", *range(10))


def main() -> None:
    """Write the files beside this program, or where the argument says."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    (out / "rows.gotact").write_bytes(gotact())
    (out / "misaligned.gotact").write_bytes(gotact(every=True))
    (out / "rows.gotue").write_bytes(gotue())


if __name__ == "__main__":
    main()
