"""Open commitments to rows of layers, with the rows that were kept."""

from ..commitments import Commitment
from ..errors import DecodeError, InputError, one_line
from ..tensors import Tensor, encode


def kept_tensor(rows: bytes, commitment: Commitment) -> Tensor:
    """What a commitment of an answer was made of, to open it with.

    Whether it is that shows when something is opened: proofs of other values do not verify.

    Args:
        rows: `Answer.rows`, or the content of a file `.safetensors` of a server's folder.
        commitment: That was made of them.

    Raises:
        DecodeError: The bytes are no safetensors file.
        InputError: Its layers, or their shapes, are not those of the commitment ("mismatch").

    >>> proofs = commitment.open(challenge, kept_tensor(rows, commitment), srs)  # doctest: +SKIP
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(rows)
    except SafetensorError as error:
        raise DecodeError("malformed", "rows", one_line(error)) from error
    layers = commitment.header.layers
    if set(tensors) != {layer.name for layer in layers}:
        raise InputError("mismatch", "rows", "are of other layers than the commitment")
    whole = {}
    for layer in layers:
        came = tensors[layer.name]
        if came.ndim != 3 or came.shape[1] > layer.shape[1] or came.shape[2] != layer.shape[2]:
            reason = f"of shape {tuple(came.shape)}, the commitment has {layer.shape}"
            raise InputError("mismatch", f"rows of {layer.name}", reason)
        # Behind the last token of the answer there are zeros.
        whole[layer.name] = torch.zeros(layer.shape, dtype=came.dtype)
        whole[layer.name][:, : came.shape[1]] = came
    taps = {layer.name: layer.tap for layer in layers}
    return encode(whole, capture_mode="decode", taps=taps)
