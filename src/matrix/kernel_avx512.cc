#if defined(__x86_64__)
#define Eigen EigenAvx512  // NOLINT(readability-identifier-naming): the library's own name
#include "matrix/kernel_dense.h"

namespace assay::matrix::internal {

const Kernel kAvx512Kernel{"avx512", add_dense_product, dense_cholesky};

}  // namespace assay::matrix::internal
#endif
