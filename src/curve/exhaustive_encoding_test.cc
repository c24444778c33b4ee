// Every pattern of bytes, read as a point of a curve whose points can be listed: what is taken is the one
// encoding of its point, and all others are refused with the right code.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "curve/encoding.h"
#include "curve/toy_curves_for_test.h"

namespace assay::curve {
namespace {

/// The number's lowest bytes, least significant first or last.
template <std::size_t kBytes>
Bytes word_of(unsigned number, bool big_endian) {
  Bytes out(kBytes);
  for (std::size_t i = 0; i < kBytes; ++i)
    out[big_endian ? kBytes - 1 - i : i] = static_cast<std::uint8_t>(number >> (8 * i));
  return out;
}
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

template <class Curve>
class ExhaustiveEncoding : public ::testing::Test {
 protected:
  static constexpr unsigned p = Curve::kP;
  static constexpr std::size_t kBytes = Curve::kBytes;
  static constexpr unsigned kPatterns = 1U << (8 * kBytes),
                            kTop = kPatterns / 4;  // two flags over the number
  using Group = ToyGroup<Curve>;
  using Kernel = KernelOf<field::PortableBackend, Curve>;
  using Form = Encoding<Curve, Kernel>;
  using Plain = typename Group::Point;
  using N = typename Group::N;

  static bool is_larger(N y) { return y.im != 0 ? y.im > (p - 1) / 2 : y.re > (p - 1) / 2; }
  /// The two highest bits of a form, as a multiple of kTop.
  static unsigned ark_flags(const Plain& point) { return !point ? 1 : is_larger(point->second) ? 2 : 0; }
  static unsigned gnark_flags(const Plain& point) { return !point ? 1 : is_larger(point->second) ? 3 : 2; }
  static N x_of(const Plain& point) { return point ? point->first : N{}; }
  static N y_of(const Plain& point) { return point ? point->second : N{}; }

  template <class Point>
  static void expect(const Result<Point>& read, const Point* expected, ErrorCode code, unsigned pattern) {
    ASSERT_EQ(read.ok(), expected != nullptr) << "pattern " << pattern;
    if (expected != nullptr) {
      ASSERT_EQ(*read, *expected) << "pattern " << pattern;
    } else {
      ASSERT_EQ(read.error().code, code) << "pattern " << pattern << ": " << read.error().reason;
      ASSERT_EQ(read.error().place, "here");
    }
  }
};
using Curves = ::testing::Types<Toy7, Toy31, Toy67, Toy283>;
TYPED_TEST_SUITE(ExhaustiveEncoding, Curves);

TYPED_TEST(ExhaustiveEncoding, EveryPatternInArkworksForm) {
  using T = ExhaustiveEncoding<TypeParam>;
  const auto& group = T::Group::get();
  std::map<unsigned, G1Affine> points;
  for (std::int64_t k = 0; k < TypeParam::kN; ++k) {
    const unsigned pattern = T::x_of(group.plain(k)).re + T::ark_flags(group.plain(k)) * T::kTop;
    points[pattern] = group.g1(k);
    const auto encoded = T::Form::encode(group.g1(k));
    ASSERT_EQ(Bytes(encoded.begin(), encoded.end()), word_of<T::kBytes>(pattern, false)) << k;
  }
  ASSERT_EQ(points.size(), std::size_t{TypeParam::kN});
  for (unsigned pattern = 0; pattern < T::kPatterns; ++pattern) {
    const auto found = points.find(pattern);
    const bool canonical = pattern / T::kTop % 2 == 0 && pattern % T::kTop < T::p;
    T::expect(T::Form::decode_g1(word_of<T::kBytes>(pattern, false), "here"),
              found == points.end() ? nullptr : &found->second,
              canonical ? ErrorCode::kMalformed : ErrorCode::kNonCanonical, pattern);
    if (this->HasFatalFailure()) return;
  }
}

TYPED_TEST(ExhaustiveEncoding, EveryPatternAmongMany) {
  using T = ExhaustiveEncoding<TypeParam>;
  const auto& group = T::Group::get();
  Bytes good;
  for (const G1Affine& each : group.all_g1()) {
    const auto encoded = T::Form::encode(each);
    good.insert(good.end(), encoded.begin(), encoded.end());
  }
  std::vector<G1Affine> out(group.all_g1().size());
  ASSERT_EQ(T::Form::decode_all_g1(good, out), out.size());
  ASSERT_TRUE(std::ranges::equal(out, group.all_g1()));
  const ByteSpan five(good.data(), 5 * T::kBytes);
  out.resize(5);
  for (unsigned pattern = 0; pattern < T::kPatterns; ++pattern) {
    const Bytes word = word_of<T::kBytes>(pattern, false);
    const auto alone = T::Form::decode_g1(word, "");
    Bytes bytes(five.begin(), five.end());
    std::ranges::copy(word, bytes.begin() + 3 * T::kBytes);
    ASSERT_EQ(T::Form::decode_all_g1(bytes, out), alone.ok() ? 5U : 3U) << pattern;
    if (alone.ok()) {
      ASSERT_EQ(out[3], *alone) << pattern;
    }
  }
}

TYPED_TEST(ExhaustiveEncoding, EveryPatternInGnarkForm) {
  using T = ExhaustiveEncoding<TypeParam>;
  const auto& group = T::Group::get();
  std::map<unsigned, G1Affine> points;
  for (std::int64_t k = 0; k < TypeParam::kN; ++k) {
    const unsigned pattern = T::x_of(group.plain(k)).re + T::gnark_flags(group.plain(k)) * T::kTop;
    points[pattern] = group.g1(k);
    const auto encoded = T::Form::encode_gnark(group.g1(k));
    ASSERT_EQ(Bytes(encoded.begin(), encoded.end()), word_of<T::kBytes>(pattern, true)) << k;
  }
  for (unsigned pattern = 0; pattern < T::kPatterns; ++pattern) {
    const auto found = points.find(pattern);
    const unsigned flags = pattern / T::kTop;
    const bool canonical = flags == 0 || (flags != 1 && pattern % T::kTop < T::p);
    T::expect(T::Form::decode_gnark_g1(word_of<T::kBytes>(pattern, true), "here"),
              found == points.end() ? nullptr : &found->second,
              canonical ? ErrorCode::kMalformed : ErrorCode::kNonCanonical, pattern);
    if (this->HasFatalFailure()) return;
  }
}

TYPED_TEST(ExhaustiveEncoding, EveryPairOfCoordinatesInEvmForm) {
  using T = ExhaustiveEncoding<TypeParam>;
  const auto& group = T::Group::get();
  std::map<std::pair<unsigned, unsigned>, G1Affine> points;
  for (std::int64_t k = 0; k < TypeParam::kN; ++k) {
    const unsigned x = T::x_of(group.plain(k)).re, y = T::y_of(group.plain(k)).re;
    points[{x, y}] = group.g1(k);
    const auto encoded = T::Form::encode_evm(group.g1(k));
    ASSERT_EQ(Bytes(encoded.begin(), encoded.end()),
              word_of<T::kBytes>(x, true) + word_of<T::kBytes>(y, true));
  }
  // Of two bytes a coordinate, those up to the next multiple of p, and those with a bit over it.
  std::vector<unsigned> words;
  for (unsigned word = 0; word < T::kPatterns; ++word) {
    if (T::kBytes == 1 || word < 2 * T::p || std::has_single_bit(word) || word + 1 == T::kPatterns)
      words.push_back(word);
  }
  for (const unsigned x : words) {
    const Bytes x_bytes = word_of<T::kBytes>(x, true);
    for (const unsigned y : words) {
      const auto found = points.find({x, y});
      T::expect(T::Form::decode_evm_g1(x_bytes + word_of<T::kBytes>(y, true), "here"),
                found == points.end() ? nullptr : &found->second,
                x < T::p && y < T::p ? ErrorCode::kMalformed : ErrorCode::kNonCanonical,
                x * T::kPatterns + y);
      if (this->HasFatalFailure()) return;
    }
  }
}

TYPED_TEST(ExhaustiveEncoding, EveryOtherLengthIsRefused) {
  using T = ExhaustiveEncoding<TypeParam>;
  for (std::size_t length = 0; length < 6 * T::kBytes; ++length) {
    const Bytes bytes(length);
    const auto expect_length = [&](const auto& read, std::size_t words) {
      if (length == words * T::kBytes) return;
      ASSERT_FALSE(read.ok());
      ASSERT_NE(read.error().reason.find("bytes expected"), std::string::npos);
    };
    expect_length(T::Form::decode_g1(bytes, ""), 1);
    expect_length(T::Form::decode_gnark_g1(bytes, ""), 1);
    expect_length(T::Form::decode_evm_g1(bytes, ""), 2);
    expect_length(T::Form::decode_g2(bytes, ""), 2);
    expect_length(T::Form::decode_evm_g2(bytes, ""), 4);
  }
}

using ExhaustiveEncodingG2 = ExhaustiveEncoding<Toy7>;

TEST_F(ExhaustiveEncodingG2, EveryPatternInArkworksForm) {
  const Group& group = Group::get();
  std::map<unsigned, G2Affine> points;
  for (std::int64_t k = 0; k < Toy7::kN; ++k) {
    const N x = x_of(group.plain_g2(k));
    const unsigned pattern = x.re + 256 * (x.im + ark_flags(group.plain_g2(k)) * kTop);
    points[pattern] = group.g2(k);
    const auto encoded = Form::encode(group.g2(k));
    ASSERT_EQ(Bytes(encoded.begin(), encoded.end()), word_of<2>(pattern, false)) << k;
  }
  ASSERT_EQ(points.size(), std::size_t{Toy7::kN});
  for (unsigned pattern = 0; pattern < 1U << 16; ++pattern) {
    const auto found = points.find(pattern);
    const unsigned re = pattern % 256, im = pattern / 256 % kTop, flags = pattern / 256 / kTop;
    expect(Form::decode_g2(word_of<2>(pattern, false), "here"),
           found == points.end() ? nullptr : &found->second,
           flags % 2 == 0 && re < p && im < p ? ErrorCode::kMalformed : ErrorCode::kNonCanonical, pattern);
    if (HasFatalFailure()) return;
  }
}

TEST_F(ExhaustiveEncodingG2, EveryCoordinateInEvmForm) {
  const Group& group = Group::get();
  std::map<unsigned, G2Affine> points;
  const auto pattern_of = [](unsigned x_im, unsigned x_re, unsigned y_im, unsigned y_re) {
    return ((x_im * 256 + x_re) * 256 + y_im) * 256 + y_re;
  };
  for (std::int64_t k = 0; k < Toy7::kN; ++k) {
    const N x = x_of(group.plain_g2(k)), y = y_of(group.plain_g2(k));
    const unsigned pattern = pattern_of(x.im, x.re, y.im, y.re);
    points[pattern] = group.g2(k);
    const auto encoded = Form::encode_evm(group.g2(k));
    ASSERT_EQ(Bytes(encoded.begin(), encoded.end()), word_of<4>(pattern, true)) << k;
  }
  // Of 2^32 patterns, those with at most one number that is not below p.
  for (unsigned place = 0; place < 4; ++place) {
    for (unsigned i = 0; i < p * p * p * 256; ++i) {
      std::array<unsigned, 4> words = {i / 256 % p, i / 256 / p % p, i / 256 / p / p, 0};
      std::swap(words[place], words[3]);
      words[place] = i % 256;
      const unsigned pattern = pattern_of(words[0], words[1], words[2], words[3]);
      const auto found = points.find(pattern);
      expect(Form::decode_evm_g2(word_of<4>(pattern, true), "here"),
             found == points.end() ? nullptr : &found->second,
             i % 256 < p ? ErrorCode::kMalformed : ErrorCode::kNonCanonical, pattern);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace assay::curve
