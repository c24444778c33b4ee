// The schemes by which a commitment binds its numbers: for each a prover's side, which makes C and evidence,
// and a verifier's side, a Checker. docs/schemes.md compares them, docs/claim.md gives the bytes.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "assay/claim.h"
#include "assay/kzg.h"
#include "assay/prover.h"
#include "assay/pst.h"
#include "assay/verifier.h"

namespace assay::claim {

/// The questions of commit() and prove() that depend on the scheme.
class Committer {
 public:
  virtual ~Committer() = default;
  [[nodiscard]] virtual Scheme scheme() const = 0;
  /// Of the public parameters, where the scheme has any.
  [[nodiscard]] virtual std::optional<Digest> setup_digest() const = 0;
  /// Whether tensors of a valid layout go with the parameters. Errors: kMismatch.
  [[nodiscard]] virtual Status check_layout(const encode::Layout& layout) const = 0;
  /// C. The header is valid, its layout was checked, and there are as many values as it has places.
  [[nodiscard]] virtual Result<std::array<std::uint8_t, Commitment::kBytes>> bind(
      const Header& header, const IntegerView& values) const = 0;
  /// Whether the scheme can answer a query that suits the layout. Errors: kUnsupported, with what to ask for
  /// instead.
  [[nodiscard]] virtual Status check_query(const encode::Layout& layout, const Query& query) const = 0;
  /// The evidence of each query, all of which were checked; at a point of the field the value too. Errors:
  /// kTooLarge (memory), kMismatch.
  [[nodiscard]] virtual Result<std::vector<Answer>> open(const Commitment& commitment,
                                                         const IntegerView& values,
                                                         std::span<const Query> queries) const = 0;
};

/// The scheme `tensor`: docs/pst.md.
class TensorCommitter final : public Committer {
 public:
  /// `kept` is taken from and added to when something is opened; it outlives this.
  explicit TensorCommitter(pst::Srs srs, pst::KeptQuotients* kept = nullptr)
      : srs_(std::move(srs)), kept_(kept) {}
  [[nodiscard]] Scheme scheme() const override { return Scheme::kTensor; }
  [[nodiscard]] std::optional<Digest> setup_digest() const override { return srs_.verifier_key().digest(); }
  [[nodiscard]] Status check_layout(const encode::Layout& layout) const override;
  [[nodiscard]] Result<std::array<std::uint8_t, Commitment::kBytes>> bind(
      const Header& header, const IntegerView& values) const override;
  [[nodiscard]] Status check_query(const encode::Layout& layout, const Query& query) const override;
  [[nodiscard]] Result<std::vector<Answer>> open(const Commitment& commitment, const IntegerView& values,
                                                 std::span<const Query> queries) const override;

 private:
  pst::Srs srs_;
  pst::KeptQuotients* kept_;
};

/// The scheme `kzg`: docs/kzg.md. The vector holds a model layout with rows and tokens padded to powers of
/// two, and any other in C order. A slice that is aligned blocks of it has a point for each, every other
/// slice and every set of entries 64 bytes in all.
class KzgCommitter final : public Committer {
 public:
  explicit KzgCommitter(kzg::Srs srs) : srs_(std::move(srs)) {}
  /// The least k so that an SRS for 2^k values takes tensors of the layout.
  [[nodiscard]] static unsigned log_size_of(const encode::Layout& layout);
  [[nodiscard]] Scheme scheme() const override { return Scheme::kKzg; }
  [[nodiscard]] std::optional<Digest> setup_digest() const override { return srs_.verifier_key().digest(); }
  [[nodiscard]] Status check_layout(const encode::Layout& layout) const override;
  [[nodiscard]] Result<std::array<std::uint8_t, Commitment::kBytes>> bind(
      const Header& header, const IntegerView& values) const override;
  [[nodiscard]] Status check_query(const encode::Layout& layout, const Query& query) const override;
  [[nodiscard]] Result<std::vector<Answer>> open(const Commitment& commitment, const IntegerView& values,
                                                 std::span<const Query> queries) const override;

 private:
  kzg::Srs srs_;
};

/// The scheme `merkle`: docs/merkle.md, without any setup. Leaves are the real rows of a model layout, layer
/// by layer, and of any other layout 256 values of the tensor, the last one as many as are left.
class MerkleCommitter final : public Committer {
 public:
  [[nodiscard]] Scheme scheme() const override { return Scheme::kMerkle; }
  [[nodiscard]] std::optional<Digest> setup_digest() const override { return std::nullopt; }
  [[nodiscard]] Status check_layout(const encode::Layout& layout) const override;
  [[nodiscard]] Result<std::array<std::uint8_t, Commitment::kBytes>> bind(
      const Header& header, const IntegerView& values) const override;
  [[nodiscard]] Status check_query(const encode::Layout& layout, const Query& query) const override;
  [[nodiscard]] Result<std::vector<Answer>> open(const Commitment& commitment, const IntegerView& values,
                                                 std::span<const Query> queries) const override;
};

/// Of an SRS file: that of the scheme `tensor` or `kzg`, told apart by content. Errors: those of the readers.
[[nodiscard]] Result<std::unique_ptr<Committer>> read_committer(const std::filesystem::path& srs);

/// Of a scheme without setup. Errors: kMismatch (the scheme needs parameters).
[[nodiscard]] Result<std::unique_ptr<Committer>> committer_of(Scheme scheme);

/// commit(), by any scheme: the header's scheme and setup digest are filled in. Errors: those of
/// committer.check_layout; as commit().
[[nodiscard]] Result<Commitment> commit(const Committer& committer, Header header, const IntegerView& values);

/// Whether what has this header was committed to by this. Errors: kMismatch.
[[nodiscard]] Status check_committer(const Committer& committer, const Header& header);

/// prove(), by any scheme. Errors: as prove(); kUnsupported for a query that the scheme cannot answer.
[[nodiscard]] Result<Proofs> prove(const Committer& committer, const Commitment& commitment,
                                   const IntegerView& values, std::span<const Query> queries);

/// Proves, and verifies what came out by `checker`. Errors: as prove(); kMismatch where a proof does not
/// verify, with its point.
[[nodiscard]] Result<CheckedProofs> prove_checked(const Committer& committer, const Checker& checker,
                                                  const Commitment& commitment, const IntegerView& values,
                                                  std::span<const Query> queries,
                                                  const Captured* captured = nullptr);

// ---- The verifier's side. That of the scheme `tensor` is in verifier.h.

/// The checker of the scheme `kzg`. Steps of check_setup: "SRS digest", "axes"; of check_evidence:
/// "commitment value", "proof shape" (also a query that the scheme does not have), "basis points"
/// (inconclusive: blocks, and the verifier has a key alone), "basis digests", "proof points",
/// "challenges", "opening equation", "random weights" (inconclusive).
class KzgChecker final : public Checker {
 public:
  /// Enough for entries, sets and slices that are no blocks.
  explicit KzgChecker(kzg::VerifierKey key) : verifier_(std::move(key)) {}
  /// For blocks too, which the verifier commits to itself: the points that it takes are compared with the
  /// digests in the verifier's part.
  explicit KzgChecker(kzg::Srs srs) : verifier_(srs.verifier_key()), srs_(std::move(srs)) {}
  [[nodiscard]] const kzg::VerifierKey& key() const { return verifier_.key(); }
  [[nodiscard]] Scheme scheme() const override { return Scheme::kKzg; }
  [[nodiscard]] std::optional<Digest> setup_digest() const override { return verifier_.digest(); }
  [[nodiscard]] std::string assumption(const TrustList& trusted) const override {
    return verifier_.describe_srs(trusted);
  }
  [[nodiscard]] Verdict check_parameters() const override { return kzg::check_key(key()); }
  [[nodiscard]] Verdict check_setup(const Header& header) const override;
  [[nodiscard]] std::vector<Evidence> check_all_evidence(std::span<const Claimed> claims, std::size_t most,
                                                         const World& world) const override;

 private:
  kzg::Verifier verifier_;
  std::optional<kzg::Srs> srs_;
};

/// The checker of the scheme `merkle`. Steps of check_evidence: "proof shape", "leaf" (one that is shown has
/// another value than the opened one), "proof length", "root".
class MerkleChecker final : public Checker {
 public:
  [[nodiscard]] Scheme scheme() const override { return Scheme::kMerkle; }
  [[nodiscard]] std::optional<Digest> setup_digest() const override { return std::nullopt; }
  [[nodiscard]] std::string assumption(const TrustList& trusted) const override;
  [[nodiscard]] Verdict check_parameters() const override { return Verdict::accepted(); }
  [[nodiscard]] Verdict check_setup(const Header& header) const override;
  [[nodiscard]] std::vector<Evidence> check_all_evidence(std::span<const Claimed> claims, std::size_t most,
                                                         const World& world) const override;
};

/// The checker for a verifier's part or an SRS file, of the scheme `tensor` or `kzg`, told apart by content.
/// Errors: those of the readers.
[[nodiscard]] Result<std::unique_ptr<Checker>> read_checker(const std::filesystem::path& parameters);

/// The checker of a scheme without setup. Errors: kMismatch (the scheme needs parameters).
[[nodiscard]] Result<std::unique_ptr<Checker>> checker_of(Scheme scheme);

}  // namespace assay::claim
