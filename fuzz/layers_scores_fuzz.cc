// Decodes scores of layers: what is taken is sound, and written again, pretty or on one line, it is read as
// the same. Input: the text.
#include "assay/layers.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  using namespace assay::layers;
  const Result<Scores> scores = Scores::decode({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!scores.ok()) {
    ASSAY_CHECK(scores.error().place.starts_with("fuzz"), scores.error().place);
    return 0;
  }
  ASSAY_CHECK(scores->validate().ok(), scores->validate().error().to_string());
  for (const bool pretty : {false, true}) {
    const std::string text = scores->encode(pretty).value();
    ASSAY_CHECK(Scores::decode(text, "again").value() == *scores, text);
  }
  return 0;
}
