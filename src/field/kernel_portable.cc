#include "field/backend_portable.h"
#include "field/vector_ops.h"

namespace assay::field {
const FieldKernel kPortableFieldKernel = VectorOps<PortableBackend>::kTable;
}  // namespace assay::field
