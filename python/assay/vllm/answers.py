"""What an engine's front has of an answer: its signature, or why there is none."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from .. import toploc
from ..audit import Head
from ..commitments import Commitment
from ..errors import DecodeError, InputError, one_line
from ..json_text import parse_json
from ..toploc import Signature
from .settings import Settings

if TYPE_CHECKING:
    from . import seams  # loads torch

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
        fingerprint: Bytes of the fingerprint of its states, where that was asked for.
        commitment: That to its rows of layers, where that was asked for.
        rows: A safetensors file of these rows, to open the commitment with: the provider's own,
            which no server tells.
        without: What else was asked for and is not there, "fingerprint", "commitment" or "audit",
            and why.
        head: The signed head of the log of what its layers computed (`assay.audit.Head`), where
            that was asked for. It says the name of the log's folder.
    """

    choice: int
    signature: Signature | None
    reason: str = ""
    missing_prompt_rows: int = 0
    adapter: str = ""
    question: int = 0
    fingerprint: bytes | None = None
    commitment: Commitment | None = None
    rows: bytes | None = None
    without: Mapping[str, str] = field(default_factory=dict)
    head: bytes | None = None

    @property
    def proofs(self) -> list[bytes]:
        """The proofs.

        Raises:
            InputError: There are none.
        """
        if self.signature is None:
            raise InputError("mismatch", "proofs", f"the answer has none: {self.reason}")
        return self.signature.proofs

    @property
    def fingerprint_seed(self) -> bytes:
        """The seed that the fingerprint of this answer must have.

        Raises:
            InputError: It has no signature ("mismatch").
        """
        if self.signature is None:
            raise InputError("mismatch", "fingerprint", f"the answer has none: {self.reason}")
        committed = [] if self.commitment is None else [self.commitment.digest]
        made = self.signature
        return toploc.fingerprint.answer_seed(
            made.prompt_token_ids, made.output_token_ids, made.proofs, committed
        )

    def as_json(self) -> dict[str, object]:
        """As servers say it; the signature is a string, so that its bytes stay as they are."""
        place: dict[str, object] = {"question": self.question, "choice": self.choice}
        if self.signature is None:
            return {**place, "without_proofs": self.reason}
        said = {
            **place,
            "missing_prompt_rows": self.missing_prompt_rows,
            "adapter": self.adapter,
            "signature": self.signature.encode().decode(),
        }
        if self.fingerprint is not None:
            said["fingerprint"] = base64.b64encode(self.fingerprint).decode()
        if self.commitment is not None:
            said["commitment"] = base64.b64encode(self.commitment.to_bytes()).decode()
        if self.head is not None:
            said["head"] = base64.b64encode(self.head).decode()
        if self.without:
            said["without"] = dict(self.without)
        return said


def answer_of(
    finished: "seams.Finished",
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
        missing = int(taken["missing_prompt_rows"])
        commitment = taken.get("commitment")
        return Answer(
            finished.choice, signature, "", missing, finished.adapter, finished.question,
            taken.get("fingerprint"),
            None if commitment is None else Commitment.from_bytes(commitment),
            taken.get("rows"),
            dict(taken.get("without", {})),
            taken.get("head"),
        )  # fmt: skip
    except (InputError, KeyError, TypeError) as error:
        return without_proofs(finished, one_line(error))


def without_proofs(finished: "seams.Finished", reason: str) -> Answer:
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
    if not isinstance(listed, (list, tuple)) or value.get("format") != FORMAT:
        raise _malformed(f'not an object with "format": "{FORMAT}" and a list "answers"')
    return [_read(entry) for entry in listed]


def _read(entry: Any) -> Answer:
    if not isinstance(entry, Mapping):
        raise _malformed("one of them is not an object")
    question, choice = entry.get("question"), entry.get("choice")
    if not (_is_count(question) and _is_count(choice)):
        raise _malformed("one of them has no numbers of question and choice")
    if isinstance(entry.get("without_proofs"), str):
        return Answer(choice, None, entry["without_proofs"], question=question)
    text, missing = entry.get("signature"), entry.get("missing_prompt_rows")
    adapter = entry.get("adapter")
    if not (isinstance(text, str) and _is_count(missing) and isinstance(adapter, str)):
        raise _malformed(f"answer {choice} has neither a signature nor a reason")
    signature = Signature.decode(text.encode("utf-8", "surrogatepass"), f"answer {choice}")
    fingerprint, commitment, head = (
        _bytes_of(entry, name) for name in ("fingerprint", "commitment", "head")
    )
    if head is not None:
        Head.from_bytes(head)
    if fingerprint is not None:
        toploc.fingerprint.Fingerprint.from_bytes(fingerprint)
    return Answer(
        choice, signature, "", missing, adapter, question, fingerprint,
        None if commitment is None else Commitment.from_bytes(commitment),
        None,
        _texts_of(entry.get("without", {}), choice),
        head,
    )  # fmt: skip


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _bytes_of(entry: Mapping[str, Any], name: str) -> bytes | None:
    text = entry.get(name)
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise _malformed(f"the {name} of one of them is not base64") from error


def _texts_of(given: Any, choice: int) -> dict[str, str]:
    if not (isinstance(given, Mapping) and all(isinstance(one, str) for one in given.values())):
        raise _malformed(f"answer {choice} does not say in words what there is not")
    return {str(name): reason for name, reason in given.items()}


def told(answers: Sequence[Answer], asked_as: str) -> dict[str, object]:
    """All answers to what was asked under one name, as servers say it."""
    return {"format": FORMAT, "id": asked_as, "answers": [one.as_json() for one in answers]}


def told_bytes(answers: Sequence[Answer], asked_as: str) -> bytes:
    """The same as bytes."""
    return json.dumps(told(answers, asked_as), ensure_ascii=False).encode()


def _malformed(reason: str) -> DecodeError:
    return DecodeError("malformed", "answers", reason)
