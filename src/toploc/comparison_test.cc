#include <gtest/gtest.h>

#include <numeric>

#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

using Words = std::vector<std::uint32_t>;

Words first(std::size_t count) {
  Words indices(count);
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

/// What a proof of `theirs` looks like beside `own`, at the same places.
Comparison compared(const Bits& theirs, const Bits& own) {
  const Words indices = first(own.size());
  return compare(prove(indices, theirs).value(), indices, own).value();
}

TEST(Compare, EqualValues) {
  const Comparison same = compared({0x4000, 0xc001, 0x4000}, {0x4000, 0xc001, 0x4000});
  EXPECT_EQ(same.points, 3u);
  EXPECT_EQ(same.modulus, kPrime);
  EXPECT_EQ(same.exponent_mismatches, 0u);
  EXPECT_EQ(same.sign_mismatches, 0u);
  EXPECT_EQ(same.distinct_values, 2u);
  EXPECT_EQ(same.distinct_own, 2u);
  EXPECT_EQ(same.nonfinite_own, 0u);
  EXPECT_EQ(same.mantissa_mean, 0);
  EXPECT_EQ(same.mantissa_median, 0);
  EXPECT_EQ(same.mantissa_median_upper, 0);
}

TEST(Compare, CountsEachPart) {
  // Mantissas 3 and 10 away, an exponent, a sign, and a sign with an exponent.
  const Comparison c =
      compared({0x4003, 0x4000, 0x4080, 0xc000, 0xc080}, {0x4000, 0x400a, 0x4000, 0x4000, 0x4000});
  EXPECT_EQ(c.exponent_mismatches, 2u);
  EXPECT_EQ(c.sign_mismatches, 2u);
  EXPECT_EQ(c.distinct_values, 5u);
  EXPECT_EQ(c.distinct_own, 2u);
  EXPECT_DOUBLE_EQ(c.mantissa_mean, 13.0 / 3);
  EXPECT_EQ(c.mantissa_median, 3);
  EXPECT_EQ(c.mantissa_median_upper, 3);
}

TEST(Compare, MediansOfAnEvenNumber) {
  const Comparison c = compared({0x4001, 0x4007, 0x4002, 0x407f}, {0x4000, 0x4000, 0x4000, 0x4000});
  EXPECT_EQ(c.mantissa_median, 4.5);
  EXPECT_EQ(c.mantissa_median_upper, 7);
  EXPECT_EQ(c.mantissa_mean, 137.0 / 4);
}

TEST(Compare, WithoutEqualExponents) {
  const Comparison c = compared({0x4000, 0x4000}, {0x3f80, 0x3f80});
  EXPECT_EQ(c.exponent_mismatches, 2u);
  for (const double figure : {c.mantissa_mean, c.mantissa_median, c.mantissa_median_upper})
    EXPECT_EQ(figure, 18446744073709551616.0);
}

TEST(Compare, CountsOwnNonfiniteValues) {
  EXPECT_EQ(compared({0x4000, 0x4000, 0x4000}, {0x7f80, 0xff80, 0x7fc1}).nonfinite_own, 3u);
}

TEST(Compare, ReducesIndices) {
  const Words indices{10, 65507};
  const Bits values{0x4080, 0x4100};
  const Proof proof = prove(indices, values).value();
  ASSERT_EQ(proof.modulus, 65496u);
  EXPECT_EQ(compare(proof, indices, values).value().exponent_mismatches, 0u);
}

TEST(Compare, Refuses) {
  const Proof proof{kPrime, {1, 2}};
  const Words two{0, 1}, three{0, 1, 2};
  EXPECT_EQ(compare(proof, two, Bits{1}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(compare(proof, three, Bits{1, 2, 3}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(compare(proof, {}, {}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(compare({kPrime, Bits(kMaxTopK + 1)}, first(kMaxTopK + 1), Bits(kMaxTopK + 1)).error().code,
            ErrorCode::kOutOfRange);
  EXPECT_TRUE(compare({kPrime, Bits(kMaxTopK)}, first(kMaxTopK), Bits(kMaxTopK)).ok());
  EXPECT_EQ(compare({0, {1, 2}}, two, Bits{1, 2}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(compare({kPrime + 1, {1, 2}}, two, Bits{1, 2}).error().code, ErrorCode::kOutOfRange);
}

TEST(CompareAll, Refuses) {
  const Bits values = TorchNormal(1).draw(32);
  const std::vector<Proof> proofs = build(values, equal_chunks(2, 16), 4, TieRule::kLibstdcxx).value();
  const auto code = [&](std::span<const Proof> given, std::vector<std::uint64_t> lengths, std::uint32_t k) {
    return compare_all(given, values, lengths, k, TieRule::kLibstdcxx).error().code;
  };
  EXPECT_EQ(code({proofs.data(), 1}, equal_chunks(2, 16), 4), ErrorCode::kMismatch);
  EXPECT_EQ(code(proofs, {32}, 4), ErrorCode::kMismatch);
  EXPECT_EQ(code(proofs, equal_chunks(2, 16), 5), ErrorCode::kMismatch);
  EXPECT_EQ(code(proofs, {31, 1}, 4), ErrorCode::kOutOfRange);
}

TEST(StatisticsOf, WeighByPoints) {
  Comparison a;
  a.points = 96;
  a.exponent_mismatches = 3;
  a.sign_mismatches = 6;
  a.distinct_values = 10;
  a.distinct_own = 20;
  a.mantissa_mean = 1;
  a.mantissa_median = 2;
  Comparison b;  // no exponent is equal
  b.points = 32;
  b.exponent_mismatches = 32;
  b.distinct_values = 20;
  b.distinct_own = 20;
  const Statistics s = statistics_of(std::vector{a, b});
  EXPECT_EQ(s.chunks, 2u);
  EXPECT_EQ(s.points, 128u);
  EXPECT_EQ(s.exponent_mismatches, 35);
  EXPECT_EQ(s.sign_mismatches, 6);
  EXPECT_EQ(s.mantissa_mean, 0.75 * 1 + 0.25 * 128);
  EXPECT_EQ(s.mantissa_median, 0.75 * 2 + 0.25 * 128);
  EXPECT_EQ(s.dispersion, 0.75);
  EXPECT_EQ(s.worst_chunk_exponent_mismatches, 128);
  EXPECT_EQ(s.worst_chunk_dispersion, 0.5);
}

TEST(StatisticsOf, Nothing) {
  for (const std::vector<Comparison>& none : {std::vector<Comparison>{}, std::vector<Comparison>(3)}) {
    EXPECT_EQ(statistics_of(none).chunks, 0u);
    EXPECT_EQ(statistics_of(none).points, 0u);
    EXPECT_EQ(statistics_of(none).exponent_mismatches, 0);
    EXPECT_EQ(statistics_of(none).mantissa_mean, 0);
    EXPECT_EQ(statistics_of(none).dispersion, 1);
  }
}

}  // namespace
}  // namespace assay::toploc
