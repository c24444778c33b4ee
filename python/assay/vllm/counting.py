"""What a server's /metrics say of proofs."""

import importlib
from typing import Any

from .answers import Answer

KINDS = ("fingerprint", "commitment", "audit")


class _Counters:
    """Counters of the registry that vLLM's own are in."""

    def __init__(self) -> None:
        client = importlib.import_module("prometheus_client")

        def counter(name: str, about: str) -> Any:
            return client.Counter(f"assay_{name}", about)

        self.answers = counter("answers_with_proofs", "Answers that have proofs.")
        self.without = counter("answers_without_proofs", "Answers that have no proofs.")
        self.proofs = counter("proofs", "Proofs that were made.")
        self.bytes = counter("proof_bytes", "Bytes of proofs that were made.")
        self.fingerprints = counter("fingerprints", "Fingerprints that were made.")
        self.commitments = counter("commitments", "Commitments to rows of layers.")
        self.logs = counter("logs", "Logs of what the layers computed.")
        self.row_bytes = counter("row_bytes", "Bytes of rows that were committed to.")
        self.lacking = client.Counter(
            "assay_answers_without", "Answers with proofs and without what else was asked for.",
            ["kind"],
        )  # fmt: skip
        for kind in KINDS:
            self.lacking.labels(kind)
        self.unknown = counter("misses", "Questions for proofs of answers that are not known.")
        self.unstored = counter("unstored", "Answers whose proofs could not be stored.")
        self.seconds = client.Histogram(
            "assay_wait_seconds",
            "Seconds from the end of an answer until its proofs are there.",
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
        )


_COUNTERS: list[_Counters] = []


def counters() -> _Counters:
    """Those of this process: all from zero when its engine is made."""
    if not _COUNTERS:
        _COUNTERS.append(_Counters())
    return _COUNTERS[0]


def count_answer(answer: Answer, seconds: float) -> None:
    """An answer is whole, and its proofs are there after so many seconds, or will not be."""
    own = counters()
    own.seconds.observe(seconds)
    if answer.signature is None:
        own.without.inc()
        return
    own.answers.inc()
    own.proofs.inc(len(answer.signature.proofs))
    own.bytes.inc(sum(map(len, answer.signature.proofs)))
    own.fingerprints.inc(answer.fingerprint is not None)
    own.commitments.inc(answer.commitment is not None)
    own.logs.inc(answer.head is not None)
    own.row_bytes.inc(len(answer.rows or b""))
    for kind in KINDS:
        own.lacking.labels(kind).inc(kind in answer.without)


def count_unknown() -> None:
    """Somebody asked for proofs of an answer that is not known."""
    counters().unknown.inc()


def count_unstored() -> None:
    """Proofs could not be stored."""
    counters().unstored.inc()
