// Sums by a table of multiples, against multi-scalar multiplications without one.
#include "curve/fixed_bases.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "curve/vectors_for_test.h"

namespace assay::curve {
namespace {

constexpr std::size_t kMegabytes = std::size_t{1} << 20;

std::vector<G1Affine> some_bases(std::size_t count) {
  std::vector<Fr> logs(count);
  Fr log = Fr::from_u64(77);
  for (Fr& each : logs) each = log *= log + Fr::one();
  std::vector<G1Affine> out(count);
  multiply_generator_vartime(logs, out);
  return out;
}

Scalar random_scalar(std::mt19937_64& random) {
  Bytes bytes(48);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return Fr::from_bytes_reduced(bytes).to_scalar();
}

/// Scalars whose digits are at their ends, and random ones.
std::vector<Scalar> some_scalars(std::size_t count) {
  std::mt19937_64 random(5);
  std::vector<Scalar> out{Scalar{},
                          Scalar::from_u64(1),
                          Scalar::from_i64(-1),
                          Scalar::from_u64(128),
                          Scalar::from_u64(~std::uint64_t{0}),
                          Scalar{{0, 1, 0, 0}}};
  out.push_back(Scalar{{0x8080808080808080, 0x8080808080808080, 0x8080808080808080, 0x2080808080808080}});
  out.push_back(Scalar{{0x8181818181818181, 0x7f7f7f7f7f7f7f7f, 0xffffffffffffffff, 0x2fffffffffffffff}});
  while (out.size() < count) out.push_back(random_scalar(random));
  out.resize(count);
  return out;
}

TEST(FixedBases, SumsAreThoseOfAMultiplication) {
  for_each_kernel([] {
    // 16 MB for 64 bases have windows of 8 bits, 4 MB has two narrower widths; 300 bases have 5 bits.
    for (const auto& [count, bytes] : {std::pair<std::size_t, std::size_t>{64, 16 * kMegabytes},
                                       {64, 4 * kMegabytes},
                                       {300, 16 * kMegabytes},
                                       {1, kMegabytes}}) {
      const std::vector<G1Affine> bases = some_bases(count);
      const std::optional<FixedBases> table = FixedBases::make(bases, bytes);
      ASSERT_TRUE(table);
      EXPECT_LE(table->bytes(), bytes);
      const std::vector<Scalar> scalars = some_scalars(count);
      std::vector<FixedBases::Sum> sums;
      std::vector<G1Affine> expected;
      // None, one, a few that begin anywhere, and all.
      for (const auto& [first, number] :
           {std::pair<std::size_t, std::size_t>{0, 0}, {0, 1}, {count / 3, count / 2}, {0, count}}) {
        const auto some = std::span(scalars).subspan(count - number);
        sums.push_back({first, some});
        expected.push_back(msm_vartime(std::span(bases).subspan(first, number), IntegerView(some)));
      }
      std::vector<G1Affine> out(sums.size());
      table->sum_vartime(sums, out);
      EXPECT_EQ(out, expected) << count << " bases, " << bytes << " bytes";
      out.resize(1);
      table->sum_vartime(std::span(sums).subspan(2, 1), out);
      EXPECT_EQ(out[0], expected[2]) << "alone, " << count << " bases, " << bytes << " bytes";
    }
  });
}

TEST(FixedBases, SumsThatCancel) {
  for_each_kernel([] {
    // One base twice, and its opposite: equal points and opposite ones meet in a batch.
    std::vector<G1Affine> bases = some_bases(1);
    for (int i = 0; i < 40; ++i) bases.push_back(i % 2 == 0 ? negate(bases[0]) : bases[0]);
    const FixedBases table = *FixedBases::make(bases, 16 * kMegabytes);
    const std::vector<Scalar> scalars(bases.size(), some_scalars(9).back());
    std::vector<G1Affine> out(3);
    const std::vector<FixedBases::Sum> sums{
        {0, scalars}, {0, std::span(scalars).first(40)}, {1, std::span(scalars).first(20)}};
    table.sum_vartime(sums, out);
    EXPECT_EQ(out[0], multiply_vartime(bases[0], Fr::from_scalar(scalars[0])));
    EXPECT_TRUE(out[1].is_infinity());
    EXPECT_TRUE(out[2].is_infinity());
  });
}

TEST(FixedBases, RowsOfNarrowIntegers) {
  for_each_kernel([] {
    std::mt19937_64 random(8);
    for (const std::size_t bytes : {16 * kMegabytes, 4 * kMegabytes}) {
      const std::vector<G1Affine> bases = some_bases(64);
      const FixedBases table = *FixedBases::make(bases, bytes);
      for (const auto& [rows, columns, gap] : {std::tuple<std::size_t, std::size_t, std::size_t>{1, 64, 0},
                                               {1050, 3, 24},
                                               {9, 1, 64},
                                               {0, 64, 0}}) {
        const std::size_t stride = 8 * columns + gap;
        Bytes data(rows * stride);
        for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random());
        if (rows > 3) {  // zeros, ones at the ends, and what a digit without sign would be
          std::memset(data.data(), 0, stride);
          std::memset(data.data() + stride, 0xff, stride);
          std::memset(data.data() + 2 * stride, 0x80, stride);
        }
        for (const bool is_signed : {false, true}) {
          std::vector<G1Affine> out(rows);
          table.sum_rows_vartime(data.data(), columns, stride, is_signed, out);
          for (std::size_t i = 0; i < rows; i += i < 5 ? 1 : 149) {
            std::vector<Scalar> values;
            for (std::size_t c = 0; c < columns; ++c) {
              std::uint64_t word = 0;
              std::memcpy(&word, data.data() + i * stride + 8 * c, 8);
              values.push_back(is_signed ? Scalar::from_i64(static_cast<std::int64_t>(word))
                                         : Scalar::from_u64(word));
            }
            ASSERT_EQ(out[i], msm_vartime(std::span(bases).first(columns), IntegerView(values)))
                << "row " << i << " of " << rows << ", signed " << is_signed << ", " << bytes << " bytes";
          }
        }
      }
    }
  });
}

TEST(FixedBases, NoTableWhereItWouldNotHelp) {
  EXPECT_FALSE(FixedBases::make({}, kMegabytes));
  EXPECT_FALSE(FixedBases::make(some_bases(1024), kMegabytes));
  std::vector<G1Affine> bases = some_bases(3);
  bases[1] = G1Affine::infinity();
  EXPECT_FALSE(FixedBases::make(bases, kMegabytes));
}

TEST(FixedBases, WindowsAreAsWideAsTheSpaceAllows) {
  const std::vector<G1Affine> bases = some_bases(2);
  constexpr std::size_t kOne = 2 * sizeof(G1Affine);
  // Room for so many multiples of a base, and those that are taken: 32 windows of 8 bits; 8 of 8 bits and 32
  // of 6; 10 of 6 bits, one of the 4 that are left of the first word, and 39 of 5.
  for (const auto& [room, taken] : {std::pair<std::size_t, std::size_t>{100'000, 32 * 128},
                                    {32 * 128, 32 * 128},
                                    {8 * 128 + 32 * 32, 8 * 128 + 32 * 32},
                                    {1024, 10 * 32 + 8 + 39 * 16}}) {
    const std::optional<FixedBases> table = FixedBases::make(bases, room * kOne);
    ASSERT_TRUE(table) << room;
    EXPECT_EQ(table->bytes(), taken * kOne) << room;
  }
}

TEST(FixedBases, TheSmallestTableHasSixtyFourWindows) {
  // 64 windows of 4 bits have 8 multiples each; what takes less space has more windows.
  const std::vector<G1Affine> bases = some_bases(2);
  constexpr std::size_t kLeast = 2 * 512 * sizeof(G1Affine);
  const std::optional<FixedBases> table = FixedBases::make(bases, kLeast);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->bytes(), kLeast);
  EXPECT_FALSE(FixedBases::make(bases, kLeast - 1));
}

}  // namespace
}  // namespace assay::curve
