// Whatever parses is dumped to a text that parses to the same value; the stream makes the same checks.
#include "base/check.h"
#include "base/json.h"

namespace {

class Anything final : public assay::JsonVisitor {
 public:
  assay::Status begin_object() override { return {}; }
  assay::Status end_object() override { return {}; }
  assay::Status begin_array() override { return {}; }
  assay::Status end_array() override { return {}; }
  assay::Status key(std::string_view) override { return {}; }
  assay::Status string(std::string_view) override { return {}; }
  assay::Status integer(std::string_view) override { return {}; }
  assay::Status real(double) override { return {}; }
  assay::Status boolean(bool) override { return {}; }
  assay::Status null() override { return {}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const assay::Result<assay::Json> value = assay::parse_json(text, "fuzz");
  Anything anything;
  ASSAY_CHECK_EQ(assay::parse_json_stream(text, anything, "fuzz").ok(), value.ok());
  if (!value.ok()) return 0;
  for (const int indent : {-1, 2}) {
    const std::string dumped = assay::dump_json(*value, indent);
    const assay::Result<assay::Json> again = assay::parse_json(dumped, "dump");
    ASSAY_CHECK(again.ok() && *again == *value, dumped);
    ASSAY_CHECK_EQ(assay::dump_json(*again, indent), dumped);
  }
  return 0;
}
