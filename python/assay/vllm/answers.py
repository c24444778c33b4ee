"""What an engine's front has of an answer: its signature, or why there is none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DecodeError, InputError, one_line
from ..json_text import parse_json
from ..toploc import Signature
from . import seams
from .settings import Settings

FORMAT = "assay/vllm/proofs/v1"


@dataclass(frozen=True)
class Answer:
    """One answer of vLLM, with its proofs or without.

    Attributes:
        choice: Which of several answers to one prompt.
        signature: Its tokens and proofs; None where there are no proofs.
        reason: Why there are none; else "".
        missing_prompt_rows: Tokens of the prompt, from the first, that a cache held already, so
            that no rows of them were computed. The proofs need none of these.
        adapter: Name of the LoRA adapter that it was made with, or "".
        question: Which of several prompts that were asked at once.
    """

    choice: int
    signature: Signature | None
    reason: str = ""
    missing_prompt_rows: int = 0
    adapter: str = ""
    question: int = 0

    @property
    def proofs(self) -> list[bytes]:
        """The proofs.

        Raises:
            InputError: There are none.
        """
        if self.signature is None:
            raise InputError("mismatch", "proofs", f"the answer has none: {self.reason}")
        return self.signature.proofs

    def as_json(self) -> dict[str, object]:
        """As servers say it; the signature is a string, so that its bytes stay as they are."""
        place: dict[str, object] = {"question": self.question, "choice": self.choice}
        if self.signature is None:
            return {**place, "without_proofs": self.reason}
        return {
            **place,
            "missing_prompt_rows": self.missing_prompt_rows,
            "adapter": self.adapter,
            "signature": self.signature.encode().decode(),
        }


def answer_of(
    finished: seams.Finished,
    taken: Mapping[str, Any],
    settings: Settings,
    engine: Mapping[str, Any],
) -> Answer:
    """An answer as the front and a worker know it.

    Args:
        finished: What the front has.
        taken: What the worker gave.
        settings: What was asked for.
        engine: What runs the model.
    """
    if "reason" in taken:
        return without_proofs(finished, taken["reason"])
    try:
        signature = Signature(
            model=str(engine["model"]).rstrip("/").rpartition("/")[2] or "model",
            dtype=engine["dtype"],
            attention=engine["attention"],
            prompt=finished.prompt,
            prompt_token_ids=finished.prompt_token_ids,
            output_token_ids=finished.output_token_ids,
            parameters=settings.shape,
            proofs=[bytes(proof) for proof in taken["proofs"]],
        )
        signature.encode()
    except (InputError, KeyError, TypeError) as error:
        return without_proofs(finished, one_line(error))
    missing = int(taken["missing_prompt_rows"])
    return Answer(finished.choice, signature, "", missing, finished.adapter, finished.question)


def without_proofs(finished: seams.Finished, reason: str) -> Answer:
    """An answer without proofs."""
    return Answer(finished.choice, None, reason, 0, finished.adapter, finished.question)


def read_answers(given: str | bytes | Mapping[str, Any]) -> list[Answer]:
    """The answers of a server's reply, or of the field `assay` of a response.

    Args:
        given: Text of JSON, or what a client has parsed it to. Nothing about it is trusted.

    Raises:
        DecodeError: It is no such object, or a signature in it is not one.
    """
    place = "answers"
    if isinstance(given, bytes):
        given = given.decode("utf-8", "replace")
    value: Any = parse_json(given, place) if isinstance(given, str) else given
    listed = value.get("answers") if isinstance(value, Mapping) else None
    if not isinstance(listed, Sequence) or value.get("format") != FORMAT:
        raise _malformed(f'not an object with "format": "{FORMAT}" and a list "answers"')
    return [_read(entry) for entry in listed]


def _read(entry: Any) -> Answer:
    if not isinstance(entry, Mapping):
        raise _malformed("one of them is no object")
    question, choice = entry.get("question"), entry.get("choice")
    if type(question) is not int or type(choice) is not int:
        raise _malformed("one of them has no numbers of question and choice")
    if isinstance(entry.get("without_proofs"), str):
        return Answer(choice, None, entry["without_proofs"], question=question)
    text, missing = entry.get("signature"), entry.get("missing_prompt_rows")
    adapter = entry.get("adapter")
    if not (isinstance(text, str) and type(missing) is int and isinstance(adapter, str)):
        raise _malformed(f"answer {choice} has neither a signature nor a reason")
    signature = Signature.decode(text.encode("utf-8", "surrogatepass"), f"answer {choice}")
    return Answer(choice, signature, "", missing, adapter, question)


def told(answers: Sequence[Answer], asked_as: str) -> dict[str, object]:
    """All answers to what was asked under one name, as servers say it."""
    return {"format": FORMAT, "id": asked_as, "answers": [one.as_json() for one in answers]}


def told_bytes(answers: Sequence[Answer], asked_as: str) -> bytes:
    """The same as bytes."""
    return json.dumps(told(answers, asked_as), ensure_ascii=False).encode()


def _malformed(reason: str) -> DecodeError:
    return DecodeError("malformed", "answers", reason)
