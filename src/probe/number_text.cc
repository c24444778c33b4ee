#include "probe/number_text.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include "base/json.h"

namespace assay::probe::internal {
namespace {

/// Digits d and exponent e: 0.d1d2.. * 10^e.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

template <class Float>
Decimal shortest(Float value) {
  std::array<char, 64> buffer{};
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
  Decimal decimal;
  decimal.negative = text.starts_with('-');
  if (decimal.negative) text.remove_prefix(1);
  const std::size_t e = text.find('e');
  for (const char digit : text.substr(0, e))
    if (digit != '.') decimal.digits += digit;
  std::string_view exponent = text.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), decimal.exponent);
  ++decimal.exponent;
  return decimal;
}

/// Plain where 10^`below` <= value < 10^`above`.
std::string laid_out(const Decimal& decimal, int below, int above) {
  const std::string sign = decimal.negative ? "-" : "";
  const auto length = static_cast<int>(decimal.digits.size());
  const int point = decimal.exponent;
  if (decimal.digits == "0") return sign + "0.0";
  if (length <= point && point <= above)
    return sign + decimal.digits + std::string(static_cast<std::size_t>(point - length), '0') + ".0";
  if (0 < point && point <= above)
    return sign + decimal.digits.substr(0, static_cast<std::size_t>(point)) + "." +
           decimal.digits.substr(static_cast<std::size_t>(point));
  if (below < point && point <= 0)
    return sign + "0." + std::string(static_cast<std::size_t>(-point), '0') + decimal.digits;
  const std::string exponent = "e" + std::to_string(point - 1);
  if (length == 1) return sign + decimal.digits + exponent;
  return sign + decimal.digits.substr(0, 1) + "." + decimal.digits.substr(1) + exponent;
}

}  // namespace

std::string number_text(float value) { return laid_out(shortest(value), -6, 13); }
std::string number_text(double value) { return laid_out(shortest(value), -5, 16); }

std::string quoted(std::string_view text) { return Json(std::string(text)).dump(); }

PrettyJson& PrettyJson::key(std::string_view name) {
  separate();
  out_ += quoted(name) + ": ";
  after_key_ = true;
  return *this;
}

PrettyJson& PrettyJson::text(std::string_view value) { return item(quoted(value)); }

PrettyJson& PrettyJson::open(char bracket) {
  separate();
  out_ += bracket;
  empty_.push_back(true);
  return *this;
}

PrettyJson& PrettyJson::close(char bracket) {
  const bool empty = empty_.back();
  empty_.pop_back();
  if (!empty) out_ += "\n" + std::string(2 * empty_.size(), ' ');
  out_ += bracket;
  return *this;
}

PrettyJson& PrettyJson::item(std::string_view written) {
  separate();
  out_ += written;
  return *this;
}

void PrettyJson::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (empty_.empty()) return;
  out_ += empty_.back() ? "\n" : ",\n";
  empty_.back() = false;
  out_ += std::string(2 * empty_.size(), ' ');
}

}  // namespace assay::probe::internal
