// Reads profiles: what is taken has bounds that exclude something, and is the text that it would be written
// as.
#include "assay/audit_profile.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<audit::Profile> profile = audit::Profile::from_json(text, "fuzz");
  if (!profile.ok()) {
    ASSAY_CHECK(profile.error().place.starts_with("fuzz"), profile.error().place);
    return 0;
  }
  ASSAY_CHECK(profile->validate().ok(), text);
  ASSAY_CHECK(profile->source.starts_with("fuzz, SHA-256 "), profile->source);
  ASSAY_CHECK_EQ(profile->to_json(), text);
  return 0;
}
