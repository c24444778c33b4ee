// Kept quotients on arbitrary bytes: what decodes encodes to the same bytes.
#include <array>
#include <cstdint>
#include <cstdlib>

#include "assay/pst.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const assay::Axes axes = assay::Axes::from(std::array<std::uint64_t, 3>{3, 2, 4}, "fuzz").value();
  const assay::ByteSpan bytes(data, size);
  // Of whatever owner they name.
  assay::Digest owner{};
  constexpr std::size_t kOwnerAt = 13;
  if (size >= kOwnerAt + owner.size()) std::copy_n(bytes.begin() + kOwnerAt, owner.size(), owner.begin());
  const auto kept = assay::pst::KeptQuotients::decode(bytes, axes, owner, "fuzz");
  if (kept.ok() && kept->encode(owner) != assay::Bytes(bytes.begin(), bytes.end())) std::abort();
  return 0;
}
