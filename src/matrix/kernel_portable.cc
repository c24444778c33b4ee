#include "matrix/kernel_dense.h"

namespace assay::matrix::internal {

const Kernel kPortableKernel{"portable", add_dense_product, dense_cholesky};

}  // namespace assay::matrix::internal
