"""The EVM's precompiled contracts over BN254 (alt_bn128), byte for byte: EIP-196 and EIP-197.

Numbers are big-endian, 32 bytes each. A point of G1 is x, y; a point of G2 is the imaginary part of
x, its real part, the imaginary part of y, its real part; all zeros is the point at infinity. Where
a contract fails and takes all gas, these functions raise.
"""

from . import _core
from .arguments import whole_bytes

__all__ = ["ec_add", "ec_mul", "ec_pairing"]


def ec_add(data: bytes) -> bytes:
    """Add two points of G1, as the contract at address 6.

    Args:
        data: Two points, 128 bytes. Zeros are appended to shorter input, what is beyond is ignored.

    Returns:
        A point, 64 bytes.

    Raises:
        DecodeError: A coordinate is not below the field's prime, or a point is off the curve.

    >>> generator = (1).to_bytes(32) + (2).to_bytes(32)
    >>> ec_add(generator) == generator  # infinity added
    True
    """
    return _core.ec_add(whole_bytes(data))


def ec_mul(data: bytes) -> bytes:
    """Multiply a point of G1 by a scalar, as the contract at address 7.

    Args:
        data: A point and any number of 256 bits, 96 bytes. Zeros are appended to shorter input,
            what is beyond is ignored.

    Returns:
        A point, 64 bytes.

    Raises:
        DecodeError: As `ec_add`.

    >>> generator = (1).to_bytes(32) + (2).to_bytes(32)
    >>> ec_mul(generator + (2).to_bytes(32)) == ec_add(generator + generator)
    True
    """
    return _core.ec_mul(whole_bytes(data))


def ec_pairing(data: bytes) -> bytes:
    """Check that a product of pairings is one, as the contract at address 8.

    Args:
        data: Pairs of a point of G1 and a point of G2, 192 bytes each. No pair is a product of one.

    Returns:
        32 bytes, the number 1 or 0.

    Raises:
        DecodeError: The length is not a multiple of 192, a coordinate is not below the field's
            prime, or a point is off its curve or outside the subgroup of order r.

    >>> int.from_bytes(ec_pairing(b""))
    1
    """
    return _core.ec_pairing(whole_bytes(data)).to_bytes(32)
