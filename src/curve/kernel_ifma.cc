#include "curve/pairs_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include "curve/kernel_of.h"
#include "curve/roots_ifma.h"
#include "field/dodecic_ifma.h"

namespace assay::curve {
// What is too small for eight lanes goes the way of the adx kernel; whoever has IFMA has mulx and adcx.
const CurveKernel kIfmaCurveKernel =
    KernelOf<field::AdxBackend, Bn254, PairAdderIfma, RootsIfma, field::DodecicIfma>::kTable;
}  // namespace assay::curve
#endif
