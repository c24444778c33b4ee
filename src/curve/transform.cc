// Transforms over points: of each layer all multiples at once, then all sums and all differences, so that
// inversions are shared by as many points as there are.
#include <algorithm>
#include <bit>
#include <span>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "field/transform.h"

namespace assay::curve {
namespace {

/// The lower and the upper halves of a layer's blocks, one after the other.
struct Halves {
  std::vector<G1Affine> low, high;

  Halves(std::span<const G1Affine> points, std::size_t blocks) {
    const std::size_t half = points.size() / blocks / 2;
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::span<const G1Affine> block = points.subspan(2 * b * half, 2 * half);
      low.insert(low.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(half));
      high.insert(high.end(), block.begin() + static_cast<std::ptrdiff_t>(half), block.end());
    }
  }

  void put_back(std::span<G1Affine> points, std::size_t blocks) const {
    const std::size_t half = low.size() / blocks;
    for (std::size_t b = 0; b < blocks; ++b) {
      std::copy_n(low.data() + b * half, half, points.data() + 2 * b * half);
      std::copy_n(high.data() + b * half, half, points.data() + (2 * b + 1) * half);
    }
  }

  /// Multiplies the upper half of block b by factor_of(b); that of block 0 is one.
  template <class FactorOf>
  void multiply_high(std::size_t blocks, const FactorOf& factor_of) {
    const std::size_t half = low.size() / blocks;
    std::vector<Fr> factors;
    factors.reserve(high.size() - half);
    for (std::size_t b = 1; b < blocks; ++b) factors.insert(factors.end(), half, factor_of(b));
    multiply_all_vartime(std::span(high).subspan(half), factors);
  }

  /// (low, high) -> (low + high, low - high)
  void add_and_subtract() {
    std::vector<G1Affine> sums = low;
    add_all_vartime(sums, high);
    subtract_all_vartime(low, high);
    high.swap(low);
    low.swap(sums);
  }
};

void check_count(const RootDomain& domain, std::size_t count) {
  ASSAY_CHECK(std::has_single_bit(count), count);
  ASSAY_CHECK_LE(count, domain.size());
}

}  // namespace

void evaluate_vartime(const RootDomain& domain, std::span<G1Affine> coefficients) {
  check_count(domain, coefficients.size());
  const std::span<const Fr> nodes = domain.even_nodes();
  for (std::size_t blocks = 1; blocks < coefficients.size(); blocks *= 2) {
    Halves halves(coefficients, blocks);
    halves.multiply_high(blocks, [&](std::size_t b) { return nodes[b]; });
    halves.add_and_subtract();
    halves.put_back(coefficients, blocks);
  }
}

void interpolate_vartime(const RootDomain& domain, std::span<G1Affine> values) {
  check_count(domain, values.size());
  const std::span<const Fr> nodes = domain.even_nodes();
  for (std::size_t blocks = values.size() / 2; blocks > 0; blocks /= 2) {
    Halves halves(values, blocks);
    halves.add_and_subtract();
    halves.multiply_high(blocks, [&](std::size_t b) { return field::inverse_node(nodes, b); });
    halves.put_back(values, blocks);
  }
  multiply_all_vartime(values, std::vector<Fr>(values.size(), Fr::from_u64(values.size()).inverse()));
}

}  // namespace assay::curve
