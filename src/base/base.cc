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

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAccepted:
      return "accepted";
    case Outcome::kRejected:
      return "rejected";
    case Outcome::kInconclusive:
      break;
  }
  return "inconclusive";
}

}  // namespace assay
