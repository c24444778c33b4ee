// Decodes a .gotgeo, whose hash must be that of its matrix; the same with the hash put right, which no change
// of the input could do. What is taken has one encoding.
#include <algorithm>

#include "assay/probe.h"
#include "base/check.h"

namespace {

using namespace assay;

void read(ByteSpan bytes) {
  const Result<probe::Checkpoint> found = probe::Checkpoint::decode(bytes, "fuzz");
  if (found.ok()) ASSAY_CHECK(std::ranges::equal(found->encode(), bytes), to_hex(bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read({data, size});
  constexpr std::uint32_t kSide = 3;
  if (size < kSide * kSide * sizeof(float)) return 0;
  probe::Checkpoint made{kSide, 0, std::vector<float>(kSide * kSide)};
  std::copy_n(data, made.phi.size() * sizeof(float), reinterpret_cast<std::uint8_t*>(made.phi.data()));
  read(made.encode());
  return 0;
}
