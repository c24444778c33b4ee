#include "field/backend_adx.h"

#if defined(__x86_64__)
#include "curve/kernel_of.h"

namespace assay::curve {
const CurveKernel kAdxCurveKernel = KernelOf<field::AdxBackend>::kTable;
}  // namespace assay::curve
#endif
