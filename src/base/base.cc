#include "assay/base.h"

#include <cstdio>
#include <cstdlib>

namespace assay {

std::string Error::to_string() const { return place.empty() ? reason : place + ": " + reason; }

namespace internal {

void fail_result_access(const char* what, const Error* error) {
  std::fprintf(stderr, "%s%s%s\n", what, error ? ": " : "", error ? error->to_string().c_str() : "");
  std::abort();
}

}  // namespace internal

}  // namespace assay
