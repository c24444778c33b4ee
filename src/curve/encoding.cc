#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "curve/kernel.h"
#include "field/backend_portable.h"
#include "field/element.h"

namespace assay::curve {
namespace {

using F = field::Element<field::FpParameters, field::PortableBackend>;
using field::Limbs;
using Word = std::array<std::uint8_t, 32>;

constexpr std::uint8_t kArkLarger = 0x80;
constexpr std::uint8_t kArkInfinity = 0x40;
constexpr std::uint8_t kGnarkMask = 0xc0;
constexpr std::uint8_t kGnarkSmaller = 0x80;
constexpr std::uint8_t kGnarkLarger = 0xc0;
constexpr std::uint8_t kGnarkInfinity = 0x40;

Limbs to_integer(const Fp& a) { return F(a.limbs).to_integer(); }

Word little_endian(const Fp& a) {
  const Limbs limbs = to_integer(a);
  Word out{};
  for (std::size_t i = 0; i < 32; ++i) out[i] = static_cast<std::uint8_t>(limbs[i / 8] >> (i % 8 * 8));
  return out;
}

Word big_endian(const Fp& a) {
  Word out = little_endian(a);
  std::reverse(out.begin(), out.end());
  return out;
}

Error bad(ErrorCode code, std::string_view place, std::string reason) {
  return Error{code, std::string(place), std::move(reason)};
}

Status check_length(ByteSpan bytes, std::size_t length, std::string_view place) {
  if (bytes.size() == length) return {};
  return bad(
      ErrorCode::kMalformed, place,
      "a point of " + std::to_string(length) + " bytes expected, not of " + std::to_string(bytes.size()));
}

Result<Fp> read_little_endian(ByteSpan bytes, std::string_view place) {
  Limbs limbs{};
  for (std::size_t i = 0; i < 32; ++i) limbs[i / 8] |= std::uint64_t{bytes[i]} << (i % 8 * 8);
  if (field::internal::at_least(limbs, field::kBasePrime)) {
    return bad(ErrorCode::kNonCanonical, place, "a coordinate is not below the field's prime");
  }
  return Fp{F::from_integer(limbs).limbs()};
}

Result<Fp> read_big_endian(ByteSpan bytes, std::string_view place) {
  Word reversed;
  std::reverse_copy(bytes.begin(), bytes.begin() + 32, reversed.begin());
  return read_little_endian(reversed, place);
}

/// a > (p - 1)/2 as an integer.
bool is_larger(const Fp& a) {
  const Limbs integer = to_integer(a);
  return integer != field::FpParameters::kHalf &&
         field::internal::at_least(integer, field::FpParameters::kHalf);
}

/// Order of Fp2: the imaginary parts decide, then the real ones.
bool is_larger(const Fp2& a) { return a.c1 == Fp{} ? is_larger(a.c0) : is_larger(a.c1); }

bool all_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

/// Of the points with the coordinates x and +-y, the one with the larger or the smaller y.
G1Affine with_sign(const Fp& x, const Fp& y, bool larger) {
  const G1Affine point{x, y};
  return is_larger(y) == larger ? point : negate(point);
}

Result<G1Affine> point_of_x(const Fp& x, bool larger, std::string_view place) {
  Fp y;
  if (active_curve_kernel().solve_g1({&x, 1}, {&y, 1}) != 1)
    return bad(ErrorCode::kMalformed, place, "not a point of the curve");
  return with_sign(x, y, larger);
}

/// What 32 bytes in arkworks' form say before the curve is asked.
struct CompressedG1 {
  Fp x;
  bool larger = false;
  bool infinity = false;
};

Result<CompressedG1> parse_g1(ByteSpan bytes32, std::string_view place) {
  Word word;
  std::copy(bytes32.begin(), bytes32.end(), word.begin());
  const std::uint8_t flags = word[31] & (kArkLarger | kArkInfinity);
  word[31] = static_cast<std::uint8_t>(word[31] ^ flags);
  if ((flags & kArkInfinity) != 0) {
    if (flags == kArkInfinity && all_zero(word)) return CompressedG1{{}, false, true};
    return bad(ErrorCode::kNonCanonical, place, "an infinity flag beside other bits");
  }
  return CompressedG1{ASSAY_TRY(read_little_endian(word, place)), flags != 0, false};
}

/// decode_all_g1 on one thread.
std::size_t decode_block(ByteSpan bytes, std::span<G1Affine> out) {
  const Fp on_the_curve = G1Affine::generator().x;  // stands in for points at infinity
  std::vector<CompressedG1> parsed;
  std::vector<Fp> x;
  while (parsed.size() < out.size()) {
    const Result<CompressedG1> next = parse_g1(bytes.subspan(32 * parsed.size(), 32), "");
    if (!next) break;
    parsed.push_back(*next);
    x.push_back(next->infinity ? on_the_curve : next->x);
  }
  std::vector<Fp> y(x.size());
  const std::size_t good = active_curve_kernel().solve_g1(x, y);
  for (std::size_t i = 0; i < good; ++i)
    out[i] = parsed[i].infinity ? G1Affine::infinity() : with_sign(x[i], y[i], parsed[i].larger);
  return good;
}

}  // namespace

std::array<std::uint8_t, 32> encode(const G1Affine& point) {
  Word out = little_endian(point.x);
  if (point.is_infinity()) {
    out[31] = kArkInfinity;
  } else if (is_larger(point.y)) {
    out[31] |= kArkLarger;
  }
  return out;
}

std::array<std::uint8_t, 64> encode(const G2Affine& point) {
  std::array<std::uint8_t, 64> out{};
  const Word c0 = little_endian(point.x.c0);
  const Word c1 = little_endian(point.x.c1);
  std::copy(c0.begin(), c0.end(), out.begin());
  std::copy(c1.begin(), c1.end(), out.begin() + 32);
  if (point.is_infinity()) {
    out[63] = kArkInfinity;
  } else if (is_larger(point.y)) {
    out[63] |= kArkLarger;
  }
  return out;
}

Result<G1Affine> decode_g1(ByteSpan bytes32, std::string_view place) {
  ASSAY_TRY(check_length(bytes32, 32, place));
  const CompressedG1 parsed = ASSAY_TRY(parse_g1(bytes32, place));
  if (parsed.infinity) return G1Affine::infinity();
  return point_of_x(parsed.x, parsed.larger, place);
}

std::size_t decode_all_g1(ByteSpan bytes, std::span<G1Affine> out) {
  ASSAY_CHECK_EQ(bytes.size(), 32 * out.size());
  constexpr std::size_t kGrain = 16, kBlock = 256;
  std::atomic<std::size_t> first_bad = out.size();
  parallel_for(0, out.size(), kGrain, [&](std::size_t first, std::size_t last) {
    std::size_t found = last;
    for (std::size_t begin = first; begin < last && found == last; begin += kBlock) {
      const std::size_t count = std::min(kBlock, last - begin);
      const std::size_t good = decode_block(bytes.subspan(32 * begin, 32 * count), out.subspan(begin, count));
      if (good != count) found = begin + good;
    }
    if (found == last) return;
    std::size_t known = first_bad.load();
    while (found < known && !first_bad.compare_exchange_weak(known, found)) {
    }
  });
  return first_bad.load();
}

Result<G2Affine> decode_g2(ByteSpan bytes64, std::string_view place) {
  ASSAY_TRY(check_length(bytes64, 64, place));
  std::array<std::uint8_t, 64> word;
  std::copy(bytes64.begin(), bytes64.end(), word.begin());
  const std::uint8_t flags = word[63] & (kArkLarger | kArkInfinity);
  word[63] = static_cast<std::uint8_t>(word[63] ^ flags);
  if ((flags & kArkInfinity) != 0) {
    if (flags == kArkInfinity && all_zero(word)) return G2Affine::infinity();
    return bad(ErrorCode::kNonCanonical, place, "an infinity flag beside other bits");
  }
  const ByteSpan span(word);
  const Fp2 x{ASSAY_TRY(read_little_endian(span.first(32), place)),
              ASSAY_TRY(read_little_endian(span.last(32), place))};
  const auto y = active_curve_kernel().solve_g2(x);
  if (!y) return bad(ErrorCode::kMalformed, place, "not a point of the twist");
  const G2Affine point{x, *y};
  if (!active_curve_kernel().is_in_g2(point)) {
    return bad(ErrorCode::kMalformed, place, "a point outside the subgroup of order r");
  }
  return is_larger(*y) == (flags != 0) ? point : negate(point);
}

std::array<std::uint8_t, 32> encode_gnark(const G1Affine& point) {
  if (point.is_infinity()) return {kGnarkInfinity};
  Word out = big_endian(point.x);
  out[0] |= is_larger(point.y) ? kGnarkLarger : kGnarkSmaller;
  return out;
}

Result<G1Affine> decode_gnark_g1(ByteSpan bytes32, std::string_view place) {
  ASSAY_TRY(check_length(bytes32, 32, place));
  Word word;
  std::copy(bytes32.begin(), bytes32.end(), word.begin());
  const std::uint8_t flags = word[0] & kGnarkMask;
  word[0] = static_cast<std::uint8_t>(word[0] ^ flags);
  if (flags == kGnarkInfinity) {
    if (all_zero(word)) return G1Affine::infinity();
    return bad(ErrorCode::kNonCanonical, place, "an infinity flag beside other bits");
  }
  if (flags == 0) return bad(ErrorCode::kMalformed, place, "not marked as a compressed point");
  const Fp x = ASSAY_TRY(read_big_endian(word, place));
  return point_of_x(x, flags == kGnarkLarger, place);
}

std::array<std::uint8_t, 64> encode_evm(const G1Affine& point) {
  std::array<std::uint8_t, 64> out{};
  const Word x = big_endian(point.x);
  const Word y = big_endian(point.y);
  std::copy(x.begin(), x.end(), out.begin());
  std::copy(y.begin(), y.end(), out.begin() + 32);
  return out;
}

std::array<std::uint8_t, 128> encode_evm(const G2Affine& point) {
  std::array<std::uint8_t, 128> out{};
  const std::array<Word, 4> words = {big_endian(point.x.c1), big_endian(point.x.c0), big_endian(point.y.c1),
                                     big_endian(point.y.c0)};
  for (std::size_t i = 0; i < 4; ++i) {
    std::copy(words[i].begin(), words[i].end(), out.begin() + static_cast<std::ptrdiff_t>(32 * i));
  }
  return out;
}

Result<G1Affine> decode_evm_g1(ByteSpan bytes64, std::string_view place) {
  ASSAY_TRY(check_length(bytes64, 64, place));
  const G1Affine point{ASSAY_TRY(read_big_endian(bytes64.first(32), place)),
                       ASSAY_TRY(read_big_endian(bytes64.last(32), place))};
  if (!active_curve_kernel().is_in_g1(point))
    return bad(ErrorCode::kMalformed, place, "not a point of the curve");
  return point;
}

Result<G2Affine> decode_evm_g2(ByteSpan bytes128, std::string_view place) {
  ASSAY_TRY(check_length(bytes128, 128, place));
  std::array<Fp, 4> words;
  for (std::size_t i = 0; i < 4; ++i)
    words[i] = ASSAY_TRY(read_big_endian(bytes128.subspan(32 * i, 32), place));
  const G2Affine point{{words[1], words[0]}, {words[3], words[2]}};
  if (!active_curve_kernel().is_in_g2(point)) {
    return bad(ErrorCode::kMalformed, place, "not a point of the twist's subgroup of order r");
  }
  return point;
}

}  // namespace assay::curve
