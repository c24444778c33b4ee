// The same sixteen at a time, in AVX-512 IFMA.
#pragma once

#include "field/target_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <span>

#include "curve/roots.h"
#include "field/backend_adx.h"
#include "field/element.h"

namespace assay::curve {

struct RootsIfma {
  using F = field::Element<field::FpParameters, field::AdxBackend>;
  static void take(std::span<F> values);
};
static_assert(TakesRoots<RootsIfma, RootsIfma::F>);

}  // namespace assay::curve
#endif
