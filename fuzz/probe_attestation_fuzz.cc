// Decodes an attestation of the original: what is taken is written as a text that reads as the same record,
// with the same bytes to be signed; the old layout's are the first of them.
#include <algorithm>

#include "assay/probe_attestation.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const auto read = probe::Attestation::decode({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!read.ok()) return 0;
  const auto again = probe::Attestation::decode(read->encode(), "again");
  ASSAY_CHECK(again.ok(), again.ok() ? "" : again.error().to_string());
  ASSAY_CHECK(again->canonical() == read->canonical(), read->encode());
  const Bytes core = read->legacy_core();
  ASSAY_CHECK(std::ranges::equal(core, ByteSpan(again->canonical()).first(core.size())), to_hex(core));
  ASSAY_CHECK(!probe::verify_attestation(*read, {1, 2, 3}).ok(), read->encode());
  return 0;
}
