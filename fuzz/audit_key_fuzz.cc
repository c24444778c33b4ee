// A key from any bytes: refused, or written as the same bytes.
#include <algorithm>

#include "assay/audit_key.h"
#include "base/check.h"

using namespace assay;
using namespace assay::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes(data, size);
  const Result<Key> key = Key::decode(bytes, "fuzz");
  if (!key.ok()) {
    ASSAY_CHECK(key.error().place.starts_with("fuzz"), key.error().place);
    return 0;
  }
  ASSAY_CHECK(std::ranges::equal(key->encode(), bytes), to_hex(key->encode()));
  return 0;
}
