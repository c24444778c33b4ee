// Limbs of edge values.
#pragma once

#include <cstdint>

#include "field/parameters.h"

namespace assay::field {

/// a - small, where the lowest limb alone can pay.
constexpr Limbs minus_small(const Limbs& a, std::uint64_t small) {
  Limbs out = a;
  out[0] -= small;
  return out;
}

}  // namespace assay::field
