// The byte forms of docs/curve.md, over any curve that the templates of this room take.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "curve/parameters.h"
#include "field/backend_portable.h"
#include "field/element.h"

namespace assay::curve {

/// What decoding asks about points, with the contracts of CurveKernel.
template <class Points>
concept KnowsPoints = requires(std::span<const Fp> x, std::span<Fp> y, const Fp2& x2, const G1Affine& p,
                               const G2Affine& q) {
  { Points::solve_g1(x, y) } -> std::same_as<std::size_t>;
  { Points::solve_g2(x2) } -> std::same_as<std::optional<Fp2>>;
  { Points::is_in_g1(p) } -> std::same_as<bool>;
  { Points::is_in_g2(q) } -> std::same_as<bool>;
};

/// The functions of assay/curve.h of the same names, for coordinates of kBytes bytes.
template <CurveConstants Curve, KnowsPoints Points>
class Encoding {
  using P = typename Curve::BaseField;
  using F = field::Element<P, field::PortableBackend>;
  using Limbs = field::Limbs;

 public:
  static constexpr std::size_t kBytes = Curve::kBytes;
  using Word = std::array<std::uint8_t, kBytes>;
  using TwoWords = std::array<std::uint8_t, 2 * kBytes>;
  using FourWords = std::array<std::uint8_t, 4 * kBytes>;

  static Word encode(const G1Affine& point) {
    Word out = little_endian(point.x);
    out.back() |= flags_of(point);
    return out;
  }

  static TwoWords encode(const G2Affine& point) {
    TwoWords out = joined<2>({little_endian(point.x.c0), little_endian(point.x.c1)});
    out.back() |= flags_of(point);
    return out;
  }

  static Result<G1Affine> decode_g1(ByteSpan bytes, std::string_view place) {
    ASSAY_TRY(check_length(bytes, kBytes, place));
    const CompressedG1 parsed = ASSAY_TRY(parse_g1(bytes, place));
    if (parsed.infinity) return G1Affine::infinity();
    return point_of_x(parsed.x, parsed.larger, place);
  }

  static std::size_t decode_all_g1(ByteSpan bytes, std::span<G1Affine> out) {
    ASSAY_CHECK_EQ(bytes.size(), kBytes * out.size());
    constexpr std::size_t kGrain = 16, kBlock = 256;
    std::atomic<std::size_t> first_bad = out.size();
    parallel_for(0, out.size(), kGrain, [&](std::size_t first, std::size_t last) {
      std::size_t found = last;
      for (std::size_t begin = first; begin < last && found == last; begin += kBlock) {
        const std::size_t count = std::min(kBlock, last - begin);
        const std::size_t good =
            decode_block(bytes.subspan(kBytes * begin, kBytes * count), out.subspan(begin, count));
        if (good != count) found = begin + good;
      }
      if (found == last) return;
      std::size_t known = first_bad.load();
      while (found < known && !first_bad.compare_exchange_weak(known, found)) {
      }
    });
    return first_bad.load();
  }

  static Result<G2Affine> decode_g2(ByteSpan bytes, std::string_view place) {
    ASSAY_TRY(check_length(bytes, 2 * kBytes, place));
    TwoWords word;
    std::copy(bytes.begin(), bytes.end(), word.begin());
    const std::uint8_t flags = word.back() & (kArkLarger | kArkInfinity);
    word.back() = static_cast<std::uint8_t>(word.back() ^ flags);
    if ((flags & kArkInfinity) != 0) {
      if (flags == kArkInfinity && all_zero(word)) return G2Affine::infinity();
      return bad(ErrorCode::kNonCanonical, place, "an infinity flag beside other bits");
    }
    const ByteSpan span(word);
    const Fp2 x{ASSAY_TRY(read_little_endian(span.first(kBytes), place)),
                ASSAY_TRY(read_little_endian(span.last(kBytes), place))};
    const auto y = Points::solve_g2(x);
    if (!y) return bad(ErrorCode::kMalformed, place, "not a point of the twist");
    const G2Affine point{x, with_sign(*y, flags != 0)};
    if (!Points::is_in_g2(point)) {
      return bad(ErrorCode::kMalformed, place, "a point outside the subgroup of order r");
    }
    return point;
  }

  static Word encode_gnark(const G1Affine& point) {
    if (point.is_infinity()) return {kGnarkInfinity};
    Word out = big_endian(point.x);
    out[0] |= is_larger(point.y) ? kGnarkLarger : kGnarkSmaller;
    return out;
  }

  static Result<G1Affine> decode_gnark_g1(ByteSpan bytes, std::string_view place) {
    ASSAY_TRY(check_length(bytes, kBytes, place));
    Word word;
    std::copy(bytes.begin(), bytes.end(), word.begin());
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

  static TwoWords encode_evm(const G1Affine& point) {
    return joined<2>({big_endian(point.x), big_endian(point.y)});
  }

  static FourWords encode_evm(const G2Affine& point) {
    return joined<4>(
        {big_endian(point.x.c1), big_endian(point.x.c0), big_endian(point.y.c1), big_endian(point.y.c0)});
  }

  static Result<G1Affine> decode_evm_g1(ByteSpan bytes, std::string_view place) {
    ASSAY_TRY(check_length(bytes, 2 * kBytes, place));
    const G1Affine point{ASSAY_TRY(read_big_endian(bytes.first(kBytes), place)),
                         ASSAY_TRY(read_big_endian(bytes.last(kBytes), place))};
    if (!Points::is_in_g1(point)) return bad(ErrorCode::kMalformed, place, "not a point of the curve");
    return point;
  }

  static Result<G2Affine> decode_evm_g2(ByteSpan bytes, std::string_view place) {
    ASSAY_TRY(check_length(bytes, 4 * kBytes, place));
    std::array<Fp, 4> words;
    for (std::size_t i = 0; i < 4; ++i)
      words[i] = ASSAY_TRY(read_big_endian(bytes.subspan(kBytes * i, kBytes), place));
    const G2Affine point{{words[1], words[0]}, {words[3], words[2]}};
    if (!Points::is_in_g2(point)) {
      return bad(ErrorCode::kMalformed, place, "not a point of the twist's subgroup of order r");
    }
    return point;
  }

 private:
  static constexpr std::uint8_t kArkLarger = 0x80;
  static constexpr std::uint8_t kArkInfinity = 0x40;
  static constexpr std::uint8_t kGnarkMask = 0xc0;
  static constexpr std::uint8_t kGnarkSmaller = 0x80;
  static constexpr std::uint8_t kGnarkLarger = 0xc0;
  static constexpr std::uint8_t kGnarkInfinity = 0x40;
  static_assert(!field::internal::at_least(P::kModulus, field::internal::two_to(8 * kBytes - 2)),
                "no room for two flags");

  static Limbs to_integer(const Fp& a) { return F(a.limbs).to_integer(); }

  static Word little_endian(const Fp& a) {
    const Limbs limbs = to_integer(a);
    Word out{};
    for (std::size_t i = 0; i < kBytes; ++i) out[i] = static_cast<std::uint8_t>(limbs[i / 8] >> (i % 8 * 8));
    return out;
  }

  static Word big_endian(const Fp& a) {
    Word out = little_endian(a);
    std::reverse(out.begin(), out.end());
    return out;
  }

  /// The words of four or two coordinates, one after the other.
  template <std::size_t kWords>
  static std::array<std::uint8_t, kWords * kBytes> joined(const std::array<Word, kWords>& words) {
    std::array<std::uint8_t, kWords * kBytes> out;
    for (std::size_t i = 0; i < kWords; ++i) std::ranges::copy(words[i], out.data() + i * kBytes);
    return out;
  }

  static Error bad(ErrorCode code, std::string_view place, std::string reason) {
    return Error{code, std::string(place), std::move(reason)};
  }

  static Status check_length(ByteSpan bytes, std::size_t length, std::string_view place) {
    if (bytes.size() == length) return {};
    return bad(
        ErrorCode::kMalformed, place,
        "a point of " + std::to_string(length) + " bytes expected, not of " + std::to_string(bytes.size()));
  }

  static Result<Fp> read_little_endian(ByteSpan bytes, std::string_view place) {
    Limbs limbs{};
    for (std::size_t i = 0; i < kBytes; ++i) limbs[i / 8] |= std::uint64_t{bytes[i]} << (i % 8 * 8);
    if (field::internal::at_least(limbs, P::kModulus)) {
      return bad(ErrorCode::kNonCanonical, place, "a coordinate is not below the field's prime");
    }
    return Fp{F::from_integer(limbs).limbs()};
  }

  static Result<Fp> read_big_endian(ByteSpan bytes, std::string_view place) {
    Word reversed;
    std::reverse_copy(bytes.begin(), bytes.begin() + kBytes, reversed.begin());
    return read_little_endian(reversed, place);
  }

  /// a > (p - 1)/2 as an integer.
  static bool is_larger(const Fp& a) {
    const Limbs integer = to_integer(a);
    return integer != P::kHalf && field::internal::at_least(integer, P::kHalf);
  }

  /// Order of Fp2: the imaginary parts decide, then the real ones.
  static bool is_larger(const Fp2& a) { return a.c1 == Fp{} ? is_larger(a.c0) : is_larger(a.c1); }

  static bool all_zero(ByteSpan bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
  }

  /// Arkworks' flags of a point of either group.
  template <class Point>
  static std::uint8_t flags_of(const Point& point) {
    if (point.is_infinity()) return kArkInfinity;
    return is_larger(point.y) ? kArkLarger : std::uint8_t{0};
  }

  static Fp negated(const Fp& a) { return {(-F(a.limbs)).limbs()}; }
  static Fp2 negated(const Fp2& a) { return {negated(a.c0), negated(a.c1)}; }

  /// Of y and -y the larger or the smaller one.
  template <class T>
  static T with_sign(const T& y, bool larger) {
    return is_larger(y) == larger ? y : negated(y);
  }

  static Result<G1Affine> point_of_x(const Fp& x, bool larger, std::string_view place) {
    Fp y;
    if (Points::solve_g1({&x, 1}, {&y, 1}) != 1)
      return bad(ErrorCode::kMalformed, place, "not a point of the curve");
    return G1Affine{x, with_sign(y, larger)};
  }

  /// What a word in arkworks' form says before the curve is asked.
  struct CompressedG1 {
    Fp x;
    bool larger = false;
    bool infinity = false;
  };

  static Result<CompressedG1> parse_g1(ByteSpan bytes, std::string_view place) {
    Word word;
    std::copy(bytes.begin(), bytes.end(), word.begin());
    const std::uint8_t flags = word.back() & (kArkLarger | kArkInfinity);
    word.back() = static_cast<std::uint8_t>(word.back() ^ flags);
    if ((flags & kArkInfinity) != 0) {
      if (flags == kArkInfinity && all_zero(word)) return CompressedG1{{}, false, true};
      return bad(ErrorCode::kNonCanonical, place, "an infinity flag beside other bits");
    }
    return CompressedG1{ASSAY_TRY(read_little_endian(word, place)), flags != 0, false};
  }

  /// decode_all_g1 on one thread.
  static std::size_t decode_block(ByteSpan bytes, std::span<G1Affine> out) {
    // Stands in for points at infinity.
    const Fp on_the_curve{F::from_integer(Curve::kGeneratorX).limbs()};
    std::vector<CompressedG1> parsed;
    std::vector<Fp> x;
    while (parsed.size() < out.size()) {
      const Result<CompressedG1> next = parse_g1(bytes.subspan(kBytes * parsed.size(), kBytes), "");
      if (!next) break;
      parsed.push_back(*next);
      x.push_back(next->infinity ? on_the_curve : next->x);
    }
    std::vector<Fp> y(x.size());
    const std::size_t good = Points::solve_g1(x, y);
    for (std::size_t i = 0; i < good; ++i)
      out[i] = parsed[i].infinity ? G1Affine::infinity() : G1Affine{x[i], with_sign(y[i], parsed[i].larger)};
    return good;
  }
};

}  // namespace assay::curve
