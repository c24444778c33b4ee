#include "base/check.h"

#include "assay/base.h"

#include <cstdio>
#include <cstdlib>

namespace assay::internal {

void fail_check(const char* file, int line, const char* condition, const std::string& operands) {
  std::fprintf(stderr, "%s:%d: check failed: %s%s%s\n", file, line, condition, operands.empty() ? "" : ": ",
               printable(operands).c_str());
  std::abort();
}

}  // namespace assay::internal
