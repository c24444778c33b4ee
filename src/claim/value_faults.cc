#include "claim/value_faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

namespace assay::claim::internal {
namespace {

/// The index of the first that is an infinity or no number as `bits` of the dtype has them, or the count. All
/// lie in the range.
std::size_t find_hole(const IntegerView& values, tensor::Dtype dtype) {
  const auto first = [&](std::uint64_t exponent) {
    return values.visit([&](auto typed) -> std::size_t {
      using T = typename decltype(typed)::value_type;
      const auto is_hole = [exponent](const T& value) {
        std::uint64_t bits = 0;
        if constexpr (std::is_same_v<T, Scalar>)
          bits = value.is_negative() ? 0 - value.magnitude().words[0] : value.words[0];
        else
          bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
        return (bits & exponent) == exponent;
      };
      return static_cast<std::size_t>(std::ranges::find_if(typed, is_hole) - typed.begin());
    });
  };
  switch (dtype) {
    case tensor::Dtype::kF16:
      return first(0x7c00);
    case tensor::Dtype::kBF16:
      return first(0x7f80);
    case tensor::Dtype::kF32:
      return first(0x7f800000);
    default:
      break;
  }
  return values.size();
}

}  // namespace

std::size_t find_outside(const IntegerView& values, const encode::Range& range) {
  if (values.size() == 0) return 0;
  return values.visit([&](auto typed) -> std::size_t {
    using T = typename decltype(typed)::value_type;
    if constexpr (std::is_same_v<T, Scalar>) {
      return std::ranges::find_if_not(typed, [&](const Scalar& v) { return range.contains(v); }) -
             typed.begin();
    } else {
      const auto inside = [&](T v) { return range.contains(Scalar::from_i64(v)); };
      const auto [smallest, largest] = std::ranges::minmax_element(typed);
      if (inside(*smallest) && inside(*largest)) return typed.size();
      return std::ranges::find_if_not(typed, inside) - typed.begin();
    }
  });
}

std::string fault_of_values(const Header& header, const encode::Range& range, const IntegerView& values) {
  if (const std::size_t outside = find_outside(values, range); outside < values.size())
    return fmt::format("{} lies outside {} to {}, the values of {}", values[outside].to_signed_decimal(),
                       range.smallest.to_signed_decimal(), range.largest.to_signed_decimal(),
                       header.encoding.to_string());
  if (!header.dtype || header.encoding.kind != encode::Encoding::Kind::kBits) return "";
  const std::size_t hole = find_hole(values, *header.dtype);
  if (hole == values.size()) return "";
  return fmt::format("{} is the bit pattern of an infinity or of no number, which is never committed to",
                     values[hole].to_signed_decimal());
}

}  // namespace assay::claim::internal
