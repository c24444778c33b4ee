// Whatever parses is dumped to a text that parses to the same value; the stream makes the same checks, and
// the reader of fields takes the same value out of it, piece by piece.
#include "base/check.h"
#include "base/json_fields.h"

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

// The value, read as what it is.
assay::Json read_again(const assay::JsonValue& value, const assay::Json& as) {
  if (value.is_null()) return nullptr;
  if (as.is_boolean()) return value.boolean().value();
  if (as.is_number_float()) return value.real().value();
  if (as.is_string()) return value.text(as.get_ref<const std::string&>().size()).value();
  if (as.is_array()) {
    const assay::JsonArray array = value.array(as.size()).value();
    assay::Json out = assay::Json::array();
    for (std::size_t i = 0; i < array.size(); ++i) out.push_back(read_again(array[i], as[i]));
    return out;
  }
  if (!as.is_object()) return assay::json_integer(value.decimal().value());
  const assay::JsonFields fields = value.open_fields().value();
  assay::Json out = assay::Json::object();
  for (const auto& [name, item] : as.items()) out[name] = read_again(fields[name], item);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const assay::Result<assay::Json> value = assay::parse_json(text, "fuzz");
  Anything anything;
  ASSAY_CHECK_EQ(assay::parse_json_stream(text, anything, "fuzz").ok(), value.ok());
  if (!value.ok()) return 0;
  const assay::JsonText whole = assay::JsonText::parse(text, "fuzz", size).value();
  ASSAY_CHECK(read_again(whole.root(), *value) == *value, assay::dump_json(*value));
  if (value->is_object()) {
    for (const auto& [name, item] : value->items()) {
      const assay::JsonValue field = whole.root().open_fields().value()[name];
      const assay::Result<std::string> decimal = field.decimal();
      const auto number = field.integer<std::int64_t>();
      if (!decimal.ok()) ASSAY_CHECK(decimal.error().place.starts_with("fuzz: "), decimal.error().place);
      if (number.ok()) ASSAY_CHECK_EQ(std::to_string(*number), *decimal);
    }
  }
  for (const int indent : {-1, 2}) {
    const std::string dumped = assay::dump_json(*value, indent);
    const assay::Result<assay::Json> again = assay::parse_json(dumped, "dump");
    ASSAY_CHECK(again.ok() && *again == *value, dumped);
    ASSAY_CHECK_EQ(assay::dump_json(*again, indent), dumped);
  }
  return 0;
}
