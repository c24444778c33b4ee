"""What can go wrong with an input. A rejected proof is not an error but a `Verdict`."""

from .printing import printable

FAILED = 2
"""The exit code of a command that could not do what was asked."""


class Error(Exception):
    """Base of the errors that assay raises."""


class InputError(Error, ValueError):
    """An input that cannot be used: a file, an array, an argument. Its text is printable.

    Attributes:
        code: "io", "malformed", "non_canonical", "too_large", "out_of_range", "mismatch" or
            "unsupported".
        place: The file, field or offset; may be empty.
        reason: One short clause.
    """

    def __init__(self, code: str, place: str, reason: str) -> None:
        super().__init__(code, place, reason)
        self.code = code
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.reason}" if self.place else self.reason)


class ArgumentError(Error, TypeError):
    """An argument of another kind than the function takes, as where two were swapped.

    Its text is printable.

    Attributes:
        place: The argument.
        reason: One short clause.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.reason}")


class DecodeError(InputError):
    """Bytes that could not be read.

    Not of their format (code "malformed"), not its one encoding of what they mean
    ("non_canonical"), or numbers in them that cannot be (the other codes, but never "io").
    """


class CaptureError(InputError):
    """A model that cannot be run as asked, or a capture that could not be made of it.

    Base of the errors below.
    """


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
    """The text of `error`, printable, with its line breaks folded, cut after `limit` characters."""
    text = printable(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."
