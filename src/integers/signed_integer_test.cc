#include "integers/signed_integer.h"

#include <gtest/gtest.h>

#include <limits>

namespace assay {
namespace {

constexpr std::uint64_t kTop = std::uint64_t{1} << 63;
constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

Scalar signed_scalar(bool negative, std::uint64_t low, std::uint64_t high = 0) {
  return Scalar::from_magnitude(negative, {low, high, 0, 0}, "test").value();
}

TEST(SignedInteger, FitsUpToItsBounds) {
  EXPECT_TRUE(fits_int64(Scalar{}));
  EXPECT_TRUE(fits_int64(signed_scalar(false, kTop - 1)));
  EXPECT_TRUE(fits_int64(signed_scalar(true, kTop - 1)));
  EXPECT_TRUE(fits_int64(signed_scalar(true, kTop)));
  EXPECT_FALSE(fits_int64(signed_scalar(false, kTop)));
  EXPECT_FALSE(fits_int64(signed_scalar(true, kTop + 1)));
  EXPECT_FALSE(fits_int64(signed_scalar(true, kTop, 1))) << "-2^63 in its last word alone";
  EXPECT_FALSE(fits_int64(signed_scalar(false, 1, 1)));
}

TEST(SignedInteger, ComesBackFromItsScalar) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, kSmallest, kLargest})
    EXPECT_EQ(to_int64(Scalar::from_i64(value)), value);
}

TEST(SignedIntegerDeathTest, WhatDoesNotFitIsABug) {
  EXPECT_DEATH(static_cast<void>(to_int64(signed_scalar(false, kTop))), "9223372036854775808");
}

TEST(SignedInteger, IsOrderedAsIntegers) {
  const Scalar rising[] = {
      signed_scalar(true, 0, 1), signed_scalar(true, 2),  signed_scalar(true, 1),    Scalar{},
      signed_scalar(false, 1),   signed_scalar(false, 2), signed_scalar(false, 0, 1)};
  for (std::size_t i = 0; i < std::size(rising); ++i)
    for (std::size_t j = 0; j < std::size(rising); ++j)
      EXPECT_EQ(signed_less(rising[i], rising[j]), i < j) << i << " " << j;
}

}  // namespace
}  // namespace assay
