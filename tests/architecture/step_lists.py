"""The documented lists of verdicts' steps, with the functions behind each, for check_steps.py."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Steps:
    """A documented list, and where its steps come from.

    Attributes:
        file: The file that documents.
        at: In C++, a line below the comment begins with this; in Python, `function` or
            `Class.method`; on a page, a regular expression whose first group is the list, or the
            rows of a table.
        code: "path:function" for each function behind the list, or a path, for all in the file.
            What they mention in `within` counts too.
        within: Further files whose functions count when they are mentioned.
        includes: Words in the list that stand for another list, and the place of that.
        column: Of a table, the column with the steps, from 1.
        never: Steps of functions that are shared, of which the ones behind this list never come to
            those: their arguments rule them out.
    """

    file: str
    at: str
    code: tuple[str, ...]
    within: tuple[str, ...] = ()
    includes: tuple[tuple[str, tuple[str, str]], ...] = ()
    column: int = 1
    never: tuple[str, ...] = ()


MERKLE, PST, CLAIM, TOPLOC = "src/merkle/", "src/pst/", "src/claim/", "src/toploc/"
WEIGHTS, WEIGHTS_H = "src/weights/", "include/assay/weights_manifest.h"
PROOFS_JSON = "src/pipeline/proofs_json.cc"
SETUP, SETUP_H = "src/setup/", "include/assay/setup.h"
CEREMONY = (SETUP_H, "[[nodiscard]] Verdict check_ceremony(")
CONTRIBUTORS = (SETUP_H, "[[nodiscard]] Verdict check_contributors(")
SRS = ("include/assay/pst.h", "[[nodiscard]] Verdict verify_srs(")
PST_WITHIN = (PST + "verify.cc", PST + "relation.cc")
KZG, KZG_H = "src/kzg/", "include/assay/kzg.h"
KZG_WITHIN = tuple(KZG + name for name in ("verify.cc", "relation.cc", "statement_form.cc"))
KZG_CHECK = (KZG_H, "[[nodiscard]] Verdict check(")
KZG_POINTS = (KZG_H, "[[nodiscard]] Verdict check_points_of(")
KZG_CHECKER_WITHIN = (
    CLAIM + "evidence_search.h",
    *KZG_WITHIN,
    KZG + "opening_sum.cc",
    KZG + "verify_srs.cc",
)
# Under the scheme tensor alone, and under any.
TENSOR_WITHIN = (
    "include/assay/verifier.h",
    CLAIM + "tensor_checker.cc",
    CLAIM + "evidence_search.h",
    *PST_WITHIN,
    PST + "verify_srs.cc",
)
CLAIM_WITHIN = (
    *TENSOR_WITHIN,
    CLAIM + "kzg_checker.cc",
    CLAIM + "merkle_checker.cc",
    *KZG_CHECKER_WITHIN,
    MERKLE + "verify.cc",
    CLAIM + "captured_comparison.cc",
    CLAIM + "check_challenge.cc",
    CLAIM + "expectation.cc",
)
INCLUSION = ("include/assay/merkle.h", "[[nodiscard]] Verdict verify_inclusion(")
CHECK = ("include/assay/pst.h", "[[nodiscard]] Verdict check(")
LEVEL = ("include/assay/pst.h", "[[nodiscard]] Verdict check_level(")
CHECKER = ("include/assay/verifier.h", "class TensorChecker")
KZG_CHECKER = ("include/assay/claim_schemes.h", "class KzgChecker")
MERKLE_CHECKER = ("include/assay/claim_schemes.h", "class MerkleChecker")
# What rooms below ask of who calls them, and a checker has settled before.
NEVER_OF_CHECKERS = ("size", "statements", "tree shape", "index", "leaves")
VERIFY = ("include/assay/verifier.h", "[[nodiscard]] Verification verify(")
DECIDE = ("include/assay/toploc_verdict.h", "[[nodiscard]] Verdict decide(")
OFFER = ("include/assay/toploc_verdict.h", "[[nodiscard]] Result<Verdict> check_offer(")
AUDIT, PACKET_H = "src/audit/", "include/assay/audit_packet.h"
CHECK_PACKET = (PACKET_H, "[[nodiscard]] Verdict check_packet(")
TAKE_PACKET = (PACKET_H, "[[nodiscard]] Verdict take(const Packet")
PROOFS_CODE = (TOPLOC + "verification.cc:verify",)
VERIFY_PAGE = (
    "docs/claim.md",
    r"\| check \| grade \| step that fails [^\n]*\n\|[-|]+\|\n(.*?)\n\n",
)

AUDIT_CODE = (
    "src/audit/check.cc:check",
    "src/audit/check.cc:judge",
    "src/audit/check.cc:rejected_product",
    "src/audit/check.cc:check_head",
    "src/audit/check_openings.cc",
    "src/audit/check_chain.cc",
)

PROBE, PROBE_H = "src/probe/", "include/assay/probe_statement.h"
PROBE_CODE = tuple(
    PROBE + name for name in ("verify.cc", "check_bindings.cc", "check_evidence.cc", "causal.cc")
)

LISTS = (
    # probe
    Steps(PROBE_H, "[[nodiscard]] Result<Verdict> verify(", code=PROBE_CODE),
    Steps(
        "docs/probe.md",
        r"\| level \| steps that fail \|\n\|[-|]+\|\n(.*?)\n\n",
        code=PROBE_CODE,
        column=2,
    ),
    Steps(
        "include/assay/probe_causal.h",
        "[[nodiscard]] Verdict causal_verdict(",
        code=(PROBE + "causal.cc",),
    ),
    Steps(
        "include/assay/probe_attestation.h",
        "[[nodiscard]] Verdict verify_attestation(",
        code=(PROBE + "attestation.cc",),
    ),
    # audit
    Steps(
        "include/assay/audit_check.h",
        "[[nodiscard]] Result<Verdict> check(",
        code=AUDIT_CODE,
    ),
    Steps(
        "docs/audit.md",
        r"\*\*Verdict\.\*\* .*?\| step \| asks \| worth \|\n\|[-|]+\|\n(.*?)\n\n",
        code=AUDIT_CODE,
    ),
    Steps("python/assay/audit/verifying.py", "check", code=AUDIT_CODE),
    # weights
    Steps(
        WEIGHTS_H,
        "[[nodiscard]] Verdict check_root(",
        code=(WEIGHTS + "manifest.cc:check_root",),
    ),
    Steps(
        WEIGHTS_H,
        "[[nodiscard]] Result<Verdict> check_folder(",
        code=(WEIGHTS + "manifest.cc:check_folder",),
    ),
    Steps(
        WEIGHTS_H,
        "[[nodiscard]] Verdict verify_row(",
        code=(WEIGHTS + "row_opening.cc:verify_row",),
    ),
    Steps(
        "docs/weights.md",
        r"`verify_row` asks, in this order: (.*?)\n\n",
        code=(WEIGHTS + "row_opening.cc:verify_row",),
    ),
    Steps(
        "docs/weights.md",
        r"`check_folder` asks, in this order: (.*?)\n\n",
        code=(WEIGHTS + "manifest.cc:check_folder",),
    ),
    Steps(
        "python/assay/weights.py",
        "verify_row",
        code=(WEIGHTS + "row_opening.cc:verify_row",),
    ),
    Steps(
        "python/assay/weights.py",
        "Folder.check",
        code=(WEIGHTS + "manifest.cc:check_folder",),
    ),
    Steps(
        "python/assay/weights.py",
        "Manifest.check_root",
        code=(WEIGHTS + "manifest.cc:check_root",),
    ),
    # layers
    Steps(
        "include/assay/layers_results.h",
        "[[nodiscard]] Result<Verdict> check_selection(",
        code=("src/layers/results.cc",),
    ),
    Steps(
        "docs/layers.md",
        r"It rejects at one of these steps: (.*?)\n\n",
        code=("src/layers/results.cc",),
    ),
    # audit, sample mode
    Steps(*CHECK_PACKET, code=(AUDIT + "check_packet.cc",)),
    Steps(
        *TAKE_PACKET,
        code=(AUDIT + "sample_ledger.cc:follow", AUDIT + "check_packet.cc"),
        includes=(("those of check_packet()", CHECK_PACKET),),
    ),
    Steps(
        PACKET_H,
        "[[nodiscard]] Verdict take(const BareHeader",
        code=(AUDIT + "sample_ledger.cc:take",),
        within=(AUDIT + "check_packet.cc",),
        never=("sequence", "memory", "weight", "shape", "product"),
    ),
    Steps(
        PACKET_H,
        "[[nodiscard]] Verdict summary() const",
        code=(
            AUDIT + "sample_ledger.cc:summary",
            AUDIT + "sample_ledger.cc:follow",
            AUDIT + "check_packet.cc",
        ),
        includes=(("those of take()", TAKE_PACKET),),
    ),
    Steps(
        "docs/audit.md",
        r"\| step \| outcome \| \|\n\|[-|]+\|\n(.*?)\n\n",
        code=(AUDIT + "sample_ledger.cc", AUDIT + "check_packet.cc"),
        never=("packets",),
    ),
    # merkle
    Steps(*INCLUSION, code=(MERKLE + "verify.cc:verify_inclusion",), never=("leaves",)),
    Steps(
        "include/assay/merkle.h",
        "[[nodiscard]] Verdict verify_many(",
        code=(MERKLE + "verify.cc:verify_many",),
        includes=(("as above", INCLUSION),),
    ),
    Steps(
        "include/assay/merkle.h",
        "[[nodiscard]] Verdict verify_consistency(",
        code=(MERKLE + "verify.cc:verify_consistency",),
    ),
    Steps(
        "docs/merkle.md",
        r"A verdict that rejects names its step: (.*?)\n\n",
        code=(MERKLE + "verify.cc",),
    ),
    # setup
    Steps(*CEREMONY, code=(SETUP + "check_ceremony.cc:check_ceremony",)),
    Steps(*CONTRIBUTORS, code=(SETUP + "check_ceremony.cc:check_contributors",)),
    Steps(
        SETUP_H,
        "[[nodiscard]] Verdict check_powers(",
        code=(SETUP + "check_powers.cc:check_powers",),
        within=(SETUP + "check_ceremony.cc",),
        includes=(("those of check_ceremony()", CEREMONY),),
    ),
    Steps(
        "docs/setup.md",
        r"\| step \| says no because \|\n\|[-|]+\|\n(.*?)\n\n",
        code=(SETUP + "check_powers.cc", SETUP + "check_ceremony.cc"),
    ),
    Steps(
        "python/assay/ceremonies.py",
        "Ceremony.check",
        code=(SETUP + "check_ceremony.cc:check_ceremony",),
    ),
    Steps(
        "python/assay/ceremonies.py",
        "Powers.check",
        code=(SETUP + "check_powers.cc:check_powers",),
        within=(SETUP + "check_ceremony.cc",),
        includes=(("those of `Ceremony.check`", CEREMONY),),
    ),
    # pst
    Steps(*SRS, code=(PST + "verify_srs.cc:verify_srs",)),
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict verify_with_transcript(",
        code=(PST + "verify_transcript.cc:verify_with_transcript",),
        within=(SETUP + "check_ceremony.cc", PST + "verify_srs.cc"),
        includes=(("those of setup::check_ceremony()", CEREMONY), ("those of verify_srs()", SRS)),
    ),
    Steps(
        *LEVEL,
        code=(PST + "verify_srs.cc:check_level",),
    ),
    Steps(*CHECK, code=(PST + "verify.cc:check",), within=PST_WITHIN),
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict check_slice(",
        code=(PST + "verify.cc:check_slice",),
        within=(*PST_WITHIN, PST + "verify_srs.cc"),
        includes=(("those of check_level()", LEVEL), ("as check()", CHECK)),
    ),
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict check_parts(",
        code=(PST + "verify.cc:check_parts",),
        within=(*PST_WITHIN, PST + "verify_srs.cc"),
        includes=(
            ("as check_slice()", ("include/assay/pst.h", "[[nodiscard]] Verdict check_slice(")),
        ),
    ),
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict check_all(",
        code=(PST + "verify.cc:check_all",),
        within=PST_WITHIN,
        includes=(("those of check()", CHECK),),
    ),
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict add(",
        code=(PST + "verify.cc:add",),
        within=PST_WITHIN,
        never=("opening equation",),
    ),
    Steps(
        "docs/pst.md",
        r"## Is an SRS well formed\?.*?\n\n(.*?)\n\n## ",
        code=(PST + "verify_transcript.cc:verify_with_transcript",),
        within=(SETUP + "check_ceremony.cc", PST + "verify_srs.cc"),
    ),
    Steps(
        "python/assay/srs.py",
        "Srs.verify",
        code=(PST + "verify_transcript.cc:verify_with_transcript",),
        within=(SETUP + "check_ceremony.cc", PST + "verify_srs.cc"),
    ),
    # kzg
    Steps(
        KZG_H,
        "[[nodiscard]] Verdict verify_srs(",
        code=(KZG + "verify_srs.cc:verify_srs",),
        within=(KZG + "basis_check.cc",),
        never=("size",),
    ),
    *(
        Steps(
            file,
            at,
            code=("src/tree/verify.cc",),
            within=(*KZG_WITHIN, *PST_WITHIN, MERKLE + "verify.cc"),
            # What they ask of statements, shapes and leaves was asked before.
            never=("statements", "proof shape", "tree shape", "leaves", "old root", "new root"),
        )
        for file, at in (
            ("include/assay/tree.h", "[[nodiscard]] Verdict verify("),
            ("python/assay/tree.py", "verify"),
            ("docs/tree.md", r"A rejection names its step: (.*?)\. Each is asked"),
        )
    ),
    Steps(*KZG_POINTS, code=(KZG + "verify_srs.cc:check_points_of",)),
    Steps(*KZG_CHECK, code=(KZG + "verify.cc:check",), within=KZG_WITHIN),
    Steps(
        KZG_H,
        "[[nodiscard]] Verdict check_block(",
        code=(KZG + "verify.cc:check_block",),
        within=(*KZG_WITHIN, KZG + "verify_srs.cc"),
        includes=(("those of check_points_of", KZG_POINTS),),
    ),
    Steps(
        KZG_H,
        "[[nodiscard]] Verdict check_many(",
        code=(KZG + "verify.cc:check_many",),
        within=KZG_WITHIN,
    ),
    Steps(
        KZG_H,
        "[[nodiscard]] Verdict check_all(",
        code=(KZG + "verify.cc:check_all",),
        within=(*KZG_WITHIN, KZG + "opening_sum.cc"),
        includes=(("those of check()", KZG_CHECK),),
        never=("challenges", "proof shape"),
    ),
    # claim
    Steps(
        *CHECKER,
        code=(CLAIM + "tensor_checker.cc",),
        within=TENSOR_WITHIN,
    ),
    Steps(
        *KZG_CHECKER,
        code=(CLAIM + "kzg_checker.cc",),
        within=KZG_CHECKER_WITHIN,
        never=NEVER_OF_CHECKERS,
    ),
    Steps(
        *MERKLE_CHECKER,
        code=(CLAIM + "merkle_checker.cc",),
        within=(MERKLE + "verify.cc",),
        never=NEVER_OF_CHECKERS,
    ),
    Steps(
        "include/assay/claim_log.h",
        "[[nodiscard]] Verdict verify_log(",
        code=(CLAIM + "log.cc:verify_log",),
        within=("src/merkle/verify.cc",),
        never=("leaves",),
    ),
    Steps(
        "include/assay/verifier.h",
        "[[nodiscard]] Verdict verdict_of_all(",
        code=(CLAIM + "verify.cc:verdict_of_all",),
    ),
    Steps(
        *VERIFY,
        code=(CLAIM + "verify.cc:verify",),
        within=CLAIM_WITHIN,
        includes=tuple(
            (f"those of checker.{asked}", checker)
            for asked in ("check_setup", "check_evidence")
            for checker in (CHECKER, KZG_CHECKER, MERKLE_CHECKER)
        ),
        never=NEVER_OF_CHECKERS,
    ),
    Steps(
        *VERIFY_PAGE,
        code=(CLAIM + "verify.cc:verify",),
        within=CLAIM_WITHIN,
        column=3,
        never=NEVER_OF_CHECKERS,
    ),
    Steps(
        "python/assay/verification.py",
        "verify",
        code=(CLAIM + "verify.cc:verify",),
        within=CLAIM_WITHIN,
        never=NEVER_OF_CHECKERS,
    ),
    # pipeline
    Steps(
        "include/assay/pipeline.h",
        "[[nodiscard]] claim::Verification verify(const ProofsJson& proofs, const claim::T",
        code=(PROOFS_JSON + ":check_alone",),
        within=TENSOR_WITHIN,
        includes=(("those of checker.check_evidence", CHECKER),),
        never=("SRS digest", "commitment value"),
    ),
    Steps(
        "include/assay/pipeline.h",
        "[[nodiscard]] claim::Verification verify(const ProofsJson& proofs, const claim::C",
        code=(PROOFS_JSON + ":bind", CLAIM + "verify.cc:verify"),
        within=CLAIM_WITHIN,
        includes=(("those of claim::verify", VERIFY),),
        never=NEVER_OF_CHECKERS,
    ),
    Steps(
        "docs/pipeline.md",
        r"\*\*Alone\*\* it is.*?\n\|[-|]+\|\n(.*?)\n\n",
        code=(PROOFS_JSON + ":check_alone",),
        within=TENSOR_WITHIN,
        never=("commitment value", "levels", "level digests"),
    ),
    Steps(
        "docs/pipeline.md",
        r"\*\*Under a commitment\*\* .*?\n\|[-|]+\|\n(.*?)\n\n",
        code=(PROOFS_JSON + ":bind", CLAIM + "verify.cc:verify"),
        within=CLAIM_WITHIN,
        includes=(("those of [claim](claim.md)", VERIFY_PAGE),),
        never=NEVER_OF_CHECKERS,
    ),
    # toploc
    Steps(*DECIDE, code=(TOPLOC + "decision.cc:decide",)),
    Steps(*OFFER, code=(TOPLOC + "verification.cc:check_offer",)),
    Steps(
        "include/assay/toploc_verdict.h",
        "[[nodiscard]] Verdict check_answer(",
        code=(TOPLOC + "answer.cc:check_answer",),
    ),
    Steps(
        "docs/toploc.md",
        r"Its steps, in order: (.*?)\.\n",
        code=(TOPLOC + "answer.cc:check_answer",),
    ),
    Steps(
        "python/assay/toploc/verifying.py",
        "check_answer",
        code=(TOPLOC + "answer.cc:check_answer",),
    ),
    Steps(
        "include/assay/toploc_verdict.h",
        "[[nodiscard]] Result<Verification> verify(",
        code=PROOFS_CODE,
        within=(TOPLOC + "decision.cc",),
        includes=(("those of check_offer", OFFER), ("those of decide", DECIDE)),
    ),
    Steps(
        "include/assay/toploc_fingerprint.h",
        "[[nodiscard]] Result<Verdict> verify(",
        code=(TOPLOC + "fingerprint.cc:verify",),
    ),
    Steps(
        "docs/toploc.md",
        r"\| step \| asks \| worth \|\n\|[-|]+\|\n(.*?)\n\n",
        code=PROOFS_CODE,
        within=(TOPLOC + "decision.cc",),
    ),
    Steps(
        "docs/toploc.md",
        r"Steps of a fingerprint, in order: (.*?)\.\n",
        code=(TOPLOC + "fingerprint.cc:verify",),
    ),
    # Proofs alone say nothing of how they were made.
    Steps(
        "python/assay/toploc/verifying.py",
        "verify",
        code=PROOFS_CODE,
        within=(TOPLOC + "decision.cc",),
        never=("parameters", "shape"),
    ),
)
