// The scheme `tensor`: evidence as openings of a PST commitment.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "assay/verifier.h"
#include "base/check.h"
#include "base/try.h"
#include "claim/evidence_search.h"
#include "claim/part_runs.h"

namespace assay::claim {
namespace {

/// The bases of the slices of one call, each made once, of levels that were compared with the key.
class Bases {
 public:
  Bases(const pst::Verifier& verifier, const std::optional<pst::Srs>& srs) : verifier_(verifier), srs_(srs) {}

  /// Steps: "levels" (inconclusive), "axes", "level digests".
  Verdict require(const Selection& parts) {
    if (parts.fixed.size() == verifier_.key().axes.count() || made_.contains(parts.fixed))
      return Verdict::accepted();
    const std::size_t level = parts.leading();
    if (!srs_)
      return Verdict::inconclusive(
          "levels",
          fmt::format("slices are checked with level {} of the SRS, and a verifier's part has none: give "
                      "the SRS file, or one that `srs trim --from-level {}` makes of it",
                      level, level));
    if (level < parts.fixed.size() && ++summed_ > TensorChecker::kMaxBases)
      return Verdict::inconclusive(
          "levels", fmt::format("slices along more than {} sets of axes: verify fewer together",
                                TensorChecker::kMaxBases));
    if (!checked_.contains(level)) checked_.emplace(level, check_level(*srs_, verifier_.key(), level));
    const Verdict& verdict = checked_.at(level);
    if (!verdict.ok()) return verdict;
    Result<pst::PartBasis> basis = pst::PartBasis::make(*srs_, parts.fixed);
    if (!basis) return Verdict::inconclusive("levels", basis.error().to_string());
    made_.emplace(parts.fixed, *std::move(basis));
    return Verdict::accepted();
  }

  /// Null for entries.
  [[nodiscard]] const pst::PartBasis* of(const Selection& parts) const {
    const auto found = made_.find(parts.fixed);
    return found == made_.end() ? nullptr : &found->second;
  }

 private:
  const pst::Verifier& verifier_;
  const std::optional<pst::Srs>& srs_;
  std::map<std::size_t, Verdict> checked_;
  std::map<std::vector<std::uint32_t>, pst::PartBasis> made_;
  std::size_t summed_ = 0;
};

/// What the evidence of a tensor commitment is, for the search.
class TensorEvidence {
 public:
  using Sum = pst::OpeningSum;

  TensorEvidence(const pst::Verifier& verifier, const std::optional<pst::Srs>& srs)
      : verifier_(verifier), bases_(verifier, srs) {}

  [[nodiscard]] Result<Sum> begin(const World& world) const { return Sum::begin(verifier_, world); }

  /// Steps: those of Bases::require.
  [[nodiscard]] Verdict count_points(const Claimed& claimed, std::size_t k, std::uint64_t& points) {
    const Proofs& proofs = *claimed.proofs;
    points = proofs.axis_count;
    if (!proofs.is_of_parts(k)) return Verdict::accepted();
    const Selection parts = proofs.query(k).parts;
    points = pst::quotients_of(parts, verifier_.key().axes);
    return bases_.require(parts);
  }

  [[nodiscard]] Verdict add(Sum& sum, const Claimed& claimed, const G1Affine& commitment, std::size_t k,
                            std::span<const G1Affine> points) const {
    const Proofs& proofs = *claimed.proofs;
    const Query query = proofs.query(k);
    if (!query.is_of_parts()) {
      const pst::Statement statement{
          commitment, query.coordinates(), {proofs.value(k), {points.begin(), points.end()}}};
      return sum.add({&statement, 1});
    }
    const tensor::IntegerArray values = proofs.values(k);
    const encode::Layout& layout = claimed.commitment->header.layout;
    const pst::PartBasis* const basis = bases_.of(query.parts);
    pst::PartsStatement statement{commitment, query.parts, {}, values.view(), {points.begin(), points.end()}};
    const internal::PartRuns runs(layout, query.parts);
    const std::uint64_t size = query.parts.part_size(layout.axes);
    for (std::size_t i = 0; i < query.parts.positions.size(); ++i)
      for (const internal::PartRun& run : runs.of(i))
        statement.runs.push_back({i * size + run.in_part, run.count});
    return sum.add(statement, basis);
  }

 private:
  const pst::Verifier& verifier_;
  Bases bases_;
};

}  // namespace

Result<TensorChecker> TensorChecker::read(const std::filesystem::path& path) {
  if (ASSAY_TRY(pst::Srs::is_srs(path))) return TensorChecker(ASSAY_TRY(pst::Srs::open(path)));
  return TensorChecker(ASSAY_TRY(pst::VerifierKey::read(path)));
}

Verdict TensorChecker::check_setup(const Header& header) const {
  const Digest& digest = verifier_.digest();
  const std::string named = header.setup_digest ? to_hex(*header.setup_digest) : "(none)";
  if (header.setup_digest != digest)
    return Verdict::rejected(
        "SRS digest",
        fmt::format("the commitment is for the SRS {}, the verifier's is {}", named, to_hex(digest)));
  const Axes& ours = header.layout.axes;
  if (ours == key().axes) return Verdict::accepted();
  return Verdict::rejected(
      "axes", fmt::format("the header has {}, the SRS {}", ours.to_string(), key().axes.to_string()));
}

std::vector<Evidence> TensorChecker::check_all_evidence(std::span<const Claimed> claims, std::size_t most,
                                                        const World& world) const {
  TensorEvidence scheme(verifier_, srs_);
  return internal::EvidenceSearch(scheme, claims, world).run(most);
}

}  // namespace assay::claim
