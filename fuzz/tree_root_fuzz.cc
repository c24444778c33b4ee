// Decodes a public part: what is taken has one encoding, and a depth.
#include <algorithm>

#include "assay/tree.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const ByteSpan bytes(data, size);
  const Result<tree::Root> root = tree::Root::decode(bytes, "fuzz");
  if (!root.ok()) return 0;
  ASSAY_CHECK(std::ranges::equal(root->encode(), bytes), to_hex(root->encode()));
  ASSAY_CHECK_LT(bytes.size(), 200U);
  ASSAY_CHECK_LE(root->depth(), 40U);
  return 0;
}
