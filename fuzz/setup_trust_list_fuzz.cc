// Reads lists of trusted SRSs: what is taken is written as it was, and has labels that can be shown.
#include <algorithm>

#include "assay/setup.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Result<setup::TrustList> list = setup::TrustList::parse(text, "fuzz");
  if (!list.ok()) {
    ASSAY_CHECK(list.error().place.starts_with("fuzz"), list.error().place);
    return 0;
  }
  ASSAY_CHECK_EQ(list->to_text(), text);
  const std::vector<setup::TrustList::Entry> entries = list->entries();
  for (const setup::TrustList::Entry& entry : entries) {
    ASSAY_CHECK_EQ(printable(entry.label), entry.label);
    ASSAY_CHECK(list->find(entry.digest) != nullptr, to_hex(entry.digest));
  }
  for (const setup::TrustList::Entry& entry : entries) list->remove(entry.digest);
  ASSAY_CHECK_EQ(list->entries().size(), 0U);
  return 0;
}
