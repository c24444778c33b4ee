#include "curve/kernel_of.h"
#include "field/backend_portable.h"

namespace assay::curve {
const CurveKernel kPortableCurveKernel = KernelOf<field::PortableBackend>::kTable;
}  // namespace assay::curve
