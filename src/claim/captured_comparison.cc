#include "claim/captured_comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "claim/interpolate.h"
#include "claim/part_runs.h"

namespace assay::claim::internal {
namespace {

/// How many values of a part are looked up at a time.
constexpr std::size_t kTogether = std::size_t{1} << 18;

std::string place_name(const encode::Layout& layout, const Query& query) {
  if (!query.is_on_grid()) return "off the grid";
  const Result<Place> place = place_of(layout, query.grid);
  return place ? place->to_string() : "unknown";
}

Verdict differs_at(std::size_t k, std::string place, const Scalar& opened, std::string captured) {
  Verdict verdict =
      Verdict::rejected("captured values", "the opened value is not the captured one").at_item(k);
  verdict.add_figure("place", std::move(place));
  verdict.add_figure("opened", opened.to_signed_decimal());
  verdict.add_figure("captured", std::move(captured));
  return verdict;
}

}  // namespace

Verdict check_captured_tensor(const Header& header, const Captured& own) {
  if (!own.fault.empty()) return Verdict::rejected("captured tensor", own.fault);
  const Axes& axes = header.layout.axes;
  const bool in_layers = !own.layers.views.empty() || !own.layers.integers.empty();
  if (in_layers || own.values.size() == axes.volume()) return Verdict::accepted();
  return Verdict::rejected(
      "captured tensor",
      fmt::format("{} values where the axes {} need {}", own.values.size(), axes.to_string(), axes.volume()));
}

Verdict CapturedComparison::compare_all() {
  matches_.resize(proofs_.size());
  Verdict verdict = compare_entries();
  if (verdict.outcome() == Outcome::kRejected) return verdict;
  std::size_t off_grid = 0;
  for (std::size_t k = 0; k < proofs_.size(); ++k)
    if (!proofs_.is_of_parts(k) && !proofs_.query(k).is_on_grid()) ++off_grid;
  return off_grid == 0 ? verdict : compare_off_grid(off_grid);
}

Verdict CapturedComparison::compare_entries() {
  Verdict verdict = compare_single_entries();
  for (std::size_t k = 0; k < proofs_.size(); ++k) {
    if (!proofs_.is_of_parts(k)) continue;
    Verdict parts = compare_parts(k);
    if (!parts.ok() && (verdict.ok() || *verdict.item() > k)) verdict = std::move(parts);
  }
  return verdict;
}

Verdict CapturedComparison::compare_parts(std::size_t k) {
  const tensor::IntegerArray opened = proofs_.values(k);
  std::vector<std::uint64_t> indices;
  std::size_t done = 0;
  const auto compare = [&]() -> Verdict {
    const std::vector<std::optional<Scalar>> own = own_.at(header_.layout, indices);
    for (std::size_t i = 0; i < own.size(); ++i) {
      const Scalar value = opened.view()[done + i];
      if (own[i] && *own[i] == value) continue;
      matches_[k] = false;
      return differs_at(
          k, place_name(header_.layout, Query::on_grid(header_.layout.axes.coordinates_of(indices[i]))),
          value, own[i] ? own[i]->to_signed_decimal() : no_integer());
    }
    done += indices.size();
    indices.clear();
    return Verdict::accepted();
  };
  matches_[k] = true;
  Verdict verdict = Verdict::accepted();
  for (const PartRun& run : runs_of(header_.layout, proofs_.query(k).parts))
    for (std::uint64_t i = 0; i < run.count; ++i) {
      indices.push_back(run.index + i);
      if (indices.size() < kTogether) continue;
      verdict = compare();
      if (!verdict.ok()) return verdict;
    }
  return compare();
}

std::string CapturedComparison::no_integer() const {
  return "a value without an integer in " + header_.encoding.to_string();
}

Verdict CapturedComparison::compare_single_entries() {
  std::vector<std::size_t> entries;
  std::vector<std::uint64_t> indices;
  for (std::size_t k = 0; k < proofs_.size(); ++k) {
    const Query query = proofs_.query(k);
    if (!query.is_on_grid()) continue;
    entries.push_back(k);
    indices.push_back(header_.layout.axes.index_of(query.grid).value());
  }
  const std::vector<std::optional<Scalar>> own = own_.at(header_.layout, indices);
  Verdict verdict = Verdict::accepted();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::size_t k = entries[i];
    matches_[k] = own[i] && *own[i] == proofs_.value(k).to_scalar();
    if (*matches_[k] || !verdict.ok()) continue;
    verdict = differs_at(k, place_name(header_.layout, proofs_.query(k)), proofs_.value(k).to_scalar(),
                         own[i] ? own[i]->to_signed_decimal() : no_integer());
  }
  return verdict;
}

// Each interpolation reads the whole tensor, and so their number is bounded. After the first difference no
// more of them are asked for.
Verdict CapturedComparison::compare_off_grid(std::size_t off_grid) {
  const Axes& axes = header_.layout.axes;
  const Result<tensor::IntegerArray> own = own_.laid_out(header_.layout);
  if (!own) return Verdict::inconclusive("captured values", own.error().to_string());
  const Interpolation interpolation(axes, own->view());
  const std::uint64_t most =
      std::max<std::uint64_t>(1, Verification::kMaxInterpolation / Interpolation::cost(axes));
  std::uint64_t compared = 0;
  for (std::size_t k = 0; k < proofs_.size(); ++k) {
    const Query query = proofs_.query(k);
    if (query.is_on_grid() || query.is_of_parts()) continue;
    if (compared++ == most)
      return Verdict::inconclusive(
                 "captured values",
                 fmt::format("of {} points off the grid {} were compared, as many as a tensor of {} values "
                             "allows at once: verify fewer together",
                             off_grid, most, axes.volume()))
          .at_item(k);
    const Result<Fr> value = interpolation.at(query.field);
    if (!value) return Verdict::inconclusive("captured values", value.error().to_string()).at_item(k);
    matches_[k] = *value == proofs_.value(k);
    if (!*matches_[k])
      return differs_at(k, place_name(header_.layout, query), proofs_.value(k).to_scalar(),
                        value->to_scalar().to_signed_decimal());
  }
  return Verdict::accepted();
}

}  // namespace assay::claim::internal
