#include "integers/signed_integer.h"

#include <algorithm>

#include "base/check.h"

namespace assay {

bool fits_int64(const Scalar& value) {
  const Scalar magnitude = value.magnitude();
  if (magnitude.bit_width() <= 63) return true;
  return value.is_negative() && magnitude.words == std::array<std::uint64_t, 4>{std::uint64_t{1} << 63};
}

std::int64_t to_int64(const Scalar& value) {
  ASSAY_CHECK(fits_int64(value), value.to_signed_decimal());
  const std::uint64_t magnitude = value.magnitude().words[0];
  return static_cast<std::int64_t>(value.is_negative() ? 0 - magnitude : magnitude);
}

bool signed_less(const Scalar& a, const Scalar& b) {
  if (a.is_negative() != b.is_negative()) return a.is_negative();
  // Residues of one sign keep the order of the integers.
  return std::lexicographical_compare(a.words.rbegin(), a.words.rend(), b.words.rbegin(), b.words.rend());
}

}  // namespace assay
