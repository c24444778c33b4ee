// Openings from any bytes: refused, or written as the same bytes.
#include <algorithm>

#include "assay/audit_challenge.h"
#include "base/check.h"

using namespace assay;
using namespace assay::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes(data, size);
  const Result<Openings> openings = Openings::decode(bytes, "fuzz");
  if (!openings.ok()) {
    ASSAY_CHECK(openings.error().place.starts_with("fuzz"), openings.error().place);
    return 0;
  }
  ASSAY_CHECK(std::ranges::equal(openings->encode(), bytes), to_hex(openings->encode()));
  return 0;
}
