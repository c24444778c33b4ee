#include "field/backend_adx.h"

#if defined(__x86_64__)
#include "field/vector_ops.h"

namespace assay::field {
const FieldKernel kAdxFieldKernel = VectorOps<AdxBackend>::kTable;
}  // namespace assay::field
#endif
