#include "claim/interpolate.h"

#include <algorithm>

#include "base/try.h"
#include "field/to_field.h"
#include "pst/allocate.h"
#include "pst/lagrange.h"

namespace assay::claim::internal {
namespace {

// Rows that become field elements together where they are short.
constexpr std::size_t kBlock = std::size_t{1} << 12;

}  // namespace

Interpolation::Interpolation(const Axes& axes, const IntegerView& values) : axes_(axes), values_(values) {
  for (const std::uint32_t size : axes.sizes()) weights_.push_back(pst::internal::barycentric_weights(size));
}

std::uint64_t Interpolation::cost(const Axes& axes) {
  std::uint64_t cost = axes.volume();
  for (const std::uint32_t size : axes.sizes()) cost += std::uint64_t{4} * size;
  return cost;
}

// The first axis is folded as the integers are read, the others in the field.
Result<Fr> Interpolation::at(std::span<const Fr> point) const {
  const std::size_t width = axes_.volume(1);
  const std::size_t rows = std::min<std::size_t>(axes_[0], std::max<std::size_t>(1, kBlock / width));
  std::vector<Fr> rest = ASSAY_TRY(pst::internal::allocate<Fr>(width, "interpolation"));
  std::vector<Fr> block = ASSAY_TRY(pst::internal::allocate<Fr>(rows * width, "interpolation"));
  const std::vector<Fr> factors = pst::internal::lagrange_at(weights_[0], point[0]);
  for (std::size_t first = 0; first < factors.size(); first += rows) {
    const std::size_t count = std::min(rows, factors.size() - first);
    const std::span<Fr> filled = std::span(block).first(count * width);
    to_field(values_.subview(first * width, count * width), filled);
    for (std::size_t j = 0; j < count; ++j)
      add_scaled(rest, factors[first + j], filled.subspan(j * width, width));
  }
  for (std::size_t axis = 1; axis < axes_.count(); ++axis)
    rest = pst::internal::combine_rows(rest, pst::internal::lagrange_at(weights_[axis], point[axis]));
  return rest.front();
}

}  // namespace assay::claim::internal
