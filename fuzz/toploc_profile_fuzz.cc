// Reads profiles: what is taken has bounds that exclude something, and is read again as it is written.
#include "assay/toploc_verdict.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<toploc::Profile> profile = toploc::Profile::from_json(text, "fuzz");
  if (!profile.ok()) {
    ASSAY_CHECK(profile.error().place.starts_with("fuzz"), profile.error().place);
    return 0;
  }
  ASSAY_CHECK(profile->validate().ok(), text);
  ASSAY_CHECK(profile->source.starts_with("fuzz, SHA-256 "), profile->source);
  const std::string written = profile->to_json();
  const Result<toploc::Profile> again = toploc::Profile::from_json(written, "again");
  ASSAY_CHECK(again.ok(), written);
  ASSAY_CHECK_EQ(again->to_json(), written);
  return 0;
}
