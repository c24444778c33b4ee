"""What provider and verifier of an audit do with files: keys, challenges, openings, the verdict."""

from collections.abc import Sequence
from os import PathLike
from typing import Literal, NamedTuple, Self, TypeAlias

from .. import _core
from ..arguments import digest_of, path_of, real, require, unsigned, unsigned_all, whole_bytes
from ..errors import InputError
from ..filed import Readable
from .choosing import Layers, choice_of

Path: TypeAlias = str | PathLike[str]
Dtype: TypeAlias = Literal["bfloat16", "float16", "float32", "float64"]

NO_NONCE = bytes(32)


class Head(Readable):
    """What a provider signed at the end of a run: a commitment to all rows, in some kilobytes.

    Who signed it is for `challenge` and `check`; all that it says is the provider's word.

    Attributes:
        digest: That a challenge names, 64 hexadecimal digits.
        run: Its random id, likewise; the name of the run's folder.
        request: Digest of what was asked, likewise.
        nonce: The verifier's, 32 bytes.
        manifest: Root of the weights, 64 hexadecimal digits.
        engine: How the model was run, in one line.
        steps: Tokens of the answer.
        rows: Of all steps.
        drops: Rows that are not there.
    """

    _kind = _core.AuditHead

    def __init__(self, native: _core.AuditHead) -> None:
        super().__init__(native)
        self.digest = native.digest.hex()
        self.run = native.run.hex()
        self.request = native.request.hex()
        self.nonce = native.nonce
        self.manifest = native.manifest.hex()
        self.engine = native.engine
        self.steps = native.steps
        self.rows = native.rows
        self.drops = native.drops


class Request(Readable):
    """What was asked of the provider, and what it answered: the verifier's own record.

    Attributes:
        digest: Of prompt and sampling, 64 hexadecimal digits: what a head says.
        nonce: The verifier's, 32 bytes.
        prompt_token_ids: At most 60,000.
        output_token_ids: Likewise.
        sampling: "greedy", or how tokens were chosen, in one line.
    """

    _kind = _core.AuditRequest

    def __init__(self, native: _core.AuditRequest) -> None:
        super().__init__(native)
        self.digest = native.digest.hex()
        self.nonce = native.nonce
        self.prompt_token_ids: list[int] = native.prompt_token_ids
        self.output_token_ids: list[int] = native.output_token_ids
        self.sampling = native.sampling

    @classmethod
    def of(
        cls,
        prompt_token_ids: Sequence[int],
        output_token_ids: Sequence[int],
        *,
        nonce: bytes = NO_NONCE,
        sampling: str = "greedy",
    ) -> Self:
        """Write down a request and its answer.

        Raises:
            InputError: No tokens or too many, ids that are not below 2**32, or a nonce that has
                not 32 bytes.
        """
        asked = unsigned_all(prompt_token_ids, "prompt_token_ids", 32)
        answered = unsigned_all(output_token_ids, "output_token_ids", 32)
        require("sampling", sampling, str)
        return cls(_core.AuditRequest(whole_bytes(nonce, "nonce"), asked, answered, sampling))


class Challenge(Readable):
    """What a verifier asks to see.

    Attributes:
        digest: 64 hexadecimal digits.
        head: The digest of the head that it is about, likewise.
        steps: Of the run, ascending: each produced a token, of which all wires are asked for.
        attention: Pairs of a step and a block whose attention is looked at, ascending.
    """

    _kind = _core.AuditChallenge

    def __init__(self, native: _core.AuditChallenge) -> None:
        super().__init__(native)
        self.digest = native.digest.hex()
        self.head = native.head.hex()
        self.steps: list[int] = native.steps
        self.attention: list[tuple[int, int]] = native.attention

    def miss_bound(self, share: float = 0.1) -> float:
        """Probability that none of its steps is among the cheated ones: (1 - share) ** steps.

        Args:
            share: Of the run's tokens, that the cheat is in; between 0 and 1.
        """
        return _core.audit_miss_bound(real(share, "share"), len(self.steps))


class Openings(Readable):
    """A provider's answer to a challenge: rows, and what leads from them to the head.

    Read from a file, it is mapped: the file must stay as it is.

    Attributes:
        challenge: The digest of the challenge that is answered, 64 hexadecimal digits.
        steps: That rows are opened of, ascending.
        rows: How many there are.
    """

    _kind = _core.AuditOpenings

    def __init__(self, native: _core.AuditOpenings) -> None:
        super().__init__(native)
        self.challenge = native.challenge.hex()
        self.steps: list[int] = native.steps
        self.rows = native.rows


class Tally(NamedTuple):
    """How the challenges of one provider ended: each counts once, by its last outcome.

    Attributes:
        accepted: How many.
        rejected: How many.
        inconclusive: How many.
        missing: Of the rejected: not answered, or not in full.
    """

    accepted: int
    rejected: int
    inconclusive: int
    missing: int


def enroll(
    weights: Path,
    out: Path,
    *,
    manifest: str | None = None,
    dtype: Dtype = "bfloat16",
    vectors: int = 8,
    epochs: int = 1,
) -> list[str]:
    """Make secret keys of a model's weights, to check its products without them.

    Whoever knows a key can make rows that pass it. So keys are files of mode 0600 of their maker's,
    and nothing else.

    Args:
        weights: Your own copy of the model: a folder, as `save_pretrained` writes it.
        out: The keys are `out.0`, `out.1`, ..
        manifest: Root of these weights, 64 hexadecimal digits; None: all of them are hashed.
        dtype: That the model computes in.
        vectors: Secret vectors for each layer, at most 64; a key has at most 16 MiB.
        epochs: Keys, at most 64. One ends with its first rejection.

    Returns:
        The paths of the keys.

    Raises:
        InputError: Options out of range, or a file that could not be written ("io").
        DecodeError: A folder that holds no model that can be read.
    """
    require("dtype", dtype, str)
    return _core.audit_enroll(
        path_of(weights, "weights"),
        dtype,
        None if manifest is None else digest_of(manifest, "manifest"),
        unsigned(vectors, "vectors", 32),
        unsigned(epochs, "epochs", 32),
        path_of(out, "out"),
    )


def challenge(
    head: Head,
    provider: Path,
    record: Path,
    *,
    tokens: int | None = None,
    risk: float | None = None,
    share: float = 0.1,
    attention_blocks: int = 2,
    layers: Layers = "all",
    weights: Path | None = None,
    key: Path | None = None,
    manifest: str | None = None,
    dtype: Dtype = "bfloat16",
) -> Challenge:
    """Draw what a provider is to open, from the system's randomness, once its head lies here.

    With `weights` or `key` no blocks are drawn where the model's attention is not checked; with
    neither it is not known whether it is.

    Args:
        head: Of the run. Whoever draws before it is there lets the provider choose its rows.
        provider: The file of its public key.
        record: Your folder of what was drawn: for a head once, for one head of a nonce.
        tokens: How many are opened; all where there are fewer.
        risk: In place of `tokens`: with what probability a cheat in `share` of them may be missed.
        share: Between 0 and 1.
        attention_blocks: For each token, how many blocks have their attention checked.
        layers: The blocks that are recorded, as `check` takes them.
        weights, key, manifest, dtype: As `check` has them.

    Raises:
        InputError: One was drawn before; the head is another provider's or of another model
            ("mismatch"); not one of `tokens` and `risk` ("malformed"); numbers out of range.
    """
    require("head", head, Head)
    reference = None
    if weights is not None or key is not None:
        reference = _reference(weights, key, manifest, dtype)
    return Challenge(
        _core.audit_draw(
            head._native,
            path_of(provider, "provider"),
            path_of(record, "record"),
            0 if tokens is None else unsigned(tokens, "tokens"),
            0.0 if risk is None else real(risk, "risk"),
            real(share, "share"),
            unsigned(attention_blocks, "attention_blocks", 32),
            choice_of(layers),
            reference,
        )
    )


def open_run(run: Path, challenge: Challenge) -> Openings:
    """Answer a challenge from the files that the recorder left of a run.

    Args:
        run: The run's folder.
        challenge: Of the verifier.

    Raises:
        InputError: A challenge about another head ("mismatch"), or of a step or block that the run
            does not have.
        DecodeError: A folder that is not a whole run.
    """
    require("challenge", challenge, Challenge)
    return Openings(_core.audit_open_run(path_of(run, "run"), challenge._native))


def check(
    head: Head,
    request: Request,
    challenge: Challenge,
    openings: Openings | None,
    provider: Path,
    *,
    weights: Path | None = None,
    key: Path | None = None,
    manifest: str | None = None,
    dtype: Dtype = "bfloat16",
    profile: _core.AuditProfile | None = None,
    share: float = 0.1,
    layers: Layers = "all",
    record: Path | None = None,
) -> _core.Verdict:
    """Decide whether a run computed what the model computes, as far as the challenge looks.

    Args:
        head: Of the run.
        request: What you asked, and the tokens that you got.
        challenge: That you drew.
        openings: The provider's answer; None: there was none in time.
        provider: The file of its public key.
        weights: Your own copy of the model, a folder: products are recomputed.
        key: In place of `weights`: the file of a key, with which they are checked statistically. A
            rejection at "product" or "logits" ends its epoch; its maker goes on with the next.
        manifest: Root of `weights`, 64 hexadecimal digits; None: all of them are hashed.
        dtype: That the model of `weights` computes in.
        profile: How honest runs round for your dtype, device and kernel, as `calibrate` measures
            it; the verdict names it.
        share: Of the tokens, that a cheat is in, for the verdict to say how likely it is missed.
        layers: The blocks that the provider was to record: "all", "1/8" (every eighth from block 0
            on), "0,8,16-19", or their numbers. A head of any other choice is rejected.
        record: Your folder of what was drawn: then the challenge must be the one drawn there, and
            the outcome is noted (`tally`). Without it the verdict says that nothing shows who drew
            the challenge.

    Returns:
        Accepted; or rejected or inconclusive, with the step that failed: "head", "missing",
        "inclusion", "drops", "token", "product", "logits", "chain", "attention". Figures say what
        share of products and attention was opened; notes say what was not checked.

    Raises:
        InputError: Not one of `weights` and `key` ("malformed"); files that are not of each other,
            or of another model ("mismatch"); a row with NaN or Inf ("out_of_range").
        DecodeError: A folder, or a key, that cannot be read.
    """
    for name, given, kind in (
        ("head", head, Head), ("request", request, Request), ("challenge", challenge, Challenge),
        ("openings", openings, Openings | None), ("profile", profile, _core.AuditProfile | None),
    ):  # fmt: skip
        require(name, given, kind)
    return _core.audit_check(
        head._native,
        None if openings is None else openings._native,
        path_of(provider, "provider"),
        request._native,
        challenge._native,
        _reference(weights, key, manifest, dtype),
        profile,
        real(share, "share"),
        choice_of(layers),
        None if record is None else path_of(record, "record"),
    )


def tally(record: Path, provider: Path) -> Tally:
    """How the challenges of a provider ended, as a record of `check` has them.

    Args:
        record: Your folder.
        provider: The file of its public key.

    Raises:
        InputError: A file that could not be read.
    """
    return Tally(*_core.audit_tally(path_of(record, "record"), path_of(provider, "provider")))


def _reference(
    weights: Path | None, key: Path | None, manifest: str | None, dtype: Dtype
) -> _core.AuditReference:
    if (weights is None) == (key is None):
        raise InputError("malformed", "", "give one of weights and key")
    require("dtype", dtype, str)
    if weights is not None:
        root = None if manifest is None else digest_of(manifest, "manifest")
        return _core.AuditReference.of_folder(path_of(weights, "weights"), dtype, root)
    assert key is not None  # noqa: S101 - one of them is there
    return _core.AuditReference.of_key(path_of(key, "key"))
