#include "integers/magnitude.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace assay {
namespace {

Scalar scalar(bool negative, std::uint64_t high, std::uint64_t low) {
  return Scalar::from_magnitude(negative, {low, high, 0, 0}, "test").value();
}

TEST(Magnitude, IsTrueOfEveryKind) {
  EXPECT_EQ(max_magnitude(std::vector<std::int8_t>{3, -128, 127}), UInt128{128});
  EXPECT_EQ(max_magnitude(std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()}),
            UInt128{1} << 63);
  EXPECT_EQ(max_magnitude(std::vector<std::int16_t>{}), UInt128{0});
  const auto of = [](bool negative, std::uint64_t high) {
    return max_magnitude(std::vector<Scalar>{scalar(negative, high, 5)});
  };
  EXPECT_EQ(of(true, 9), UInt128{9} << 64 | 5);
  EXPECT_EQ(of(false, (std::uint64_t{1} << 62) - 1), kHuge - (UInt128{1} << 64) + 5);
  EXPECT_EQ(of(false, std::uint64_t{1} << 62), kHuge);
  std::vector<std::int32_t> many(200'000, 1);
  many[150'000] = -7;
  EXPECT_EQ(max_magnitude(many), UInt128{7});
}

TEST(Magnitude, OfMoreThanTwoWordsIsHuge) {
  // 2^192 has nothing in the words that are returned.
  EXPECT_EQ(magnitude_of(Scalar::from_magnitude(false, {0, 0, 0, 1}, "test").value()), kHuge);
  EXPECT_EQ(magnitude_of(Scalar::from_magnitude(true, {0, 0, 1, 0}, "test").value()), kHuge);
}

TEST(Magnitude, WordsKeepTheSign) {
  EXPECT_EQ(to_word<std::int64_t>(std::int8_t{-3}), -3);
  EXPECT_EQ(to_word<std::int64_t>(scalar(true, 0, 3)), -3);
  EXPECT_EQ(to_word<Int128>(scalar(true, 3, 5)), -(Int128{3} << 64 | 5));
  EXPECT_EQ(to_word<Int128>(scalar(false, 3, 5)), Int128{3} << 64 | 5);
}

TEST(Magnitude, ScalarsOfWordsKeepTheSign) {
  EXPECT_EQ(to_scalar(0), Scalar{});
  EXPECT_EQ(to_scalar(-1), scalar(true, 0, 1));
  EXPECT_EQ(to_scalar(Int128{3} << 64 | 5), scalar(false, 3, 5));
  EXPECT_EQ(to_scalar(-(Int128{3} << 64 | 5)), scalar(true, 3, 5));
}

}  // namespace
}  // namespace assay
