#include "assay/base.h"

#include <cstdio>
#include <cstdlib>

#include "base/within.h"

namespace assay {

std::string Error::to_string() const { return place.empty() ? reason : place + ": " + reason; }

Error within(std::string_view place, Error error) {
  const std::string& own = error.place;
  const bool named = own.starts_with(place) && (own.size() == place.size() || place.ends_with('/') ||
                                                own[place.size()] == ':' || own[place.size()] == '/');
  if (place.empty() || named) return error;
  error.place = own.empty() ? std::string(place) : std::string(place) + ": " + own;
  return error;
}

namespace internal {

void fail_result_access(const char* what, const Error* error) {
  std::fprintf(stderr, "%s%s%s\n", what, error ? ": " : "",
               error ? printable(error->to_string()).c_str() : "");
  std::abort();
}

}  // namespace internal

}  // namespace assay
