// A manifest from any bytes: refused, or written as the same bytes, with tensors that are found by name and a
// root that a row's opening could lead to.
#include <algorithm>

#include "assay/weights_manifest.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const ByteSpan bytes(data, size);
  const Result<weights::Manifest> manifest = weights::Manifest::decode(bytes, "fuzz");
  if (!manifest.ok()) {
    ASSAY_CHECK(manifest.error().place.starts_with("fuzz"), manifest.error().place);
    return 0;
  }
  ASSAY_CHECK(std::ranges::equal(manifest->encode(), bytes), to_hex(manifest->encode()));
  for (const weights::TensorEntry& entry : manifest->tensors())
    ASSAY_CHECK(manifest->find(entry.name) == &entry, entry.name);
  ASSAY_CHECK(weights::check_root(*manifest, manifest->root()).ok(), to_hex(manifest->root()));
  return 0;
}
