#include "claim/statement.h"

#include <fmt/format.h>

#include <charconv>

#include "base/check.h"

namespace assay::claim::internal {

std::vector<pst::Statement> statements_of(const G1Affine& commitment, std::span<const Proof> proofs) {
  std::vector<pst::Statement> statements;
  statements.reserve(proofs.size());
  for (const Proof& proof : proofs)
    statements.push_back({commitment, proof.point.coordinates(), proof.opening});
  return statements;
}

std::string fault_of_point(const Point& point, const Axes& axes) {
  if (point.is_on_grid()) {
    if (!point.field.empty()) return "a point on the grid and off it at once";
    const Result<std::uint64_t> index = axes.index_of(point.grid);
    return index ? "" : index.error().reason;
  }
  if (point.field.size() != axes.count())
    return fmt::format("{} coordinates for {} axes", point.field.size(), axes.count());
  if (Point::anywhere(point.field, axes).is_on_grid()) return "a point of the grid must be written as one";
  return "";
}

void name_point(Verdict& verdict, std::span<const Proof> proofs) {
  for (const auto& [name, value] : verdict.figures()) {
    if (name != "statement") continue;
    std::size_t index = proofs.size();
    std::from_chars(value.data(), value.data() + value.size(), index);
    ASSAY_CHECK_LT(index, proofs.size());
    verdict.add_figure("point", proofs[index].point.to_string());
    return;
  }
}

}  // namespace assay::claim::internal
