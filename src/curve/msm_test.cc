#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "curve/distinct.h"
#include "curve/vectors_for_test.h"

namespace assay::curve {
namespace {

/// Points 2^i G: no two small sums of them meet.
std::vector<G1Affine> doubled_points(std::size_t count) {
  std::vector<Fr> scalars(count);
  Fr power = Fr::one();
  for (Fr& each : scalars) {
    each = power;
    power += power;
  }
  std::vector<G1Affine> out(count);
  multiply_generator_vartime(scalars, out);
  return out;
}

/// sum_i values[i] * points[i] by single additions and doublings.
G1Affine naive(const std::vector<G1Affine>& points, IntegerView values) {
  G1Affine sum = G1Affine::infinity();
  for (std::size_t i = 0; i < points.size(); ++i) {
    sum = add(sum, double_and_add(points[i], Fr::from_scalar(values[i])));
  }
  return sum;
}

template <class Int>
std::vector<Int> random_values(std::size_t count, unsigned bits, unsigned seed) {
  std::mt19937_64 rng(seed);
  std::vector<Int> out(count);
  for (Int& v : out) {
    const std::uint64_t magnitude = rng() >> (64 - bits);
    v = static_cast<Int>(rng() & 1 ? magnitude : 0 - magnitude);
  }
  return out;
}

template <class Int>
void check_integers(unsigned bits) {
  for (const std::size_t count : {1U, 2U, 3U, 17U, 130U}) {
    const auto points = doubled_points(count);
    auto values = random_values<Int>(count, bits, static_cast<unsigned>(count));
    EXPECT_EQ(msm_vartime(points, IntegerView(values)), naive(points, values));
    values[0] = std::numeric_limits<Int>::min();
    values.back() = std::numeric_limits<Int>::max();
    EXPECT_EQ(msm_vartime(points, IntegerView(values)), naive(points, values));
  }
}

TEST(Msm, EveryIntegerWidthAgreesWithSingleMultiplications) {
  for_each_kernel([] {
    check_integers<std::int8_t>(7);
    check_integers<std::int16_t>(15);
    check_integers<std::int32_t>(31);
    check_integers<std::int64_t>(63);
    check_integers<std::int64_t>(40);
  });
}

TEST(Msm, ScalarsOfEveryWidth) {
  for_each_kernel([] {
    std::mt19937_64 rng(5);
    for (const unsigned bits : {1U, 5U, 63U, 64U, 65U, 127U, 128U, 200U, 250U, 253U, 254U}) {
      const auto points = doubled_points(60);
      std::vector<Scalar> values(points.size());
      for (Scalar& v : values) {
        Bytes bytes(32);
        for (unsigned i = 0; i < bits; ++i) bytes[i / 8] |= static_cast<std::uint8_t>((rng() & 1) << (i % 8));
        const Fr magnitude = Fr::from_bytes_reduced(bytes);
        v = (rng() & 1 ? magnitude : -magnitude).to_scalar();
      }
      EXPECT_EQ(msm_vartime(points, IntegerView(values)), naive(points, values)) << bits;
      std::vector<Fr> elements;
      for (const Scalar& v : values) elements.push_back(Fr::from_scalar(v));
      EXPECT_EQ(msm_vartime(points, std::span<const Fr>(elements)), naive(points, values)) << bits;
    }
  });
}

TEST(Msm, ExtremeScalars) {
  for_each_kernel([] {
    const Fr half =
        (Fr::from_i64(-1)) * Fr::from_u64(2).inverse();  // (r - 1)/2, the largest positive integer
    std::vector<Scalar> values;
    for (const Fr& each :
         {Fr::zero(), Fr::one(), Fr::from_i64(-1), half, half + Fr::one(), -Fr::from_u64(1U << 16)}) {
      values.push_back(each.to_scalar());
    }
    const auto points = doubled_points(values.size());
    EXPECT_EQ(msm_vartime(points, IntegerView(values)), naive(points, values));
  });
}

TEST(Msm, PointsThatMeetInABucket) {
  for_each_kernel([] {
    const G1Affine g = G1Affine::generator();
    const G1Affine two_g = add(g, g);
    // Equal points, opposite points, infinity among the bases, and a sum that cancels.
    const std::vector<G1Affine> points = {g, g, negate(g), G1Affine::infinity(), two_g, g, negate(two_g), g};
    for (const std::vector<std::int16_t>& values :
         {std::vector<std::int16_t>{5, 5, 5, 5, 5, 5, 5, 5},
          {1, -1, 1, 1, 1, -1, 0, 0},
          {7, 7, 7, 7, 7, 7, 14, 7},
          {-32768, -32768, -32768, -32768, -32768, -32768, -32768, -32768},
          {0, 0, 0, 0, 0, 0, 0, 0}}) {
      EXPECT_EQ(msm_vartime(points, IntegerView(values)), naive(points, values));
    }
  });
}

TEST(Msm, SplitsLongInputsIntoRanges) {
  for_each_kernel([] {
    const auto points = doubled_points(900);
    const auto values = random_values<std::int16_t>(points.size(), 15, 3);
    EXPECT_EQ(msm_vartime(points, IntegerView(values)), naive(points, values));
  });
}

/// Bases k_i G, so that a product is known from sum_i v_i k_i.
class KnownBases {
 public:
  explicit KnownBases(std::vector<Fr> logs) : logs_(std::move(logs)), points_(logs_.size()) {
    multiply_generator_vartime(logs_, points_);
  }

  template <class Int>
  void check(const std::vector<Int>& values, const char* what) const {
    const std::span<const G1Affine> points(points_.data(), values.size());
    Fr sum;
    for (std::size_t i = 0; i < values.size(); ++i) sum += logs_[i] * Fr::from_scalar(IntegerView(values)[i]);
    std::vector<G1Affine> want(1);
    multiply_generator_vartime(std::vector<Fr>{sum}, want);
    EXPECT_EQ(msm_vartime(points, IntegerView(values)), want[0])
        << what << ", " << values.size() << " values, kernel " << active_kernel();
  }

 private:
  std::vector<Fr> logs_;
  std::vector<G1Affine> points_;
};

std::vector<Fr> random_logs(std::size_t count) {
  std::vector<Fr> out(count);
  Fr value = Fr::from_u64(3);
  for (Fr& each : out) each = value = value * value + Fr::one();
  return out;
}

TEST(Msm, ManyPointsAcrossBatchesAndBlocks) {
  for_each_kernel([] {
    const KnownBases bases(random_logs(140000));
    for (const std::size_t count : {255U, 256U, 257U, 1023U, 4097U, 65536U, 65537U, 140000U}) {
      bases.check(random_values<std::int16_t>(count, 15, 3), "int16");
      if (count < 100000) bases.check(random_values<std::int64_t>(count, 40, 4), "int64");
    }
    for (const std::size_t count : {300U, 5000U, 20000U}) {
      std::vector<Scalar> wide(count);
      for (std::size_t i = 0; const Fr& each : random_logs(count)) wide[i++] = (each * each).to_scalar();
      bases.check(wide, "scalars");
    }
  });
}

TEST(Msm, DataThatFallIntoFewBuckets) {
  for_each_kernel([] {
    const KnownBases bases(random_logs(70000));
    std::vector<std::int16_t> values(70000, 777);
    bases.check(values, "all equal");
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 2 == 0 ? 777 : -777;
    bases.check(values, "two signs");
    std::fill(values.begin(), values.end(), std::numeric_limits<std::int16_t>::min());
    bases.check(values, "all at the minimum");
    std::fill(values.begin(), values.end() - 1, 0);
    bases.check(values, "one value among zeros");
    std::vector<std::int64_t> one_wide(70000, 3);
    one_wide[69999] = std::numeric_limits<std::int64_t>::min();
    bases.check(one_wide, "one wide value");
  });
}

TEST(Msm, WideValuesOfFewKinds) {
  // What 16-bit sources come to as long decimals: the points of each value are summed first. With many
  // threads no part would have enough points for its kinds.
  const ThreadLimitScope two(2);
  for_each_kernel([] {
    std::mt19937_64 rng(12);
    const KnownBases bases(random_logs(40000));
    std::vector<std::int64_t> kinds = random_values<std::int64_t>(300, 55, 6);
    kinds[0] = std::numeric_limits<std::int64_t>::min();
    kinds[1] = std::numeric_limits<std::int64_t>::max();
    kinds[2] = 0;
    std::vector<std::int64_t> values(40000);
    for (std::int64_t& each : values) {
      each = kinds[rng() % kinds.size()];
      if (rng() % 2 == 0 && each != kinds[0]) each = -each;
    }
    bases.check(values, "int64 of 300 kinds");
    std::vector<Scalar> wide(values.size());
    for (std::size_t i = 0; i < wide.size(); ++i) {
      const Fr element = Fr::from_i64(values[i]);
      wide[i] = (element * element * element).to_scalar();
    }
    bases.check(wide, "scalars of 600 kinds");
    // The first value of every ten is of few kinds, so that a sample may see them alone.
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i % 10 != 0) values[i] = static_cast<std::int64_t>(rng() >> 20);
    }
    bases.check(values, "int64 of many kinds");
    std::fill(values.begin(), values.end(), std::int64_t{1} << 50);
    bases.check(values, "int64 of one kind");
    const KnownBases opposite([] {
      std::vector<Fr> logs(20000, Fr::from_u64(9));
      for (std::size_t i = 0; i < logs.size(); i += 2) logs[i] = -logs[i];
      return logs;
    }());
    std::fill(values.begin(), values.end(), std::int64_t{1} << 40);
    opposite.check(std::vector<std::int64_t>(values.begin(), values.begin() + 20000), "sums that cancel");
  });
}

TEST(Distinct, NumbersInOrderUpToItsLimit) {
  Distinct<std::int64_t> distinct(20000);
  std::mt19937_64 rng(1);
  std::vector<std::uint64_t> all;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    all.push_back(i < 10000 ? rng() : std::uint64_t{i} << 40);
    ASSERT_EQ(distinct.number(all.back()), i);
  }
  for (std::uint32_t i = 0; i < all.size(); i += 7) ASSERT_EQ(distinct.number(all[i]), i);
  EXPECT_EQ(distinct.number(5), Distinct<std::int64_t>::kNone);
  EXPECT_TRUE(std::ranges::equal(distinct.magnitudes(), all));
}

TEST(Distinct, GuessesFromASample) {
  EXPECT_TRUE(Distinct<std::int64_t>::is_likely(std::vector<std::int64_t>(100000, 3)));
  EXPECT_FALSE(Distinct<std::int64_t>::is_likely(random_values<std::int64_t>(100000, 40, 3)));
  // All patterns of 16 bits, equally often.
  std::vector<std::int64_t> values = random_values<std::int64_t>(200000, 16, 4);
  for (std::int64_t& each : values) each *= 1'000'003;
  EXPECT_TRUE(Distinct<std::int64_t>::is_likely(values));
}

TEST(Msm, PointsThatMeetByTheThousand) {
  for_each_kernel([] {
    // Infinity, small multiples of both signs (-3 to 6), and each of them many times over: equal and opposite
    // points meet in every bucket and in the sums of the buckets.
    std::vector<Fr> logs(6000);
    for (std::size_t i = 0; i < logs.size(); ++i)
      logs[i] = Fr::from_i64(static_cast<std::int64_t>(i * i % 11) - 3);
    const KnownBases bases(logs);
    bases.check(random_values<std::int16_t>(logs.size(), 3, 1), "few digits");
    bases.check(random_values<std::int16_t>(logs.size(), 15, 2), "many digits");
    bases.check(random_values<std::int64_t>(logs.size(), 50, 3), "many windows");
    const KnownBases infinite(std::vector<Fr>(3000));
    infinite.check(random_values<std::int16_t>(3000, 15, 4), "infinity alone");
    const KnownBases same(std::vector<Fr>(3000, Fr::from_u64(5)));
    same.check(std::vector<std::int8_t>(3000, 1), "one point");
  });
}

TEST(Msm, PointsThatMeetInOrderOfComing) {
  // So many points for a thread that they are added to wide windows one after the other, and hardly a sum
  // has a slope of its own.
  const ThreadLimitScope one(1);
  for_each_kernel([] {
    std::vector<Fr> logs(140000);
    for (std::size_t i = 0; i < logs.size(); ++i)
      logs[i] = Fr::from_i64(static_cast<std::int64_t>(i * i % 11) - 3);
    KnownBases(logs).check(random_values<std::int16_t>(logs.size(), 15, 5), "few points");
  });
}

TEST(Msm, MoreBatchesThanNumbersForThemAndMoreWaitingThanRoom) {
  const ThreadLimitScope one(1);
  for_each_kernel([] {
    const KnownBases bases(random_logs(300000));
    auto values = random_values<std::int16_t>(300000, 15, 7);
    bases.check(values, "all buckets");
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i % 8 != 0) values[i] = static_cast<std::int16_t>(i % 3 == 0 ? -31000 : 31000);
    }
    bases.check(values, "mostly one bucket");
  });
}

TEST(Msm, NumbersThatAreNoCoordinatesHarmNothing) {
  // What an unchecked file may hold. There is no right sum; there must be one all the same.
  for_each_kernel([] {
    const std::vector<G1Affine> junk(2000, {{{~0ULL, ~0ULL, ~0ULL, ~0ULL}}, {{7, ~0ULL, 0, ~0ULL}}});
    std::vector<G1Affine> mixed = doubled_points(2000);
    for (std::size_t i = 0; i < mixed.size(); i += 3) mixed[i] = junk[i];
    for (const auto& points : {junk, mixed}) {
      const auto sum = msm_vartime(points, IntegerView(random_values<std::int16_t>(points.size(), 9, 1)));
      EXPECT_EQ(encode(sum).size(), 32U);
    }
  });
}

TEST(Msm, NothingIsInfinity) {
  EXPECT_EQ(msm_vartime({}, IntegerView()), G1Affine::infinity());
  EXPECT_EQ(msm_vartime({}, std::span<const Fr>()), G1Affine::infinity());
}

TEST(Msm, PlansAdditionsWhereThereIsSomethingToAdd) {
  EXPECT_EQ(planned_additions(0, 16), 0U);
  EXPECT_EQ(planned_additions(100, 0), 0U) << "all are 0";
  // Each number falls into one bucket at least; one by one they would take half as many additions as bits.
  EXPECT_GT(planned_additions(1 << 16, 16), 1U << 16);
  EXPECT_LT(planned_additions(1 << 16, 16), 8U << 16);
}

TEST(Msm, BasesMayStandInRuns) {
  const ThreadLimitScope two(2);  // as for wide values of few kinds
  for_each_kernel([] {
    const auto points = doubled_points(30000);
    const std::span<const G1Affine> all(points);
    const auto narrow = random_values<std::int16_t>(points.size(), 15, 11);
    std::vector<std::int64_t> few_kinds(points.size());
    for (std::size_t i = 0; i < few_kinds.size(); ++i) few_kinds[i] = std::int64_t{narrow[i % 500]} << 40;
    std::vector<Scalar> wide;
    for (const Fr& each : random_logs(3000)) wide.push_back(each.to_scalar());
    for (const std::vector<std::size_t>& cuts : {std::vector<std::size_t>{},
                                                 {1},
                                                 {0, 0, 7},
                                                 {8191, 8192, 8193, 16384},
                                                 {100, 200, 200, 2999, 3000, 29999}}) {
      for (const IntegerView values :
           {IntegerView(narrow), IntegerView(narrow).subview(0, 200), IntegerView(few_kinds),
            IntegerView(wide), IntegerView(narrow).subview(0, 0)}) {
        std::vector<std::span<const G1Affine>> runs;
        std::size_t begin = 0;
        for (const std::size_t cut : cuts) {
          const std::size_t end = std::min(cut, values.size());
          runs.push_back(all.subspan(begin, end - begin));
          begin = end;
        }
        runs.push_back(all.subspan(begin, values.size() - begin));
        EXPECT_EQ(msm_of_runs_vartime(runs, values), msm_vartime(all.first(values.size()), values))
            << cuts.size() << " cuts, " << values.size() << " values";
      }
    }
  });
}

TEST(Msm, MoreScalarsThanAreSummedAtATime) {
  for_each_kernel([] {
    const std::vector<Fr> logs = random_logs(8191);  // no divisor of what is summed at a time
    std::vector<G1Affine> points(logs.size());
    multiply_generator_vartime(logs, points);
    const std::size_t turns = 260;  // just over 2^21 points
    const std::vector<std::span<const G1Affine>> runs(turns, points);
    std::mt19937_64 rng(8);
    std::vector<Scalar> values(turns * points.size());
    std::vector<std::int64_t> per_point(points.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = static_cast<std::int64_t>(rng() % 2001) - 1000;
      values[i] = Fr::from_i64(value).to_scalar();
      per_point[i % points.size()] += value;
    }
    EXPECT_EQ(msm_of_runs_vartime(runs, IntegerView(values)), msm_vartime(points, IntegerView(per_point)));
  });
}

TEST(Msm, TheThreadCountDoesNotMatter) {
  const auto points = doubled_points(3000);
  const auto narrow = random_values<std::int16_t>(points.size(), 15, 9);
  const auto wide = random_values<std::int64_t>(points.size(), 50, 10);
  const ThreadLimitScope one(1);
  const G1Affine one_narrow = msm_vartime(points, IntegerView(narrow));
  const G1Affine one_wide = msm_vartime(points, IntegerView(wide));
  for (const unsigned threads : {2U, 3U, 7U}) {
    const ThreadLimitScope limit(threads);
    EXPECT_EQ(msm_vartime(points, IntegerView(narrow)), one_narrow);
    EXPECT_EQ(msm_vartime(points, IntegerView(wide)), one_wide);
  }
}

}  // namespace
}  // namespace assay::curve
