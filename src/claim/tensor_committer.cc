// The scheme `tensor`, the prover's side.
#include <fmt/format.h>

#include "assay/claim_schemes.h"
#include "base/try.h"

namespace assay::claim {
namespace {

Bytes evidence_of(std::span<const G1Affine> quotients) {
  Bytes evidence;
  evidence.reserve(32 * quotients.size());
  for (const G1Affine& quotient : quotients) {
    const auto encoded = curve::encode(quotient);
    evidence.insert(evidence.end(), encoded.begin(), encoded.end());
  }
  return evidence;
}

}  // namespace

Status TensorCommitter::check_layout(const encode::Layout& layout) const {
  if (layout.axes == srs_.axes()) return {};
  return Error{ErrorCode::kMismatch, "SRS",
               fmt::format("it is for the axes {}, the layout has {}", srs_.axes().to_string(),
                           layout.axes.to_string())};
}

Result<std::array<std::uint8_t, Commitment::kBytes>> TensorCommitter::bind(const Header& /*header*/,
                                                                           const IntegerView& values) const {
  return curve::encode(ASSAY_TRY(pst::commit(srs_, values)));
}

Status TensorCommitter::check_query(const encode::Layout& /*layout*/, const Query& /*query*/) const {
  return {};
}

Result<std::vector<Answer>> TensorCommitter::open(const Commitment& /*commitment*/, const IntegerView& values,
                                                  std::span<const Query> queries) const {
  // Points of the grid go together, for they share the work on their first coordinates.
  std::vector<std::vector<std::uint32_t>> grid_points;
  for (const Query& query : queries)
    if (query.is_on_grid()) grid_points.push_back(query.grid);
  const std::vector<pst::Opening> openings = ASSAY_TRY(pst::open_all(srs_, values, grid_points, kept_));
  auto next = openings.begin();
  std::vector<Answer> answers;
  for (const Query& query : queries) {
    if (query.is_of_parts()) {
      answers.push_back(
          {Fr::zero(), evidence_of(ASSAY_TRY(pst::open_parts(srs_, values, query.parts, kept_))), {}});
      continue;
    }
    const pst::Opening opening =
        query.is_on_grid() ? *next++ : ASSAY_TRY(pst::open_at(srs_, values, query.field));
    answers.push_back({opening.value, evidence_of(opening.quotients), {}});
  }
  return answers;
}

}  // namespace assay::claim
