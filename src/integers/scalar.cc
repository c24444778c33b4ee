#include <algorithm>
#include <bit>

#include "assay/integers.h"
#include "base/check.h"
#include "base/try.h"

namespace assay {
namespace {

using Words = std::array<std::uint64_t, 4>;
__extension__ using Wide = unsigned __int128;

// (r - 1) / 2.
constexpr Words kHalf = {kScalarModulus[0] >> 1 | kScalarModulus[1] << 63,
                         kScalarModulus[1] >> 1 | kScalarModulus[2] << 63,
                         kScalarModulus[2] >> 1 | kScalarModulus[3] << 63, kScalarModulus[3] >> 1};

constexpr std::size_t kMaxDigits = 78;    // of 2^256
constexpr std::size_t kScalarChunk = 19;  // decimal digits that always fit one word
constexpr std::uint64_t kTenToChunk = 10'000'000'000'000'000'000u;

bool less_vartime(const Words& a, const Words& b) {
  return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

// r - a, for 0 < a < r.
Words negate(const Words& a) {
  Words out;
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const Wide difference = Wide{kScalarModulus[i]} - a[i] - borrow;
    out[i] = static_cast<std::uint64_t>(difference);
    borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
  }
  return out;
}

// a := a * factor + addend; what does not fit 256 bits is returned.
std::uint64_t multiply_add(Words& a, std::uint64_t factor, std::uint64_t addend) {
  std::uint64_t carry = addend;
  for (std::uint64_t& word : a) {
    const Wide product = Wide{word} * factor + carry;
    word = static_cast<std::uint64_t>(product);
    carry = static_cast<std::uint64_t>(product >> 64);
  }
  return carry;
}

// a := a / divisor; the remainder is returned.
std::uint64_t divide(Words& a, std::uint64_t divisor) {
  std::uint64_t remainder = 0;
  for (std::size_t i = 4; i-- > 0;) {
    const Wide dividend = Wide{remainder} << 64 | a[i];
    a[i] = static_cast<std::uint64_t>(dividend / divisor);
    remainder = static_cast<std::uint64_t>(dividend % divisor);
  }
  return remainder;
}

Error out_of_range(std::string_view place) {
  return {ErrorCode::kOutOfRange, std::string(place),
          "an integer outside the scalar field: above (r - 1) / 2, or r - 1"};
}

}  // namespace

Scalar Scalar::from_u64(std::uint64_t value) { return {{value, 0, 0, 0}}; }

Scalar Scalar::from_i64(std::int64_t value) {
  if (value >= 0) return from_u64(static_cast<std::uint64_t>(value));
  return {negate({0 - static_cast<std::uint64_t>(value), 0, 0, 0})};
}

Result<Scalar> Scalar::from_magnitude(bool negative, const Words& magnitude, std::string_view place) {
  if (less_vartime(kHalf, magnitude)) return out_of_range(place);
  const bool zero = magnitude == Words{};
  return Scalar{negative && !zero ? negate(magnitude) : magnitude};
}

Result<Scalar> Scalar::from_decimal(std::string_view text, std::string_view place) {
  const auto malformed = [&](const char* reason) {
    return Error{ErrorCode::kMalformed, std::string(place), reason};
  };
  const bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty()) return malformed("no digits");
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return malformed("not a decimal integer: digits, with '-' before them at most");
  }
  if (digits[0] == '0' && digits.size() > 1) return malformed("an integer with a leading zero");
  if (digits == "0" && negative) return malformed("minus zero: write 0");
  if (digits.size() > kMaxDigits) return out_of_range(place);

  Words words{};
  std::uint64_t overflow = 0;
  while (!digits.empty()) {
    const std::size_t taken = std::min(digits.size(), kScalarChunk);
    std::uint64_t chunk = 0;
    std::uint64_t scale = 1;
    for (const char c : digits.substr(0, taken)) {
      chunk = 10 * chunk + static_cast<std::uint64_t>(c - '0');
      scale *= 10;
    }
    overflow |= multiply_add(words, scale, chunk);
    digits.remove_prefix(taken);
  }
  if (overflow != 0) return out_of_range(place);
  if (negative) return from_magnitude(true, words, place);
  if (!less_vartime(words, kScalarModulus)) return out_of_range(place);
  return Scalar{words};
}

Result<Scalar> Scalar::from_bytes(ByteSpan bytes, std::string_view place) {
  if (bytes.size() != 32) return Error{ErrorCode::kMalformed, std::string(place), "a scalar has 32 bytes"};
  Scalar scalar;
  for (std::size_t i = 0; i < 32; ++i) scalar.words[i / 8] |= std::uint64_t{bytes[i]} << (8 * (i % 8));
  if (!less_vartime(scalar.words, kScalarModulus)) {
    return Error{ErrorCode::kNonCanonical, std::string(place),
                 "a scalar that is not below the group order r"};
  }
  return scalar;
}

std::array<std::uint8_t, 32> Scalar::to_bytes() const {
  std::array<std::uint8_t, 32> bytes;
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(words[i / 8] >> (8 * (i % 8)));
  return bytes;
}

bool Scalar::is_negative() const { return less_vartime(kHalf, words); }

Scalar Scalar::magnitude() const { return is_negative() ? Scalar{negate(words)} : *this; }

std::string Scalar::to_signed_decimal() const {
  std::string digits = magnitude().to_decimal();
  if (is_negative()) digits.insert(digits.begin(), '-');
  return digits;
}

std::string Scalar::to_decimal() const {
  Words rest = words;
  std::string reversed;
  do {
    std::uint64_t chunk = divide(rest, kTenToChunk);
    const bool last = rest == Words{};
    for (std::size_t i = 0; last ? chunk > 0 || reversed.empty() : i < kScalarChunk; ++i) {
      reversed.push_back(static_cast<char>('0' + chunk % 10));
      chunk /= 10;
    }
  } while (rest != Words{});
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

unsigned Scalar::bit_width() const {
  for (std::size_t i = 4; i-- > 0;) {
    if (words[i] != 0) return static_cast<unsigned>(64 * i) + static_cast<unsigned>(std::bit_width(words[i]));
  }
  return 0;
}

}  // namespace assay
