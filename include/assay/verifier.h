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
#include "assay/setup.h"

namespace assay::claim {

using setup::TrustList;

/// A commitment and what is said to be its openings. Both outlive it.
struct Claimed {
  const Commitment* commitment = nullptr;
  const Proofs* proofs = nullptr;
};

/// What a scheme finds of the evidence of one claim. The item of a rejection is the proof whose evidence has
/// not the form; where the form is right and the evidence false, `false_proofs` are those that do not hold by
/// themselves, ascending.
struct Evidence {
  Verdict verdict;
  std::vector<std::size_t> false_proofs;
};

/// The questions that depend on the scheme, under the verifier's own public parameters.
class Checker {
 public:
  virtual ~Checker() = default;
  [[nodiscard]] virtual Scheme scheme() const = 0;
  /// Of the parameters, where the scheme has any.
  [[nodiscard]] virtual std::optional<Digest> setup_digest() const = 0;
  /// What the checks rest on: who made the parameters.
  [[nodiscard]] virtual std::string assumption(const TrustList& trusted) const = 0;
  /// Whether the parameters by themselves are fit to be trusted: step "verifier key" where everybody knows
  /// their secrets. Takes longer than checking a proof.
  [[nodiscard]] virtual Verdict check_parameters() const = 0;
  /// Whether a valid header of the scheme goes with the parameters.
  [[nodiscard]] virtual Verdict check_setup(const Header& header) const = 0;
  /// Whether the evidence of each claim shows all its values. Headers and queries were found good. A scheme
  /// may ask all together. Of each claim `most` false proofs are looked for.
  [[nodiscard]] virtual std::vector<Evidence> check_all_evidence(std::span<const Claimed> claims,
                                                                 std::size_t most,
                                                                 const World& world) const = 0;
  /// The same of one claim.
  [[nodiscard]] Evidence check_evidence(const Commitment& commitment, const Proofs& proofs, std::size_t most,
                                        const World& world) const {
    const Claimed claim{&commitment, &proofs};
    return std::move(check_all_evidence({&claim, 1}, most, world)[0]);
  }
};

/// The checker of the scheme `tensor`. Steps of check_setup: "SRS digest", "axes"; of check_evidence:
/// "commitment value", "proof shape", "levels" (inconclusive: slices, and the verifier has not the level of
/// the SRS that is needed, or not the memory for more bases than kMaxBases), "level digests", "proof points",
/// "opening equation", "random weights" (inconclusive).
class TensorChecker final : public Checker {
 public:
  /// Of slices along different axes in one call: each takes the basis summed over them anew.
  static constexpr std::size_t kMaxBases = 16;

  /// Enough for entries and points.
  explicit TensorChecker(pst::VerifierKey key) : verifier_(std::move(key)) {}
  /// For slices too, which the verifier commits to itself: the level that it takes is compared with the
  /// digest in the verifier's part.
  explicit TensorChecker(pst::Srs srs) : verifier_(srs.verifier_key()), srs_(std::move(srs)) {}
  /// Of a verifier's part or of an SRS file. Errors: those of the readers.
  static Result<TensorChecker> read(const std::filesystem::path& path);
  [[nodiscard]] const pst::VerifierKey& key() const { return verifier_.key(); }
  [[nodiscard]] const pst::Verifier& verifier() const { return verifier_; }
  [[nodiscard]] const std::optional<pst::Srs>& srs() const { return srs_; }
  [[nodiscard]] Scheme scheme() const override { return Scheme::kTensor; }
  [[nodiscard]] std::optional<Digest> setup_digest() const override { return verifier_.digest(); }
  [[nodiscard]] std::string assumption(const TrustList& trusted) const override {
    return verifier_.describe_srs(trusted);
  }
  [[nodiscard]] Verdict check_parameters() const override { return pst::check_key(key()); }
  [[nodiscard]] Verdict check_setup(const Header& header) const override;
  /// One product of pairings for all; where it fails, halves are asked.
  [[nodiscard]] std::vector<Evidence> check_all_evidence(std::span<const Claimed> claims, std::size_t most,
                                                         const World& world) const override;

 private:
  pst::Verifier verifier_;
  std::optional<pst::Srs> srs_;
};

/// Values that the verifier has itself, to hold opened ones against. The header, by which they become
/// integers in a layout, is the other side's: nothing is laid out before the proofs have stood every other
/// question, and single values are read where they lie.
struct Captured {
  tensor::IntegerArray values;     ///< the tensor laid out, where the verifier has that
  std::string fault;               ///< why they are not of the committed layers; else empty
  Arrays layers = {};              ///< those of the header, where `values` are not given
  encode::Encoding encoding = {};  ///< by which they become integers

  /// The integers at these indices of the committed tensor; none for a value that has no integer in the
  /// encoding. The layout is the header's, and the indices lie within it.
  [[nodiscard]] std::vector<std::optional<Scalar>> at(const encode::Layout& layout,
                                                      std::span<const std::uint64_t> indices) const;
  /// The whole tensor. Errors: those of the encoding and of the layout.
  [[nodiscard]] Result<tensor::IntegerArray> laid_out(const encode::Layout& layout) const;
};

/// Arrays as the header's encoding and layout have them. A lone array without a name takes that of the
/// header's one layer, and a layer without tap takes the header's. Integers without a name, in the shape of
/// the axes, are taken as the committed ones themselves. Layers, dtype, shape or taps that are not the
/// header's are a fault, which verify() rejects. Errors: kOutOfRange (an infinity, a NaN), after `place`.
[[nodiscard]] Result<Captured> captured_like(const Header& header, const Arrays& arrays, const Taps& taps,
                                             std::string_view place);

/// The same of a tensor that was made ready to be committed to.
[[nodiscard]] Captured captured_like(const Header& header, const Subject& subject);

/// The same of a file. Errors: those of the readers as well.
[[nodiscard]] Result<Captured> read_captured(const Header& header, const std::filesystem::path& path);

/// What a verifier expects of the header. The prover chose how its numbers are written: what is not named
/// here is the prover's word.
struct Expectation {
  static constexpr std::size_t kMaxListBytes = std::size_t{1} << 24;

  std::optional<encode::Encoding> encoding;
  std::optional<tensor::Dtype> dtype;
  std::optional<CaptureMode> capture_mode;
  std::vector<std::string> layers;  ///< the names of all, in their order; empty: any

  /// One of "encoding", "dtype" ("bfloat16"), "mode" and its value, or "layer" and the name of the next one.
  /// Errors: kMalformed (another key, a value that it has not, a key twice), kTooLarge (more layers than a
  /// header has).
  [[nodiscard]] Status add(std::string_view key, std::string_view value, std::string_view place);

  /// "encoding=bits,dtype=bfloat16,mode=decode"; or "layer=NAME", where everything behind the sign is the
  /// name; or "layers=@FILE", a text with a name on each line. Errors: as add(); those of the reader.
  [[nodiscard]] Status add_text(std::string_view text, std::string_view place);
};

struct VerifyOptions {
  TrustList trusted;                       ///< the SRSs that the verifier trusts
  std::optional<Digest> expected_digest;   ///< the commitment digest that was agreed on before
  Expectation expected;                    ///< what the header must say
  const Challenge* challenge = nullptr;    ///< what was asked for
  std::optional<Digest> challenge_digest;  ///< its digest, as noted when it was drawn; nothing without it
  std::uint64_t at_least = 0;              ///< values, at points that are no padding, that must be opened
  const Captured* captured = nullptr;      ///< what the verifier has itself
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

  static constexpr std::size_t kMaxFalse = 16;
  /// Field operations, about, that are spent on captured values off the grid: each point takes one for each
  /// value of the tensor and four for each node of an axis, and one point is always compared.
  static constexpr std::uint64_t kMaxInterpolation = std::uint64_t{1} << 23;

  /// Whether proof k holds by itself; none where that was not found out.
  [[nodiscard]] std::optional<bool> verified(std::size_t k) const;
};

/// A commitment, its openings, and what is expected of them.
struct Claim {
  const Commitment* commitment = nullptr;
  const Proofs* proofs = nullptr;
  VerifyOptions options = {};
};

/// verify() of many claims, the evidence of all of them in one sum under random weights from `world`: what
/// each verification says is what verify() says of it alone.
[[nodiscard]] std::vector<Verification> verify_all(std::span<const Claim> claims, const Checker& checker,
                                                   const World& world = World::system());

/// The verdicts of many claims in one: rejected where one is, else inconclusive where one is, with step,
/// reason and number of the first such. Figures: "claims", "rejected", "inconclusive". Step, where there is
/// no claim: "no claims" (inconclusive).
[[nodiscard]] Verdict verdict_of_all(std::span<const Verification> found);

/// Every question about proofs of a commitment, the cheap ones first. Steps, in order: "no proofs"
/// (inconclusive), "header", "expectation" (the header is not as expected), "scheme", those of
/// checker.check_setup, "commitment digest", "expected digest", "challenge", "proof shape" (a query outside
/// the axes, an entry not written as one, a query twice), "value range", "padding" (of a model layout opens
/// to 0), "points" (inconclusive: fewer values than are to be opened), "captured tensor" (other layers,
/// dtype, shape or taps), those of checker.check_evidence, "captured values" (inconclusive where the memory
/// to interpolate them is missing, or where points off the grid would cost more than kMaxInterpolation),
/// "encoding" (inconclusive: the values compared agree, but as an encoding rounds that was not expected). The
/// item is the index of the proof. Figures: "encoding", "dtype" and "mode", each said to be self-reported or
/// as expected; "proofs", "padding positions", "commitment digest", "compared"; where an encoding rounds
/// "largest hidden error"; of a rejection about a proof "point", about several "false proofs", and of
/// captured values "place", "opened" and "captured".
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
