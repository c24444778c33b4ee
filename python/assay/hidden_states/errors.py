"""What can go wrong in a capture; every message is one line that says where and what to do."""

from ..errors import Error


class CaptureError(Error):
    """Bad input, or a capture that could not be made. Base of the errors below."""


class ModelError(CaptureError):
    """A model or its tokenizer was not found, could not be loaded or could not run."""


class LayoutError(CaptureError):
    """The model is not built in a way whose hidden states can be taken while it generates."""


class NonFiniteError(CaptureError):
    """A hidden state holds NaN or an infinity."""


class StreamError(CaptureError):
    """A commitment that was being made while the model ran could not be made."""


class SaveError(CaptureError):
    """An output file could not be written."""


def one_line(error: BaseException, limit: int = 300) -> str:
    """The text of `error` with its line breaks folded, cut after `limit` characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."
