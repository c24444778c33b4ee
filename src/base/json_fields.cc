#include "base/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/format_version.h"
#include "base/within.h"

namespace assay {
namespace {

constexpr std::string_view kFormatField = "format";

/// The steps from `from` to `target`, the last one first.
bool find_steps(const Json& from, const Json& target, std::vector<std::string>& steps) {
  if (&from == &target) return true;
  if (from.is_object()) {
    for (const auto& [name, value] : from.get_ref<const Json::object_t&>()) {
      if (!find_steps(value, target, steps)) continue;
      steps.push_back(fmt::format(".{}", internal::shown(name)));
      return true;
    }
  } else if (from.is_array()) {
    std::size_t i = 0;
    for (const Json& item : from.get_ref<const Json::array_t&>()) {
      if (find_steps(item, target, steps)) {
        steps.push_back(fmt::format("[{}]", i));
        return true;
      }
      ++i;
    }
  }
  return false;
}

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Result<JsonText> JsonText::parse(std::string_view text, std::string_view place, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", text.size(), max_bytes)};
  return JsonText(ASSAY_TRY(parse_json(text, place)), place);
}

Result<JsonText> JsonText::read(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const Bytes bytes = ASSAY_TRY(read_file(path, max_bytes));
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(), bytes.size());
}

JsonValue JsonText::root() const& { return {*this, json_}; }

std::string JsonText::place_of(const Json& value) const {
  std::vector<std::string> steps;
  find_steps(json_, value, steps);
  std::string path;
  for (std::size_t i = steps.size(); i-- > 0;) path += steps[i];
  if (!path.starts_with('.')) return place_ + path;
  // The first field stands alone, or behind the file.
  path.erase(0, 1);
  return place_.empty() ? path : place_ + ": " + path;
}

std::string JsonValue::place() const {
  if (value_ != nullptr) return whole_->place_of(*value_);
  const std::string above = whole_->place_of(*parent_);
  if (above.empty()) return std::string(internal::shown(name_));
  return fmt::format("{}{}{}", above, parent_ == &whole_->json_ ? ": " : ".", internal::shown(name_));
}

Error JsonValue::error(ErrorCode code, std::string reason) const {
  return {code, place(), std::move(reason)};
}

Error JsonValue::located(Error error) const { return within(place(), std::move(error)); }

Error JsonValue::expected(std::string_view what, ErrorCode code) const {
  if (value_ == nullptr) return error(ErrorCode::kMalformed, "this field is missing");
  return error(code, fmt::format("{} is expected here", what));
}

Result<bool> JsonValue::boolean() const {
  if (value_ == nullptr || !value_->is_boolean()) return expected("true or false");
  return value_->get<bool>();
}

Result<std::uint64_t> JsonValue::unsigned_integer(std::uint64_t min, std::uint64_t max) const {
  const auto refused = [&](ErrorCode code) {
    return expected(fmt::format("an integer from {} to {}", min, max), code);
  };
  // Kept as digits is what 64 bits do not hold.
  if (value_ == nullptr || (!value_->is_number_integer() && !value_->is_binary()))
    return refused(ErrorCode::kMalformed);
  const bool held =
      value_->is_number_unsigned() || (value_->is_number_integer() && value_->get<std::int64_t>() >= 0);
  const std::uint64_t value = held ? value_->get<std::uint64_t>() : 0;
  if (!held || value < min || value > max) return refused(ErrorCode::kOutOfRange);
  return value;
}

Result<std::int64_t> JsonValue::signed_integer(std::int64_t min, std::int64_t max) const {
  const auto refused = [&](ErrorCode code) {
    return expected(fmt::format("an integer from {} to {}", min, max), code);
  };
  if (value_ == nullptr || (!value_->is_number_integer() && !value_->is_binary()))
    return refused(ErrorCode::kMalformed);
  const bool held =
      value_->is_number_unsigned() ? value_->get<std::uint64_t>() <= INT64_MAX : value_->is_number_integer();
  const std::int64_t value = held ? value_->get<std::int64_t>() : 0;
  if (!held || value < min || value > max) return refused(ErrorCode::kOutOfRange);
  return value;
}

Result<std::string> JsonValue::decimal() const {
  if (value_ == nullptr) return expected("an integer");
  return located(json_decimal(*value_, {}));
}

Result<double> JsonValue::real(double min, double max) const {
  const auto refused = [&](ErrorCode code) {
    const bool any =
        min == std::numeric_limits<double>::lowest() && max == std::numeric_limits<double>::max();
    return expected(any ? "a number" : fmt::format("a number from {} to {}", min, max), code);
  };
  if (value_ == nullptr || (!value_->is_number() && !value_->is_binary()))
    return refused(ErrorCode::kMalformed);
  double value = 0;
  if (value_->is_binary()) {
    const std::string digits = ASSAY_TRY(decimal());
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
  } else {
    value = value_->get<double>();
  }
  if (!(value >= min && value <= max)) return refused(ErrorCode::kOutOfRange);
  return value;
}

Result<std::string> JsonValue::text(std::size_t max_bytes) const {
  if (value_ == nullptr || !value_->is_string()) return expected("a text");
  const std::string& text = value_->get_ref<const std::string&>();
  if (text.size() > max_bytes)
    return error(ErrorCode::kTooLarge,
                 fmt::format("a text of {} bytes, at most {} are taken", text.size(), max_bytes));
  return text;
}

Result<std::string> JsonValue::ascii(std::size_t max_bytes) const {
  std::string text = ASSAY_TRY(this->text(max_bytes));
  if (!is_printable_ascii(text)) return expected("a text of printable ASCII");
  return text;
}

Result<Bytes> JsonValue::hex(std::size_t bytes) const {
  const auto refused = [&] { return expected(fmt::format("a text of {} hexadecimal digits", 2 * bytes)); };
  if (value_ == nullptr || !value_->is_string()) return refused();
  Result<Bytes> read = from_hex(value_->get_ref<const std::string&>(), {});
  if (!read.ok() || read->size() != bytes) return refused();
  return read;
}

Result<Bytes> JsonValue::base64(std::size_t max_bytes) const {
  if (value_ == nullptr || !value_->is_string()) return expected("a text in base64");
  const std::string& text = value_->get_ref<const std::string&>();
  const auto too_large = [&] {
    return error(ErrorCode::kTooLarge, fmt::format("base64 of more than {} bytes", max_bytes));
  };
  if (text.size() / 4 > (max_bytes + 2) / 3) return too_large();
  Bytes bytes = ASSAY_TRY(located(from_base64(text, {})));
  if (bytes.size() > max_bytes) return too_large();
  return bytes;
}

Result<JsonArray> JsonValue::array(std::size_t max_items) const {
  if (value_ == nullptr || !value_->is_array()) return expected("an array");
  if (value_->size() > max_items)
    return error(ErrorCode::kTooLarge,
                 fmt::format("{} items, at most {} are read", value_->size(), max_items));
  return JsonArray(*this);
}

Result<JsonFields> JsonValue::open_fields() const {
  if (value_ == nullptr || !value_->is_object()) return expected("an object");
  return JsonFields(*this);
}

Result<JsonFields> JsonValue::fields(const JsonNames& required, const JsonNames& optional) const {
  const JsonFields fields = ASSAY_TRY(open_fields());
  for (const std::string_view name : required)
    if (!fields.has(name)) return fields[name].expected("a value");
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto is_this = [&](std::string_view name) { return name == fields.name(i); };
    if (std::ranges::none_of(required, is_this) && std::ranges::none_of(optional, is_this))
      return fields.value(i).error(ErrorCode::kMalformed, "no field of this name belongs here");
  }
  return fields;
}

Result<JsonFields> JsonValue::format(std::string_view tag, std::uint32_t version, const JsonNames& required,
                                     const JsonNames& optional) const {
  const JsonValue field = ASSAY_TRY(open_fields())[kFormatField];
  if (field.value_ == nullptr || !field.value_->is_string()) return field.expected("a text");
  ASSAY_TRY(field.located(check_format(field.value_->get_ref<const std::string&>(), tag, version, {})));
  JsonNames all = required;
  all.push_back(kFormatField);
  return fields(all, optional);
}

const Json* JsonFields::find(std::string_view name) const {
  for (const auto& [key, value] : members())
    if (key == name) return &value;
  return nullptr;
}

}  // namespace assay
