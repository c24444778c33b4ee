#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "pst/allocate.h"
#include "pst/lagrange.h"
#include "pst/node_weights.h"
#include "pst/quotients.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

using internal::QuotientWay;
using test::axes_of;
using test::to_fr;

/// Opens at a grid point and compares value and quotients with q_i(t) G; the proof must verify.
void expect_opens(const Axes& axes, std::uint64_t seed, IntegerView values,
                  std::span<const std::uint32_t> point) {
  test::Random random(seed);
  const std::vector<Fr> secrets = random.fields(axes.count());
  const Srs srs = Srs::from_secrets(axes, secrets).value();
  const G1Affine commitment = commit(srs, values).value();
  EXPECT_EQ(commitment, test::times_generator(test::evaluate_lagrange(axes, values, secrets)));

  const Opening expected = test::opening_of(axes, secrets, values, to_fr(point));
  const Opening opening = open(srs, values, point).value();
  EXPECT_EQ(opening.value, Fr::from_scalar(values[axes.index_of(point).value()]));
  EXPECT_EQ(opening.value, expected.value);
  EXPECT_EQ(opening.quotients, expected.quotients);
  const Opening general = open_at(srs, values, to_fr(point)).value();
  EXPECT_EQ(general.value, opening.value);
  EXPECT_EQ(general.quotients, opening.quotients);
  EXPECT_TRUE(Verifier(srs.verifier_key()).check({commitment, to_fr(point), opening}).ok());
}

TEST(Open, EveryPointOfSmallGrids) {
  test::Random random(1);
  for (const auto& sizes :
       std::vector<std::vector<std::uint64_t>>{{1}, {2}, {5}, {2, 2}, {3, 1, 2}, {1, 4}}) {
    const Axes axes = axes_of(sizes);
    const std::vector<std::int16_t> values = random.words<std::int16_t>(axes.volume());
    for (std::uint64_t j = 0; j < axes.volume(); ++j)
      expect_opens(axes, 10 + j, values, axes.coordinates_of(j));
  }
}

TEST(Open, RandomShapesAndWidths) {
  test::Random random(2);
  const std::vector<std::vector<std::uint64_t>> shapes{
      {6, 6, 6}, {2, 2, 2, 2, 2, 2, 2}, {10, 3, 7}, {16, 5}, {17, 33}, {33, 2, 3}, {4, 40}, {64, 16},
      {3, 64}};
  for (const auto& sizes : shapes) {
    const Axes axes = axes_of(sizes);
    for (const unsigned bits : {1u, 16u, 63u, 110u, 250u})
      expect_opens(axes, bits, random.integers(axes.volume(), bits), random.grid_point(axes));
  }
}

TEST(Open, EveryKindOfInteger) {
  test::Random random(3);
  const Axes axes = axes_of({6, 20, 3});
  const std::vector<std::uint32_t> point = random.grid_point(axes);
  expect_opens(axes, 1, random.words<std::int8_t>(360), point);
  expect_opens(axes, 2, random.words<std::int16_t>(360), point);
  expect_opens(axes, 3, random.words<std::int32_t>(360), point);
  expect_opens(axes, 4, random.words<std::int64_t>(360), point);
  expect_opens(axes, 5, std::vector<std::int8_t>(360), point);
}

TEST(Open, ExtremesOfTheWords) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  expect_opens(axes_of({2, 2}), 1, std::vector<std::int64_t>{kMin, kMax, kMax, kMin},
               std::vector<std::uint32_t>{0, 1});
  std::vector<std::int64_t> long_axis(17 * 32, kMin);
  for (std::size_t i = 0; i < long_axis.size(); i += 2) long_axis[i] = kMax;
  expect_opens(axes_of({17, 32}), 2, long_axis, std::vector<std::uint32_t>{3, 31});
  std::array<std::uint64_t, 4> half = kScalarModulus;  // (r - 1) / 2
  for (std::size_t i = 0; i < 4; ++i) half[i] = half[i] >> 1 | (i < 3 ? half[i + 1] << 63 : 0);
  const Scalar top = Scalar::from_magnitude(false, half, "test").value();
  const Scalar bottom = Scalar::from_magnitude(true, half, "test").value();
  expect_opens(axes_of({2, 2}), 3, std::vector<Scalar>{top, bottom, bottom, top},
               std::vector<std::uint32_t>{1, 0});
}

// All ways agree wherever their words hold the numbers, right up to the limits at which choose_way leaves
// one.
class QuotientWays : public ::testing::Test {
 protected:
  static void expect_all_agree(std::uint32_t nodes, std::size_t width, std::uint32_t z, IntegerView rows) {
    test::Random random(nodes);
    const Axes axes = axes_of({nodes, width});
    const std::vector<Fr> secrets = random.fields(2);
    const Srs srs = Srs::from_secrets(axes, secrets).value();
    const std::vector<Fr> point{Fr::from_u64(z), Fr::from_u64(0)};
    const G1Affine expected = test::opening_of(axes, secrets, rows, point).quotients[0];
    const auto by = [&](QuotientWay way) {
      internal::QuotientJob job(way, {srs.level(0), rows, nodes, z});
      for (std::size_t part = job.parts(); part-- > 0;) EXPECT_TRUE(job.make(part).ok());
      return job.point();
    };
    const UInt128 largest = max_magnitude(rows);
    const bool words_hold = 2 * largest <= UInt128{std::numeric_limits<std::int64_t>::max()};
    EXPECT_EQ(by(QuotientWay::kField), expected);
    if (words_hold) {
      EXPECT_EQ(by(QuotientWay::kByNode), expected);
    }
    if (nodes > internal::kMaxClearedAxis) return;
    const UInt128 growth = internal::node_weights(nodes, z).growth;
    if (2 * largest * growth <= kHuge) {
      EXPECT_EQ(by(QuotientWay::kWord128), expected);
    }
    if (2 * largest * growth <= UInt128{std::numeric_limits<std::int64_t>::max()}) {
      EXPECT_EQ(by(QuotientWay::kWord64), expected);
      if (nodes > 1) {
        EXPECT_EQ(by(QuotientWay::kApart), expected);
      }
    }
  }
};

TEST_F(QuotientWays, AgreeAtEveryNode) {
  test::Random random(4);
  for (const std::uint32_t nodes : {2u, 3u, 6u, 16u, 17u})
    for (std::uint32_t z = 0; z < nodes; ++z) expect_all_agree(nodes, 3, z, random.integers(nodes * 3, 16));
  for (const std::uint32_t nodes : {2u, 10u, 40u})
    expect_all_agree(nodes, 40, 1, random.integers(nodes * 40, 60));
}

TEST_F(QuotientWays, AgreeForEveryKindOfInteger) {
  test::Random random(9);
  for (const std::uint32_t nodes : {5u, 18u}) {
    expect_all_agree(nodes, 4, 2, random.words<std::int8_t>(nodes * 4));
    expect_all_agree(nodes, 4, 2, random.words<std::int16_t>(nodes * 4));
    expect_all_agree(nodes, 4, 2, random.words<std::int32_t>(nodes * 4));
    std::vector<std::int64_t> words = random.words<std::int64_t>(nodes * 4);
    for (std::int64_t& word : words) word /= 4;
    expect_all_agree(nodes, 4, 2, words);
  }
}

TEST_F(QuotientWays, HoldTheLargestNumbersThatTheyAreChosenFor) {
  for (const std::uint32_t nodes : {2u, 6u, 10u, 16u}) {
    for (const std::uint32_t z : {0u, nodes / 2, nodes - 1}) {
      const internal::NodeWeights weights = internal::node_weights(nodes, z);
      const std::int64_t limit =
          static_cast<std::int64_t>(std::numeric_limits<std::int64_t>::max() / weights.growth / 2);
      // The signs that make every term of the widest sum point the same way.
      std::vector<std::int64_t> rows(nodes);
      for (std::uint32_t j = 0; j < nodes; ++j) rows[j] = weights.derivative[j] > 0 ? limit : -limit;
      rows[z] = -limit;
      EXPECT_EQ(internal::choose_way(nodes, z, 1, max_magnitude(rows)), QuotientWay::kWord64);
      EXPECT_EQ(internal::choose_way(nodes, z, 1, UInt128{static_cast<std::uint64_t>(limit)} + 1),
                QuotientWay::kWord128);
      expect_all_agree(nodes, 1, z, rows);

      const UInt128 wide_limit = kHuge / weights.growth / 2;
      std::vector<Scalar> wide(nodes);
      for (std::uint32_t j = 0; j < nodes; ++j)
        wide[j] = Scalar::from_magnitude(rows[j] < 0,
                                         {static_cast<std::uint64_t>(wide_limit),
                                          static_cast<std::uint64_t>(wide_limit >> 64), 0, 0},
                                         "test")
                      .value();
      EXPECT_EQ(internal::choose_way(nodes, z, 1, max_magnitude(wide)), QuotientWay::kWord128);
      EXPECT_EQ(internal::choose_way(nodes, z, 1, wide_limit + 1), QuotientWay::kField);
      expect_all_agree(nodes, 1, z, wide);
    }
  }
}

TEST_F(QuotientWays, LongAxesGoByNodeWhereRowsAreLongAndWordsHoldTheDifferences) {
  constexpr UInt128 kMost = std::numeric_limits<std::int64_t>::max() / 2;
  EXPECT_EQ(internal::choose_way(17, 0, 32, kMost), QuotientWay::kByNode);
  EXPECT_EQ(internal::choose_way(17, 0, 32, kMost + 1), QuotientWay::kField);
  EXPECT_EQ(internal::choose_way(17, 0, 31, 1), QuotientWay::kField);
  EXPECT_EQ(internal::choose_way(16, 0, 1, 1), QuotientWay::kWord64);
  EXPECT_EQ(internal::choose_way(1, 0, 1, kHuge), QuotientWay::kField);
  EXPECT_EQ(internal::choose_way(1, 0, 1, 5), QuotientWay::kWord64);
  EXPECT_EQ(internal::choose_way(16, 0, 8191, 5), QuotientWay::kWord64);
  EXPECT_EQ(internal::choose_way(16, 0, 8192, 5), QuotientWay::kApart);
}

// So that threads can share them; what has one node has no quotient to make.
TEST(QuotientJob, IsCutByRowsWhereEachNodeHasItsSum) {
  const std::vector<G1Affine> points(36);
  const std::vector<std::int8_t> rows(36);
  const auto parts = [&](QuotientWay way, std::uint32_t nodes) {
    const internal::QuotientJob job(way, {points, rows, nodes, 0});
    return std::pair(job.parts(), job.parts() == 0 ? 0 : job.part_size());
  };
  using Parts = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(parts(QuotientWay::kApart, 6), Parts(6, 6));
  EXPECT_EQ(parts(QuotientWay::kByNode, 18), Parts(18, 2));
  EXPECT_EQ(parts(QuotientWay::kWord64, 6), Parts(1, 36));
  EXPECT_EQ(parts(QuotientWay::kField, 18), Parts(1, 36));
  EXPECT_EQ(parts(QuotientWay::kWord64, 1), Parts(0, 0));
}

// Three parts of 2^14 values and a small one: two threads or more share each of the large ones.
TEST(Open, LargePartsAreMadeByAnyNumberOfThreads) {
  const Axes axes = axes_of({2, 8192, 2});
  const Srs srs = Srs::dev(axes, 1).value();
  const std::vector<std::int16_t> values = test::Random(10).words<std::int16_t>(axes.volume());
  const std::vector<std::uint32_t> point{1, 77, 0};
  const G1Affine commitment = commit(srs, values).value();
  for (const unsigned threads : {1U, 2U, 4U}) {
    const ThreadLimitScope limit(threads);
    const Statement statement{commitment, to_fr(point), open(srs, values, point).value()};
    EXPECT_TRUE(Verifier(srs.verifier_key()).check(statement).ok()) << threads;
  }
}

TEST(NodeWeights, AreTheFieldsWeightsTimesTheDenominator) {
  for (std::uint32_t n = 1; n <= internal::kMaxClearedAxis; ++n) {
    const std::vector<Fr> barycentric = internal::barycentric_weights(n);
    for (std::uint32_t z = 0; z < n; ++z) {
      const internal::NodeWeights weights = internal::node_weights(n, z);
      const Fr denominator = Fr::from_i64(weights.denominator);
      for (std::uint32_t j = 0; j < n; ++j) {
        if (j == z) {
          EXPECT_EQ(weights.direct[j], 0);
          EXPECT_EQ(weights.derivative[j], 0);
          continue;
        }
        const Fr distance = Fr::from_u64(j) - Fr::from_u64(z);
        EXPECT_EQ(Fr::from_i64(weights.direct[j]) * distance, denominator);
        EXPECT_EQ(Fr::from_i64(weights.derivative[j]) * barycentric[z] * distance,
                  -denominator * barycentric[j]);
      }
    }
  }
  EXPECT_EQ(internal::node_weights(6, 0).denominator, 60);
  EXPECT_LE(internal::node_weights(6, 2).growth, 1u << 10);
}

TEST(Allocate, WhatNoMemoryHoldsIsAnError) {
  const Result<std::vector<Fr>> huge = internal::allocate<Fr>(std::uint64_t{1} << 62, "buffer");
  ASSERT_FALSE(huge.ok());
  EXPECT_EQ(huge.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(internal::allocate<Fr>(3, "buffer").value(), std::vector<Fr>(3));
}

TEST(OpenAt, ArbitraryPointsAndMixturesWithNodes) {
  test::Random random(5);
  for (const auto& sizes :
       std::vector<std::vector<std::uint64_t>>{{1}, {7}, {3, 4}, {2, 1, 3, 2}, {20, 33}}) {
    const Axes axes = axes_of(sizes);
    const std::vector<Fr> secrets = random.fields(axes.count());
    const Srs srs = Srs::from_secrets(axes, secrets).value();
    const Verifier verifier(srs.verifier_key());
    for (const unsigned bits : {12u, 200u}) {
      const std::vector<Scalar> values = random.integers(axes.volume(), bits);
      const G1Affine commitment = commit(srs, values).value();
      for (unsigned mask = 0; mask < 1u << axes.count(); ++mask) {
        std::vector<Fr> point = random.fields(axes.count());
        for (std::size_t i = 0; i < axes.count(); ++i)
          if ((mask >> i & 1) != 0) point[i] = Fr::from_u64(random.below(axes[i]));
        const Opening expected = test::opening_of(axes, secrets, values, point);
        const Opening opening = open_at(srs, values, point).value();
        EXPECT_EQ(opening.value, expected.value);
        EXPECT_EQ(opening.quotients, expected.quotients);
        EXPECT_TRUE(verifier.check({commitment, point, opening}).ok());
      }
    }
  }
}

TEST(OpenAt, IntegersJustBeyondTheGridAreNoNodes) {
  const Axes axes = axes_of({3, 2});
  const Srs srs = Srs::dev(axes, 1).value();
  const std::vector<std::int8_t> values{1, -2, 3, -4, 5, -6};
  const std::vector<Fr> point{Fr::from_u64(3), Fr::from_i64(-1)};
  const Opening opening = open_at(srs, values, point).value();
  EXPECT_EQ(opening.value, test::evaluate_lagrange(axes, values, point));
  EXPECT_TRUE(Verifier(srs.verifier_key()).check({commit(srs, values).value(), point, opening}).ok());
}

TEST(OpenAll, GivesWhatOpenGivesInTheOrderAsked) {
  test::Random random(8);
  for (const auto& sizes : std::vector<std::vector<std::uint64_t>>{{1}, {3, 2, 4}, {20, 33, 2}}) {
    const Axes axes = axes_of(sizes);
    const Srs srs = Srs::dev(axes, 1).value();
    for (const unsigned bits : {16u, 200u}) {
      const std::vector<Scalar> values = random.integers(axes.volume(), bits);
      std::vector<std::vector<std::uint32_t>> points;
      for (int k = 0; k < 12; ++k) points.push_back(random.grid_point(axes));
      points.push_back(points.front());
      const std::vector<Opening> openings = open_all(srs, values, points).value();
      ASSERT_EQ(openings.size(), points.size());
      for (std::size_t k = 0; k < points.size(); ++k) {
        const Opening alone = open(srs, values, points[k]).value();
        EXPECT_EQ(openings[k].value, alone.value);
        EXPECT_EQ(openings[k].quotients, alone.quotients);
      }
    }
  }
  const Srs srs = Srs::dev(axes_of({2, 2}), 1).value();
  const std::vector<std::int8_t> values{1, 2, 3, 4};
  using Points = std::vector<std::vector<std::uint32_t>>;
  EXPECT_TRUE(open_all(srs, values, Points{})->empty());
  EXPECT_EQ(open_all(srs, values, Points{{0, 0}, {0}}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open_all(srs, values, Points{{0, 0}, {0, 2}}).error().code, ErrorCode::kOutOfRange);
}

TEST(Commit, SlicesSumToTheWhole) {
  test::Random random(6);
  const Axes axes = axes_of({4, 3, 5});
  const Srs srs = Srs::dev(axes, 2).value();
  const std::vector<std::int32_t> values = random.words<std::int32_t>(60);
  G1Affine sum = G1Affine::infinity();
  for (std::size_t j = 0; j < 4; ++j)
    sum = curve::add(
        sum, curve::msm_vartime(srs.level(0).subspan(j * 15, 15), IntegerView(values).subview(j * 15, 15)));
  EXPECT_EQ(sum, commit(srs, values).value());
}

TEST(Commit, AllZerosIsInfinityAndAllOnesTheGenerator) {
  const Axes axes = axes_of({4, 3});
  const Srs srs = Srs::dev(axes, 3).value();
  EXPECT_TRUE(commit(srs, std::vector<std::int8_t>(12)).value().is_infinity());
  EXPECT_EQ(commit(srs, std::vector<std::int8_t>(12, 1)).value(), G1Affine::generator());
  const Opening opening =
      open(srs, std::vector<std::int8_t>(12, 1), std::vector<std::uint32_t>{1, 1}).value();
  for (const G1Affine& quotient : opening.quotients) EXPECT_TRUE(quotient.is_infinity());
  EXPECT_TRUE(
      Verifier(srs.verifier_key()).check({G1Affine::generator(), {Fr::one(), Fr::one()}, opening}).ok());
}

TEST(Slices, OpenAndVerify) {
  test::Random random(7);
  const Axes axes = axes_of({3, 4, 5});
  const Srs srs = Srs::dev(axes, 4).value();
  const Verifier verifier(srs.verifier_key());
  const std::vector<std::int16_t> values = random.words<std::int16_t>(60);
  const G1Affine commitment = commit(srs, values).value();
  const std::vector<std::uint32_t> point{2, 1, 3};
  for (std::size_t fixed = 0; fixed <= 3; ++fixed) {
    const std::vector<std::uint32_t> prefix(point.begin(), point.begin() + fixed);
    std::size_t offset = 0;
    for (std::size_t i = 0; i < fixed; ++i) offset += prefix[i] * axes.volume(i + 1);
    const IntegerView slice = IntegerView(values).subview(offset, axes.volume(fixed));
    SliceStatement statement{commitment, prefix, slice, open_slice(srs, values, prefix).value()};
    EXPECT_EQ(statement.quotients.size(), fixed);
    EXPECT_TRUE(verifier.check_slice(srs, statement).ok()) << fixed;

    SliceStatement bad = statement;
    std::vector<std::int16_t> changed(slice.size());
    for (std::size_t k = 0; k < changed.size(); ++k) changed[k] = values[offset + k];
    changed.back() = static_cast<std::int16_t>(changed.back() ^ 1);
    bad.values = changed;
    EXPECT_EQ(verifier.check_slice(srs, bad).step(), "opening equation");
    bad.values = IntegerView(changed).subview(0, changed.size() - 1);
    EXPECT_EQ(verifier.check_slice(srs, bad).step(), "proof shape");
    bad = statement;
    bad.commitment.x.limbs[0] ^= 1;
    EXPECT_EQ(verifier.check_slice(srs, bad).step(), "proof points");
    if (fixed == 0) continue;
    bad = statement;
    bad.prefix[0] = 0;
    EXPECT_EQ(verifier.check_slice(srs, bad).step(), "opening equation");
    bad = statement;
    bad.quotients.pop_back();
    EXPECT_EQ(verifier.check_slice(srs, bad).step(), "proof shape");
    // Any level but one of the verifier's own key would do for whoever made it.
    if (fixed < 3) {
      EXPECT_EQ(verifier.check_slice(Srs::dev(axes, 5).value(), statement).step(), "level digests");
    }
    EXPECT_EQ(verifier.check_slice(Srs::dev(axes_of({3, 5, 4}), 4).value(), statement).step(), "axes");
  }
  // True of the polynomial, but the tensor has no such slice.
  const std::vector<Fr> beyond{Fr::from_u64(3), Fr::zero(), Fr::zero()};
  const Opening opening = open_at(srs, values, beyond).value();
  ASSERT_TRUE(verifier.check({commitment, beyond, opening}).ok());
  const std::vector<Scalar> value{opening.value.to_scalar()};
  const SliceStatement off_grid{commitment, {3, 0, 0}, value, opening.quotients};
  EXPECT_EQ(verifier.check_slice(srs, off_grid).step(), "proof shape");
  const SliceStatement too_deep{commitment, {0, 0, 0, 0}, value, std::vector<G1Affine>(4)};
  EXPECT_EQ(verifier.check_slice(srs, too_deep).step(), "proof shape");
  EXPECT_EQ(verifier.check_slice(srs, too_deep).reason(), "4 coordinates for 3 axes");
}

// Of the whole tensor's own commitment, with no proof at all, no values of a slice can be held.
TEST(Slices, NothingPassesWithoutTheValuesOfTheSlice) {
  const Axes axes = axes_of({3, 4});
  const Srs srs = Srs::dev(axes, 5).value();
  std::vector<std::int32_t> values(12);
  for (std::int32_t i = 0; i < 12; ++i) values[static_cast<std::size_t>(i)] = i * i + 1;
  const G1Affine commitment = commit(srs, values).value();
  const Verifier verifier(srs.verifier_key());
  for (std::uint32_t z = 0; z < 3; ++z) {
    const IntegerView slice = IntegerView(values).subview(std::size_t{4} * z, 4);
    const std::vector<std::uint32_t> prefix{z};
    const SliceStatement unproven{commitment, prefix, slice, {G1Affine::infinity()}};
    EXPECT_EQ(verifier.check_slice(srs, unproven).step(), "opening equation");
    const SliceStatement whole{commitment, prefix, values, {G1Affine::infinity()}};
    EXPECT_EQ(verifier.check_slice(srs, whole).step(), "proof shape");
    const SliceStatement proven{commitment, prefix, slice, open_slice(srs, values, prefix).value()};
    EXPECT_TRUE(verifier.check_slice(srs, proven).ok());
  }
}

TEST(Slices, AFullPrefixGivesTheQuotientsOfTheOpening) {
  const Axes axes = axes_of({2, 3});
  const Srs srs = Srs::dev(axes, 5).value();
  const std::vector<std::int8_t> values{1, 2, 3, 5, 8, 13};
  const std::vector<std::uint32_t> point{1, 2};
  EXPECT_EQ(open_slice(srs, values, point).value(), open(srs, values, point)->quotients);
}

TEST(CheckLevel, ComparesWithTheTrustedKeyAlone) {
  const Srs srs = Srs::dev(axes_of({2, 3}), 1).value();
  const Srs other = Srs::dev(axes_of({2, 3}), 2).value();
  for (std::size_t level = 0; level <= 2; ++level)
    EXPECT_TRUE(check_level(srs, srs.verifier_key(), level).ok());
  EXPECT_EQ(check_level(srs, other.verifier_key(), 1).step(), "level digests");
  EXPECT_TRUE(check_level(srs, other.verifier_key(), 2).ok());  // the generator
  EXPECT_EQ(check_level(srs, srs.verifier_key(), 3).step(), "axes");
  EXPECT_EQ(check_level(srs, Srs::dev(axes_of({3, 2}), 1)->verifier_key(), 1).step(), "axes");
}

TEST(Refusals, CountsAndCoordinates) {
  const Srs srs = Srs::dev(axes_of({2, 3}), 1).value();
  const std::vector<std::int8_t> values(6), short_values(5);
  using Point = std::vector<std::uint32_t>;
  EXPECT_EQ(commit(srs, short_values).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(commit_slice(srs, 1, values).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(commit_slice(srs, 3, values).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(open(srs, short_values, Point{0, 0}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open(srs, values, Point{0}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open(srs, values, Point{0, 3}).error().code, ErrorCode::kOutOfRange);
  EXPECT_NE(open(srs, values, Point{0, 3}).error().to_string().find("coordinate 1"), std::string::npos);
  EXPECT_EQ(open_at(srs, short_values, std::vector<Fr>(2)).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open_at(srs, values, std::vector<Fr>(3)).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open_slice(srs, short_values, Point{0}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open_slice(srs, values, Point{0, 0, 0}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open_slice(srs, values, Point{2}).error().code, ErrorCode::kOutOfRange);
}

}  // namespace
}  // namespace assay::pst
