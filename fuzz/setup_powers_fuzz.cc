// The frame of a powers file on arbitrary bytes: a file that parses has the head that its transcript encodes
// to, and the length that its axes need.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "setup/powers_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace setup = assay::setup;
  const assay::ByteSpan bytes(data, size);
  const assay::Result<setup::internal::PowersHead> head = setup::internal::parse_powers_file(bytes, "fuzz");
  if (!head.ok()) return 0;
  const assay::Bytes encoded = setup::internal::encode_powers_head(head->ceremony);
  if (encoded.size() != head->points_offset) std::abort();
  if (!std::equal(encoded.begin(), encoded.end(), bytes.begin())) std::abort();
  if (head->points_offset + 64 * head->ceremony.axes.volume() != size) std::abort();
  return 0;
}
