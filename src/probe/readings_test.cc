// Readings are the same on every machine, and for every number of threads.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "assay/base.h"
#include "assay/probe.h"
#include "base/sha256.h"
#include "base/threads.h"

namespace assay::probe {
namespace {

constexpr std::size_t kRows = 10000;
constexpr std::uint32_t kWidth = 8;

/// SplitMix64 (Steele, Lea, Flood 2014): tests/python/probe/test_core.py draws the same.
class Draws {
 public:
  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_ = 7;
};

/// Any sign and fraction, denormals and up to 2^61; every fifth row cancels but for the last places.
std::vector<float> drawn_rows(Draws& draw) {
  std::vector<float> rows;
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::uint32_t j = 0; j < kWidth; ++j) {
      const std::uint64_t bits = draw();
      const auto exponent = static_cast<std::uint32_t>(bits >> 32) % 188;
      const auto other = static_cast<std::uint32_t>(bits) & 0x807fffff;
      rows.push_back(std::bit_cast<float>(other | exponent << 23));
    }
    for (std::uint32_t j = 0; i % 5 == 0 && j < kWidth / 2; ++j)
      rows[i * kWidth + kWidth / 2 + j] = -rows[i * kWidth + j];
  }
  return rows;
}

std::vector<double> drawn_covector(Draws& draw) {
  std::vector<double> out;
  for (std::uint32_t j = 0; j < kWidth / 2; ++j)
    out.push_back(std::bit_cast<double>((draw() & 0x800fffffffffffff) | 0x3ff0000000000000));
  for (std::uint32_t j = 0; j < kWidth / 2; ++j)
    out.push_back(std::bit_cast<double>(std::bit_cast<std::uint64_t>(out[j]) + 1));
  return out;
}

TEST(ProbeReadings, AreThoseOfFractionsOnEveryMachine) {
  Draws draw;
  const std::vector<float> rows = drawn_rows(draw);
  const std::vector<double> covector = drawn_covector(draw);
  const Reader reader{covector, 0.125};
  for (const unsigned threads : {1U, 2U, 5U}) {
    set_thread_limit(threads);
    const std::vector<double> readings = read_rows(rows, kWidth, {&reader, 1}).value();
    Sha256 digest;
    for (const double reading : readings) {
      const auto bits = std::bit_cast<std::uint64_t>(reading);
      std::array<std::uint8_t, 8> bytes{};
      for (std::size_t k = 0; k < 8; ++k) bytes[k] = static_cast<std::uint8_t>(bits >> (8 * k));
      digest.update(bytes);
    }
    EXPECT_EQ(to_hex(digest.digest()), "c1d6af95789c31b4051b63b6926bac4a069bcc2690826727ffb48d115b9bea6d")
        << threads;
  }
  set_thread_limit(0);
}

// Half of a last place goes to the even neighbour, above and below.
TEST(ProbeReadings, TiesGoToTheEvenNeighbour) {
  const double large = std::ldexp(1.0, 53);
  const std::vector<float> rows = {1, 1, 1, 3, -1, -1, -1, -3, 1, 5};
  const std::vector<double> covector = {large, 1};
  const Reader reader{covector, 0};
  EXPECT_EQ(read_rows(rows, 2, {&reader, 1}).value(),
            (std::vector<double>{large, large + 4, -large, -large - 4, large + 4}));
}

TEST(ProbeReadings, WhatIsRoundedToZeroHasNoSign) {
  const std::vector<float> rows = {-0x1p-149F, 0};
  const std::vector<double> covector = {std::numeric_limits<double>::denorm_min(), 0};
  const Reader reader{covector, 0};
  const std::vector<double> readings = read_rows(rows, 2, {&reader, 1}).value();
  ASSERT_EQ(readings.size(), 1U);
  EXPECT_EQ(readings[0], 0);
  EXPECT_FALSE(std::signbit(readings[0]));
  const std::vector<float> cancelling = {1, -1};
  const std::vector<double> ones = {1, 1};
  const Reader sum{ones, -0.0};
  const double nothing = read_rows(cancelling, 2, {&sum, 1}).value().at(0);
  EXPECT_EQ(nothing, 0);
  EXPECT_FALSE(std::signbit(nothing));
}

TEST(ProbeReadings, RefuseWhatHasNoReading) {
  const auto refused = [](std::vector<float> rows, std::vector<double> covector, double bias) {
    const Reader reader{covector, bias};
    const Result<std::vector<double>> readings = read_rows(rows, 2, {&reader, 1});
    return readings.ok() ? std::string("read") : readings.error().to_string();
  };
  EXPECT_EQ(refused({1, 2}, {3, 4}, 5), "read");
  EXPECT_EQ(refused({1, 2, 3}, {3, 4}, 5), "rows: 3 values are not whole rows of 2");
  EXPECT_EQ(refused({1, 2}, {3, 4, 5}, 5), "probe 0: is 3 wide, the rows are 2");
  for (const double none : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    EXPECT_EQ(refused({1, 2}, {3, none}, 5), "probe 0: holds an infinity or NaN");
    EXPECT_EQ(refused({1, 2}, {3, 4}, none), "probe 0: holds an infinity or NaN");
    EXPECT_EQ(refused({1, 2, 3, static_cast<float>(none)}, {3, 4}, 5), "row 1: holds an infinity or NaN");
  }
}

}  // namespace
}  // namespace assay::probe
