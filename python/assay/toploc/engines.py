"""What a model is run with, by the names of the command line."""

from dataclasses import dataclass

# The names of transformers, by those that people say.
ATTENTION = {
    "sdpa": "sdpa",
    "eager": "eager",
    "flex": "flex_attention",
    "flash": "flash_attention_2",
}

DTYPES = ("bfloat16", "float16", "float32")


@dataclass(frozen=True)
class Engine:
    """How a model is run.

    Attributes:
        dtype: "bfloat16", "float16" or "float32".
        attention: A key of `ATTENTION`.
        device: "auto", "cpu", "cuda" or "mps".
    """

    dtype: str = "bfloat16"
    attention: str = "sdpa"
    device: str = "auto"

    def __str__(self) -> str:
        return f"{self.dtype}, {self.attention}"
