// The verifier's side of a claim: every question about proofs of a commitment, in one order.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assay/claim.h"
#include "assay/prover.h"
#include "assay/pst.h"

namespace assay::claim {

/// The SRS digests that a verifier has reason to quote the label of: a text of lines "<64 hex digits>
/// <label>"; lines that are empty or start with '#' are kept and mean nothing. The label is a reminder for
/// people; nothing is decided by it.
class TrustList {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

  /// Errors: kMalformed (a line that is neither; no line break at the end), kTooLarge.
  static Result<TrustList> parse(std::string_view text, std::string_view place);
  static Result<TrustList> read(const std::filesystem::path& path);  ///< a missing file is an empty list
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  [[nodiscard]] std::string to_text() const;

  /// Nothing changes where the digest is there already. Of a label only printable ASCII is kept, 64
  /// characters at most.
  void add(const Digest& digest, std::string_view label = "unlabelled");
  [[nodiscard]] bool contains(const Digest& digest) const;

 private:
  std::vector<std::string> lines_;
  std::vector<Digest> digests_;
};

/// How the verifier may speak of an SRS: its label when the digest is in the list, else "SRS unverified" and
/// why.
[[nodiscard]] std::string describe_srs(const pst::VerifierKey& key, const TrustList& trusted);

/// The questions that depend on the scheme, under the verifier's own public parameters.
class Checker {
 public:
  virtual ~Checker() = default;
  [[nodiscard]] virtual Scheme scheme() const = 0;
  /// What the checks rest on: who made the parameters.
  [[nodiscard]] virtual std::string assumption(const TrustList& trusted) const = 0;
  /// Whether a valid header of the scheme goes with the parameters.
  [[nodiscard]] virtual Verdict check_setup(const Header& header) const = 0;
  /// Whether the evidence shows all values. The header and the queries were found good. The item of a
  /// rejection is the proof whose evidence has not the form; where an equation over all proofs fails,
  /// find_false() tells which.
  [[nodiscard]] virtual Verdict check_evidence(const Commitment& commitment, const Proofs& proofs,
                                               const World& world) const = 0;
  /// Which proofs do not hold by themselves, ascending, `most` of them at most. Asked where an equation over
  /// all of them fails.
  [[nodiscard]] virtual std::vector<std::size_t> find_false(const Commitment& commitment,
                                                            const Proofs& proofs, std::size_t most,
                                                            const World& world) const = 0;
};

/// The checker of the scheme `tensor`. Steps of check_setup: "SRS digest", "axes"; of check_evidence:
/// "commitment value", "proof shape", "proof points", "opening equation", "random weights" (inconclusive).
class TensorChecker final : public Checker {
 public:
  explicit TensorChecker(pst::VerifierKey key) : verifier_(std::move(key)) {}
  [[nodiscard]] const pst::VerifierKey& key() const { return verifier_.key(); }
  [[nodiscard]] const pst::Verifier& verifier() const { return verifier_; }
  [[nodiscard]] Scheme scheme() const override { return Scheme::kTensor; }
  [[nodiscard]] std::string assumption(const TrustList& trusted) const override {
    return describe_srs(key(), trusted);
  }
  [[nodiscard]] Verdict check_setup(const Header& header) const override;
  [[nodiscard]] Verdict check_evidence(const Commitment& commitment, const Proofs& proofs,
                                       const World& world) const override;
  [[nodiscard]] std::vector<std::size_t> find_false(const Commitment& commitment, const Proofs& proofs,
                                                    std::size_t most, const World& world) const override;

 private:
  pst::Verifier verifier_;
};

/// Values that the verifier has itself, to hold opened ones against.
struct Captured {
  tensor::IntegerArray values;  ///< laid out as the commitment's header says, where there is no fault
  std::string fault;            ///< why they are not of the committed layers; else empty
};

/// Arrays as the header's encoding and layout have them. A lone array without a name takes that of the
/// header's one layer, and a layer without tap takes the header's. Integers without a name, in the shape of
/// the axes, are taken as the committed ones themselves. Layers, dtype, shape or taps that are not the
/// header's are a fault, which verify() rejects. Errors: those of the encoding (an infinity, a NaN), after
/// `place`.
[[nodiscard]] Result<Captured> captured_like(const Header& header, const Arrays& arrays, const Taps& taps,
                                             std::string_view place);

/// The same of a tensor that was made ready to be committed to.
[[nodiscard]] Captured captured_like(const Header& header, const Subject& subject);

/// The same of a file. Errors: those of the readers as well.
[[nodiscard]] Result<Captured> read_captured(const Header& header, const std::filesystem::path& path);

struct VerifyOptions {
  TrustList trusted;                      ///< digests of SRSs whose label may be quoted
  std::optional<Digest> expected_digest;  ///< the commitment digest that was agreed on before
  const Challenge* challenge = nullptr;   ///< what was asked for
  const Captured* captured = nullptr;     ///< what the verifier has itself
  const World* world = &World::system();
};

/// A verdict, and what is known of the single proofs.
struct Verification {
  Verdict verdict;
  /// Where the opening equation failed: the proofs that do not hold by themselves, ascending, kMaxFalse at
  /// most.
  std::vector<std::size_t> false_proofs;
  /// Whether each opened value is the captured one, none where that was not asked; empty where nothing was
  /// compared.
  std::vector<std::optional<bool>> matches;

  static constexpr std::size_t kMaxFalse = 256;

  /// Whether proof k holds by itself; none where that was not found out.
  [[nodiscard]] std::optional<bool> verified(std::size_t k) const;
};

/// Every question about proofs of a commitment, the cheap ones first. Steps, in order: "no proofs"
/// (inconclusive), "header", "scheme", those of checker.check_setup, "commitment digest", "expected digest",
/// "challenge", "proof shape" (a query outside the axes, an entry not written as one, a query twice), "value
/// range", "padding" (of a model layout opens to 0), "captured tensor" (other layers, dtype, shape or taps),
/// those of checker.check_evidence, "captured values" (inconclusive where the memory to interpolate them is
/// missing). The item is the index of the proof. Figures: "proofs", "padding positions", "commitment digest",
/// "compared"; of a rejection about a proof "point", about several "false proofs", and of captured values
/// "place", "opened" and "captured".
[[nodiscard]] Verification verify(const Commitment& commitment, const Proofs& proofs, const Checker& checker,
                                  const VerifyOptions& options = {});

// ---- The prover's own check

/// What prove_checked() made, what the check found, and how long each took.
struct CheckedProofs {
  Proofs proofs;
  Verification found;
  double prove_seconds = 0;
  double verify_seconds = 0;
};

/// Proves, verifies what came out, and only then keeps: quotients that did not verify never get into `kept`,
/// where they would spoil later proofs. `kept` is taken from as well. Where `captured` is given, opened
/// values are compared with it, and a difference is the verdict's to tell. Errors: as prove(); kMismatch
/// where a proof does not verify, with its point: the values are then not the committed ones, or what is kept
/// was changed.
[[nodiscard]] Result<CheckedProofs> prove_checked(const pst::Srs& srs, const Commitment& commitment,
                                                  const IntegerView& values, std::span<const Query> queries,
                                                  pst::KeptQuotients* kept = nullptr,
                                                  const Captured* captured = nullptr);

}  // namespace assay::claim
