#include "encode/decimal.h"

#include <bit>

#include "base/check.h"

namespace assay::encode {
namespace {

template <std::size_t N>
void multiply(std::array<std::uint64_t, N>& wide, std::uint64_t factor) {
  unsigned __int128 carry = 0;
  for (std::uint64_t& word : wide) {
    carry += static_cast<unsigned __int128>(word) * factor;
    word = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  ASSAY_CHECK_EQ(carry, 0U);
}

template <std::size_t N>
unsigned bit_length(const std::array<std::uint64_t, N>& wide) {
  for (std::size_t i = N; i-- > 0;) {
    if (wide[i] != 0) return static_cast<unsigned>(64 * i) + static_cast<unsigned>(std::bit_width(wide[i]));
  }
  return 0;
}

template <std::size_t N>
bool bit(const std::array<std::uint64_t, N>& wide, unsigned index) {
  return index < 64 * N && (wide[index / 64] >> (index % 64) & 1) != 0;
}

template <std::size_t N>
bool any_bit_below(const std::array<std::uint64_t, N>& wide, unsigned index) {
  for (unsigned i = 0; i < index && i < 64 * N; ++i) {
    if (bit(wide, i)) return true;
  }
  return false;
}

}  // namespace

DecimalScale::DecimalScale(std::uint32_t scale) : scale_(scale) {
  ASSAY_CHECK_LE(scale, Encoding::kMaxScale);
  power_[0] = 1;
  for (std::uint32_t i = 0; i < scale; ++i) multiply(power_, 5);
  if (bit_length(power_) <= 128) {
    power128_ = static_cast<unsigned __int128>(power_[1]) << 64 | power_[0];
    const unsigned __int128 limit = ~static_cast<unsigned __int128>(0) / power128_;
    fast_limit_ = limit >> 64 != 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(limit);
  }
}

std::optional<DecimalScale::Magnitude> DecimalScale::general(const FloatParts& parts) const {
  Wide product = power_;
  multiply(product, parts.mantissa);
  const unsigned length = bit_length(product);
  const int shift = parts.exponent + static_cast<int>(scale_);
  if (length == 0) return Magnitude{};
  if (static_cast<int>(length) + shift > 256) return std::nullopt;
  Magnitude magnitude{};
  for (unsigned i = 0; i < 256; ++i) {
    const int from = static_cast<int>(i) - shift;
    if (from >= 0 && bit(product, static_cast<unsigned>(from)))
      magnitude[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  if (shift >= 0) return magnitude;
  const auto half_at = static_cast<unsigned>(-shift - 1);
  const bool up = bit(product, half_at) && ((magnitude[0] & 1) != 0 || any_bit_below(product, half_at));
  for (std::size_t i = 0; up && i < magnitude.size(); ++i) {
    if (++magnitude[i] != 0) return magnitude;
  }
  // Only a carry out of 256 ones gets here.
  if (up) return std::nullopt;
  return magnitude;
}

}  // namespace assay::encode
