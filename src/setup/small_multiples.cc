#include "setup/small_multiples.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace assay::setup::internal {
namespace {

std::array<std::uint64_t, 8> key_of(const G2Affine& point) {
  std::array<std::uint64_t, 8> key{};
  std::ranges::copy(point.x.c0.limbs, key.begin());
  std::ranges::copy(point.x.c1.limbs, key.begin() + 4);
  return key;
}

}  // namespace

SmallMultiples::SmallMultiples() {
  G2Affine multiple = G2Affine::generator();
  for (std::int64_t k = 1; k <= kBaby; ++k) {
    baby_.emplace(key_of(multiple), k);
    multiple = curve::add(multiple, G2Affine::generator());
  }
}

std::optional<std::int64_t> SmallMultiples::find(const G2Affine& point) const {
  // From each centre the baby steps reach kBaby to either side.
  constexpr std::int64_t kStride = 2 * kBaby + 1;
  const G2Affine stride = curve::multiply_vartime(G2Affine::generator(), Fr::from_i64(kStride));
  const G2Affine opposite = curve::negate(stride);
  std::array<G2Affine, 2> shifted = {point, point};  // by centre and by -centre
  for (std::int64_t centre = 0; centre <= kLargest + kBaby; centre += kStride) {
    for (std::size_t side = 0; side < 2; ++side) {
      const std::int64_t origin = side == 0 ? centre : -centre;
      std::optional<std::int64_t> k;
      if (shifted[side].is_infinity()) {
        k = origin;
      } else if (const auto near = baby_.find(key_of(shifted[side])); near != baby_.end()) {
        const G2Affine above =
            curve::multiply_vartime(G2Affine::generator(), Fr::from_i64(origin + near->second));
        k = origin + (above == point ? near->second : -near->second);
      }
      if (k && std::abs(*k) <= kLargest) return k;
      shifted[side] = curve::add(shifted[side], side == 0 ? opposite : stride);
    }
  }
  return std::nullopt;
}

}  // namespace assay::setup::internal
