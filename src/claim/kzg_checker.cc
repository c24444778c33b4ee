// The scheme `kzg`, the verifier's side.
#include <fmt/format.h>

#include "assay/claim_schemes.h"
#include "base/check.h"
#include "claim/evidence_search.h"
#include "claim/vector_places.h"

namespace assay::claim {
namespace {

/// What the evidence of a commitment to a vector is, for the search.
class KzgEvidence {
 public:
  using Sum = kzg::OpeningSum;

  KzgEvidence(const kzg::Verifier& verifier, const std::optional<kzg::Srs>& srs)
      : verifier_(verifier), srs_(srs) {}

  [[nodiscard]] Result<Sum> begin(const World& world) const { return Sum::begin(verifier_, world); }

  /// Steps: "proof shape", "basis points" (inconclusive).
  [[nodiscard]] Verdict count_points(const Claimed& claimed, std::size_t k, std::uint64_t& points) const {
    const Query query = claimed.proofs->query(k);
    points = 1;
    if (query.is_on_grid()) return Verdict::accepted();
    if (!query.is_of_parts())
      return Verdict::rejected("proof shape", "a commitment to a vector has no points off the grid");
    const auto blocks = internal::VectorPlaces(claimed.commitment->header.layout).blocks_of(query.parts);
    points = blocks ? blocks->size() : 2;
    if (!blocks && claimed.proofs->value_count(k) == 0)
      return Verdict::rejected("proof shape", "a slice of padding alone, of which nothing can be shown");
    if (!blocks || srs_) return Verdict::accepted();
    return Verdict::inconclusive("basis points",
                                 "blocks are checked with points of the SRS, and a verifier's part has none: "
                                 "give the SRS file");
  }

  [[nodiscard]] Verdict add(Sum& sum, const Claimed& claimed, const G1Affine& commitment, std::size_t k,
                            std::span<const G1Affine> points) const {
    const Proofs& proofs = *claimed.proofs;
    const encode::Layout& layout = claimed.commitment->header.layout;
    const Query query = proofs.query(k);
    const internal::VectorPlaces places(layout);
    const unsigned log_size = verifier_.key().log_size;
    if (query.is_on_grid()) {
      const std::uint64_t place = places.of(layout.axes.index_of(query.grid).value());
      return sum.add(
          kzg::Statement{commitment, kzg::node_of(log_size, place), {proofs.value(k), points.front()}});
    }
    const tensor::IntegerArray values = proofs.values(k);
    if (const auto blocks = places.blocks_of(query.parts)) {
      const std::vector<tensor::IntegerArray> filled =
          places.fill_blocks(query.parts, *blocks, values.view());
      std::vector<kzg::BlockStatement> statements;
      for (std::size_t b = 0; b < blocks->size(); ++b)
        statements.push_back(
            {commitment, (*blocks)[b].log_size, (*blocks)[b].number, filled[b].view(), points[b]});
      return sum.add(*srs_, statements);
    }
    std::vector<kzg::Claim> asked;
    const std::vector<std::uint64_t> at = places.places_of(query.parts);
    ASSAY_CHECK_EQ(at.size(), values.size());
    for (std::size_t i = 0; i < at.size(); ++i)
      asked.push_back({proofs.commitment_digest, commitment, kzg::node_of(log_size, at[i]),
                       Fr::from_scalar(values.view()[i])});
    return sum.add(asked, kzg::ManyProof{points[0], points[1]});
  }

 private:
  const kzg::Verifier& verifier_;
  const std::optional<kzg::Srs>& srs_;
};

}  // namespace

Verdict KzgChecker::check_setup(const Header& header) const {
  const Digest& digest = verifier_.digest();
  if (header.setup_digest != digest)
    return Verdict::rejected(
        "SRS digest",
        fmt::format("the commitment is for the SRS {}, the verifier's is {}",
                    header.setup_digest ? to_hex(*header.setup_digest) : "(none)", to_hex(digest)));
  const unsigned needed = internal::VectorPlaces(header.layout).log_size();
  if (needed <= key().log_size) return Verdict::accepted();
  return Verdict::rejected("axes",
                           fmt::format("the axes {} need a vector of 2^{} values, the SRS is for 2^{}",
                                       header.layout.axes.to_string(), needed, key().log_size));
}

std::vector<Evidence> KzgChecker::check_all_evidence(std::span<const Claimed> claims, std::size_t most,
                                                     const World& world) const {
  KzgEvidence scheme(verifier_, srs_);
  return internal::EvidenceSearch(scheme, claims, world).run(most);
}

}  // namespace assay::claim
