#include "probe/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace assay::probe::internal {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::size_t kDigitBits = 32;

/// Reads bits of a magnitude, digit by digit from the least.
class Magnitude {
 public:
  explicit Magnitude(std::span<const std::int64_t> digits) : digits_(digits) {}

  /// The place of the highest bit that is set; -1 for 0.
  [[nodiscard]] int highest() const {
    for (std::size_t i = digits_.size(); i-- > 0;) {
      if (digits_[i] != 0)
        return static_cast<int>(i * kDigitBits) +
               static_cast<int>(std::bit_width(static_cast<std::uint64_t>(digits_[i]))) - 1;
    }
    return -1;
  }
  [[nodiscard]] std::uint64_t bit(int place) const {
    const auto at = static_cast<std::size_t>(place);
    if (place < 0 || at / kDigitBits >= digits_.size()) return 0;
    return (static_cast<std::uint64_t>(digits_[at / kDigitBits]) >> (at % kDigitBits)) & 1;
  }
  [[nodiscard]] bool any_below(int place) const {
    for (int at = 0; at < place; at += static_cast<int>(kDigitBits)) {
      const std::size_t i = static_cast<std::size_t>(at) / kDigitBits;
      if (i >= digits_.size()) return false;
      auto digit = static_cast<std::uint64_t>(digits_[i]);
      if (place - at < static_cast<int>(kDigitBits)) digit &= (std::uint64_t{1} << (place - at)) - 1;
      if (digit != 0) return true;
    }
    return false;
  }

 private:
  std::span<const std::int64_t> digits_;
};

/// Divides in place; whether something is left over.
bool divide(std::span<std::int64_t> digits, std::uint32_t divisor) {
  std::uint64_t rest = 0;
  for (std::size_t i = digits.size(); i-- > 0;) {
    const std::uint64_t part = (rest << kDigitBits) | static_cast<std::uint64_t>(digits[i]);
    digits[i] = static_cast<std::int64_t>(part / divisor);
    rest = part % divisor;
  }
  return rest != 0;
}

}  // namespace

Parts parts_of(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto exponent = static_cast<std::uint32_t>((bits >> 52) & 0x7ff);
  auto significand = static_cast<std::int64_t>(bits & ((std::uint64_t{1} << 52) - 1));
  if (exponent > 0) significand |= std::int64_t{1} << 52;
  return {(bits >> 63) != 0 ? -significand : significand, exponent > 0 ? exponent - 1 : 0};
}

Parts parts_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t exponent = (bits >> 23) & 0xff;
  auto significand = static_cast<std::int64_t>(bits & ((1U << 23) - 1));
  if (exponent > 0) significand |= std::int64_t{1} << 23;
  return {(bits >> 31) != 0 ? -significand : significand, exponent > 0 ? exponent - 1 : 0};
}

void ExactSum::add_product(Parts a, Parts b) {
  if (a.significand == 0 || b.significand == 0) return;
  const bool negative = (a.significand < 0) != (b.significand < 0);
  const auto first = static_cast<std::uint64_t>(a.significand < 0 ? -a.significand : a.significand);
  const auto second = static_cast<std::uint64_t>(b.significand < 0 ? -b.significand : b.significand);
  const std::uint32_t place = a.exponent + b.exponent;
  // 77 bits at most, moved by 31 at most.
  Wide product = (static_cast<Wide>(first) * second) << (place % kDigitBits);
  for (std::size_t i = place / kDigitBits; product != 0; ++i, product >>= kDigitBits) {
    const auto digit = static_cast<std::int64_t>(static_cast<std::uint64_t>(product) & 0xffffffffU);
    digits_[i] += negative ? -digit : digit;
  }
  if (++pending_ == kCarryAfter) {
    carry(digits_);
    pending_ = 0;
  }
}

void ExactSum::carry(Digits& digits) {
  std::int64_t carried = 0;
  for (std::size_t i = 0; i + 1 < digits.size(); ++i) {
    const std::int64_t sum = digits[i] + carried;
    carried = sum >> kDigitBits;  // rounds down, so that what stays is not negative
    digits[i] = sum - carried * (std::int64_t{1} << kDigitBits);
  }
  digits.back() += carried;
}

std::optional<double> ExactSum::rounded(RoundTo format, std::uint32_t divisor) const {
  ASSAY_CHECK_GT(divisor, 0U);
  Digits digits = digits_;
  carry(digits);
  const bool negative = digits.back() < 0;
  if (negative) {
    for (std::int64_t& digit : digits) digit = -digit;
    carry(digits);
  }
  const bool left_over = divide(digits, divisor);
  const Magnitude magnitude(digits);
  const int highest = magnitude.highest();
  if (highest < 0 && !left_over) return 0.0;
  const int lowest = std::max(highest - (format.bits - 1), format.least - kLeast);
  std::uint64_t significand = 0;
  for (int place = highest; place >= lowest; --place) significand = significand << 1 | magnitude.bit(place);
  const bool half = magnitude.bit(lowest - 1) != 0;
  const bool more = left_over || magnitude.any_below(lowest - 1);
  if (half && (more || (significand & 1) != 0)) ++significand;
  if (static_cast<int>(std::bit_width(significand)) + lowest + kLeast > format.above) return std::nullopt;
  const double value = std::ldexp(static_cast<double>(significand), lowest + kLeast);
  return negative && value != 0 ? -value : value;
}

}  // namespace assay::probe::internal
