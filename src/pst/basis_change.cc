#include "pst/basis_change.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/check.h"
#include "base/threads.h"
#include "setup/grid_products.h"

namespace assay::pst::internal {
namespace {

/// Fibres of one axis side by side: row a has the points with the exponent, or the node, a.
struct Fibres {
  std::span<G1Affine> points;   // rows of `width`
  std::span<G1Affine> scratch;  // as long
  std::size_t nodes, width;

  [[nodiscard]] std::span<G1Affine> rows(std::size_t first, std::size_t last) const {
    return points.subspan(first * width, (last - first) * width);
  }
  /// A copy of rows, which the next one overwrites.
  [[nodiscard]] std::span<G1Affine> copy(std::size_t first, std::size_t last) const {
    const std::span<G1Affine> from = rows(first, last), to = scratch.first(from.size());
    std::copy(from.begin(), from.end(), to.begin());
    return to;
  }
};

/// multiple = factor * base, by doubling and adding from the top bit; `multiple` holds the base.
void multiply_small(std::span<G1Affine> multiple, std::span<const G1Affine> base, std::uint64_t factor) {
  for (auto bit = static_cast<unsigned>(std::bit_width(factor)) - 1; bit-- > 0;) {
    curve::double_all_vartime(multiple);
    if ((factor >> bit & 1) != 0) curve::add_all_vartime(multiple, base);
  }
}

/// With u_a = t^(a-j) t (t-1) .. (t-j+1) for a >= j, the next j has u_a - j u_(a-1).
void powers_to_factorials(const Fibres& fibres) {
  for (std::size_t j = 1; j + 1 < fibres.nodes; ++j) {
    const std::span<G1Affine> lower = fibres.rows(j, fibres.nodes - 1);
    const std::span<G1Affine> multiples = fibres.copy(j, fibres.nodes - 1);
    multiply_small(multiples, lower, j);
    curve::subtract_all_vartime(fibres.rows(j + 1, fibres.nodes), multiples);
  }
}

/// The table of differences is prod_s (1 - shift on the rows from s on), s = 1 .. n-1; transposed, the steps
/// come in the other order, and each row loses the one behind it.
void binomials_to_lagrange(const Fibres& fibres) {
  for (std::size_t s = fibres.nodes; s-- > 1;)
    curve::subtract_all_vartime(fibres.rows(s - 1, fibres.nodes - 1), fibres.copy(s, fibres.nodes));
}

/// Changes every fibre of the first axis, whose rows are points.size() / nodes long, and moves that axis
/// behind all others.
template <class Change>
void change_first_axis(std::size_t nodes, std::span<const G1Affine> points, std::span<G1Affine> out,
                       Progress& progress, const Change& change) {
  constexpr std::size_t kTogether = 8192;  // points, half a megabyte
  const std::size_t width = points.size() / nodes, most = std::max<std::size_t>(1, kTogether / nodes);
  parallel_for(0, width, most, [&](std::size_t first, std::size_t last) {
    std::vector<G1Affine> own(nodes * most), scratch(own.size());
    for (std::size_t begin = first; begin < last; begin += most) {
      const std::size_t count = std::min(most, last - begin);
      const Fibres fibres{std::span(own).first(nodes * count), scratch, nodes, count};
      for (std::size_t a = 0; a < nodes; ++a) {
        const std::span<const G1Affine> row = points.subspan(a * width + begin, count);
        std::copy(row.begin(), row.end(), fibres.rows(a, a + 1).begin());
      }
      change(fibres);
      for (std::size_t k = 0; k < count; ++k)
        for (std::size_t a = 0; a < nodes; ++a) out[(begin + k) * nodes + a] = own[a * count + k];
      progress.advance(nodes * count);
    }
  });
}

/// The same on every axis, one after the other; afterwards the axes stand as they stood.
template <class Change>
void change_all_axes(const Axes& axes, std::span<G1Affine> points, std::span<G1Affine> scratch,
                     Progress& progress, const Change& change) {
  std::span<G1Affine> from = points, to = scratch;
  for (const std::uint32_t nodes : axes.sizes()) {
    change_first_axis(nodes, from, to, progress, change);
    std::swap(from, to);
  }
  if (from.data() != points.data()) std::copy(from.begin(), from.end(), points.begin());
}

/// 1 / a! for the exponents of every axis.
std::vector<std::vector<Fr>> inverse_factorials(const Axes& axes) {
  std::vector<std::vector<Fr>> out;
  for (const std::uint32_t nodes : axes.sizes()) {
    std::vector<Fr>& row = out.emplace_back(nodes, Fr::one());
    for (std::size_t a = 1; a < row.size(); ++a) row[a] = row[a - 1] * Fr::from_u64(a);
    batch_inverse(row);
  }
  return out;
}

void divide_by_factorials(const Axes& axes, std::span<G1Affine> points, Progress& progress) {
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  const std::vector<std::vector<Fr>> factors = inverse_factorials(axes);
  const setup::internal::GridProducts products(axes, factors, 0);
  std::vector<Fr> scalars(std::min(kBlock, points.size()));
  for (std::size_t first = 0; first < points.size(); first += kBlock) {
    const std::size_t count = std::min(kBlock, points.size() - first);
    const std::span<Fr> some = std::span(scalars).first(count);
    products.fill(first, some);
    curve::multiply_all_vartime(points.subspan(first, count), some);
    progress.advance(count);
  }
}

}  // namespace

void powers_to_lagrange(const Axes& axes, std::span<G1Affine> points, std::span<G1Affine> scratch) {
  ASSAY_CHECK_EQ(points.size(), axes.volume());
  ASSAY_CHECK_EQ(scratch.size(), axes.volume());
  Progress progress("change the basis", (2 * axes.count() + 1) * points.size());
  change_all_axes(axes, points, scratch, progress, powers_to_factorials);
  divide_by_factorials(axes, points, progress);
  change_all_axes(axes, points, scratch, progress, binomials_to_lagrange);
}

}  // namespace assay::pst::internal
