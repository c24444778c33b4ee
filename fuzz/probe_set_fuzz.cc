// Decodes a set of probes: what is taken is written as a text that reads as the same set.
#include "assay/probe_set.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const auto set = probe::ProbeSet::decode({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!set.ok()) return 0;
  const std::string text = set->encode();
  const auto again = probe::ProbeSet::decode(text, "again");
  ASSAY_CHECK(again.ok(), again.ok() ? "" : again.error().to_string());
  ASSAY_CHECK_EQ(again->encode(), text);
  return 0;
}
