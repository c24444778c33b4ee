#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/json.h"

namespace assay {
namespace {

std::string scalar_text(const Json& value) {
  if (value.is_binary()) return std::string(value.get_binary().begin(), value.get_binary().end());
  if (value.is_number_float()) ASSAY_CHECK(std::isfinite(value.get<double>()), value.get<double>());
  // Text from outside, such as a file's name, need not be UTF-8; what is written must be.
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return value.is_string() ? printable_json(text) : text;
}

class Dump {
 public:
  explicit Dump(int indent) : indent_(indent) {}

  void value(const Json& value, std::size_t depth) {
    if (!value.is_structured()) {
      text_ += scalar_text(value);
      return;
    }
    const bool object = value.is_object();
    text_ += object ? '{' : '[';
    bool first = true;
    for (const auto& [key, item] : value.items()) {
      if (!first) text_ += ',';
      first = false;
      line(depth + 1);
      if (object) text_ += scalar_text(Json(key)) + (indent_ < 0 ? ":" : ": ");
      this->value(item, depth + 1);
    }
    if (!first) line(depth);
    text_ += object ? '}' : ']';
  }

  std::string take() { return std::move(text_); }

 private:
  void line(std::size_t depth) {
    if (indent_ < 0) return;
    text_ += '\n';
    text_.append(depth * static_cast<std::size_t>(indent_), ' ');
  }

  int indent_;
  std::string text_;
};

}  // namespace

std::size_t internal::count_integer_digits(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const bool leading_zero = text.size() > 1 && text[0] == '0';
  return digits && !leading_zero ? text.size() : 0;
}

Json json_integer(std::string_view decimal) {
  const std::size_t digits = internal::count_integer_digits(decimal);
  ASSAY_CHECK(digits > 0 && digits <= internal::kMaxIntegerDigits, digits, decimal.size());
  const char* const end = decimal.data() + decimal.size();
  std::int64_t small = 0;
  if (std::from_chars(decimal.data(), end, small).ec == std::errc{}) return small;
  std::uint64_t large = 0;
  if (decimal[0] != '-' && std::from_chars(decimal.data(), end, large).ec == std::errc{}) return large;
  return Json::binary({decimal.begin(), decimal.end()});
}

Result<std::string> json_decimal(const Json& value, std::string_view place) {
  if (value.is_number_integer() || value.is_binary()) return scalar_text(value);
  return Error{ErrorCode::kMalformed, std::string(place), "an integer is expected here"};
}

std::string dump_json(const Json& value, int indent) {
  Dump dump(indent);
  dump.value(value, 0);
  return dump.take();
}

}  // namespace assay
