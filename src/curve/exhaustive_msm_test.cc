// Sums of pairs, buckets and whole multi-scalar multiplications over curves whose points can be listed: equal
// and opposite points, and points at infinity, meet in every way there is.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "curve/bucket_sums.h"
#include "curve/interleaved.h"
#include "curve/msm.h"
#include "curve/toy_curves_for_test.h"

namespace assay::curve {
namespace {

template <class Case>
using ExhaustiveSums = ExhaustiveTest<Case>;
using Toys = ToyCases<Toy7, Toy283>;
TYPED_TEST_SUITE(ExhaustiveSums, Toys);

TYPED_TEST(ExhaustiveSums, PairsInBatches) {
  using F = typename TypeParam::F;
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  PairAdder<F> adder;
  PairBatch batch;
  std::vector<G1Affine> out(PairBatch::kCapacity);
  std::vector<std::int64_t> expected;
  // Sums beside their operands, and sums that replace the left one.
  for (const bool in_place : {false, true}) {
    const auto finish = [&] {
      adder.add(batch);
      for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_EQ(out[i], group.g1(expected[i])) << expected[i];
      expected.clear();
    };
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        for (const bool negated : {false, true}) {
          G1Affine& sum = out[expected.size()];
          if (in_place) sum = group.g1(i);
          batch.push(in_place ? sum : group.g1(i), PointRef(group.g1(j), negated), sum);
          expected.push_back(negated ? i - j : i + j);
          if (batch.is_full()) finish();
        }
      }
    }
    finish();
  }
}

TYPED_TEST(ExhaustiveSums, BatchesOfEverySize) {
  using F = typename TypeParam::F;
  const auto& group = TypeParam::Group::get();
  PairAdder<F> adder;
  PairBatch batch;
  for (std::size_t size = 0; size <= 40; ++size) {
    std::vector<G1Affine> out(size);
    for (std::size_t i = 0; i < size; ++i) {
      const auto k = static_cast<std::int64_t>(i);
      batch.push(group.g1(k), PointRef(group.g1(k * k)), out[i]);
    }
    adder.add(batch);
    ASSERT_EQ(batch.size(), 0U);
    for (std::size_t i = 0; i < size; ++i) {
      const auto k = static_cast<std::int64_t>(i);
      ASSERT_EQ(out[i], group.g1(k + k * k)) << i << " of " << size;
    }
  }
}

/// Every sequence of `length` points with signs, each in a bucket of its own: number s has as its points the
/// digits of s to the base 2n.
template <class Case>
class Sequences {
 public:
  static constexpr std::size_t kSigned = 2 * Case::Curve::kN;

  explicit Sequences(std::size_t length) : length_(length) {
    for (std::size_t i = 0; i < length; ++i) count_ *= kSigned;
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t length() const { return length_; }
  [[nodiscard]] std::int64_t log(std::size_t sequence, std::size_t position) const {
    for (std::size_t i = 0; i < position; ++i) sequence /= kSigned;
    return static_cast<std::int64_t>(sequence % kSigned / 2);
  }
  [[nodiscard]] bool is_negated(std::size_t sequence, std::size_t position) const {
    for (std::size_t i = 0; i < position; ++i) sequence /= kSigned;
    return sequence % 2 != 0;
  }
  [[nodiscard]] std::int64_t sum(std::size_t sequence) const {
    std::int64_t out = 0;
    for (std::size_t i = 0; i < length_; ++i)
      out += is_negated(sequence, i) ? -log(sequence, i) : log(sequence, i);
    return out;
  }

 private:
  std::size_t length_;
  std::size_t count_ = 1;
};

/// Gives the sequences [first, first + buckets) to a bucket each, all first points before all second ones or
/// bucket by bucket, and checks the sums of the buckets and their weighted sum.
template <class Case>
void check_buckets(BucketSums<typename Case::F, PairAdder<typename Case::F>>& sums,
                   const Sequences<Case>& sequences, std::size_t first, std::size_t buckets,
                   bool by_position) {
  const auto& group = Case::Group::get();
  std::vector<G1Affine> points;
  std::vector<BucketKey> keys;
  const auto push = [&](std::size_t b, std::size_t position) {
    points.push_back(group.g1(sequences.log(first + b, position)));
    keys.push_back({b, sequences.is_negated(first + b, position)});
  };
  for (std::size_t i = 0; i < buckets * sequences.length(); ++i) {
    if (by_position) push(i % buckets, i / buckets);
    if (!by_position) push(i / sequences.length(), i % sequences.length());
  }
  sums.start(buckets, points.size());
  sums.add(points, keys);
  sums.finish();
  SimpleBuckets<typename Case::F> simple(buckets);
  simple.add(points, keys);
  std::int64_t weighted = 0;
  for (std::size_t b = 0; b < buckets; ++b) {
    ASSERT_EQ(store(sums.sum(b)), group.g1(sequences.sum(first + b))) << "sequence " << first + b;
    weighted += static_cast<std::int64_t>(b + 1) * sequences.sum(first + b);
  }
  ASSERT_EQ(store(sums.weighted_sum().to_affine()), group.g1(weighted));
  ASSERT_EQ(store(simple.weighted_sum().to_affine()), group.g1(weighted));
}

/// Buckets enough for points to be added in the order of their coming, and so few that all of them wait.
constexpr std::size_t kMany = std::size_t{4} * PairBatch::kCapacity, kFew = 1000;

template <class Case>
void check_all_sequences(std::size_t length, std::size_t most, bool by_position) {
  const Sequences<Case> sequences(length);
  BucketSums<typename Case::F, PairAdder<typename Case::F>> sums;
  for (std::size_t first = 0; first < sequences.count(); first += most) {
    check_buckets(sums, sequences, first, std::min(most, sequences.count() - first), by_position);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TYPED_TEST(ExhaustiveSums, BucketsOfAllPairs) {
  check_all_sequences<TypeParam>(1, kMany, true);
  check_all_sequences<TypeParam>(2, kMany, true);
  check_all_sequences<TypeParam>(2, kFew, false);
}

template <class Case>
using ExhaustiveSmall = ExhaustiveTest<Case>;
using SmallestToy = ToyCases<Toy7>;
TYPED_TEST_SUITE(ExhaustiveSmall, SmallestToy);

TYPED_TEST(ExhaustiveSmall, BucketsOfAllTriplesAndQuadruples) {
  for (const bool by_position : {true, false}) {
    check_all_sequences<TypeParam>(3, kMany, by_position);
    check_all_sequences<TypeParam>(3, kFew, by_position);
  }
  check_all_sequences<TypeParam>(4, kMany, true);
}

TYPED_TEST(ExhaustiveSmall, BucketsInEveryOrderOfWeights) {
  // weighted_sum over up to three buckets, of which any may be empty or hold any point.
  using F = typename TypeParam::F;
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  BucketSums<F, PairAdder<F>> sums;
  for (std::int64_t i = 0; i < (n + 1) * (n + 1) * (n + 1); ++i) {
    std::vector<G1Affine> points;
    std::vector<BucketKey> keys;
    std::int64_t weighted = 0;
    for (std::int64_t bucket = 0, rest = i; bucket < 3; ++bucket, rest /= n + 1) {
      if (rest % (n + 1) == n) continue;
      points.push_back(group.g1(rest % (n + 1)));
      keys.push_back({static_cast<std::size_t>(bucket), false});
      weighted += (bucket + 1) * (rest % (n + 1));
    }
    sums.start(3, points.size());
    sums.add(points, keys);
    sums.finish();
    ASSERT_EQ(store(sums.weighted_sum().to_affine()), group.g1(weighted)) << i;
  }
}

template <class Case>
G1Affine msm(std::span<const G1Affine> bases, IntegerView scalars) {
  return Msm<typename Case::F, PairAdder<typename Case::F>, typename Case::Curve>::run({{bases}}, scalars);
}

TYPED_TEST(ExhaustiveSmall, MsmOfAllPairsByAllScalars) {
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const std::array<G1Affine, 2> bases = {group.g1(i), group.g1(j)};
      // All residues, and some of them twice.
      for (std::int64_t a = -n / 2 - 1; a <= n / 2 + 1; ++a) {
        for (std::int64_t b = -n / 2 - 1; b <= n / 2 + 1; ++b) {
          const std::array<std::int8_t, 2> scalars = {static_cast<std::int8_t>(a),
                                                      static_cast<std::int8_t>(b)};
          ASSERT_EQ(msm<TypeParam>(bases, std::span<const std::int8_t>(scalars)), group.g1(a * i + b * j))
              << a << " * " << i << " + " << b << " * " << j;
        }
      }
    }
  }
}

TYPED_TEST(ExhaustiveSmall, InterleavedSumsOfAllTriplesByAllScalars) {
  // Tables of 3P, 5P and 7P pass through infinity here, and sums meet their own operands.
  using F = typename TypeParam::F;
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  for (std::int64_t i = 0; i < n * n * n; ++i) {
    const std::array<std::int64_t, 3> logs = {i % n, i / n % n, i / n / n};
    for (std::int64_t k = 0; k < 6 * 6 * 6; ++k) {
      const std::array<std::int64_t, 3> scalars = {7 * (k % 6) - 17, 5 * (k / 6 % 6) - 12, k / 36 - 3};
      InterleavedSum<F, PairAdder<F>, typename TypeParam::Curve> sum;
      std::int64_t want = 0;
      for (std::size_t at = 0; at < 3; ++at) {
        SignedMagnitude scalar = SignedMagnitude::of(static_cast<std::uint64_t>(std::abs(scalars[at])));
        if (scalars[at] < 0) scalar.words[3] |= SignedMagnitude::kSign;
        sum.add(group.g1(logs[at]), scalar);
        want += scalars[at] * logs[at];
      }
      ASSERT_EQ(store(sum.sum().to_affine()), group.g1(want)) << i << ", " << k;
    }
  }
}

TYPED_TEST(ExhaustiveSums, InterleavedSumsOfManyPoints) {
  using F = typename TypeParam::F;
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  InterleavedSum<F, PairAdder<F>, typename TypeParam::Curve> sum;
  std::int64_t want = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    sum.add(group.g1(i), SignedMagnitude::of(static_cast<std::uint64_t>(31 * i + 5)));
    want += (31 * i + 5) * i;
    ASSERT_EQ(store(sum.sum().to_affine()), group.g1(want)) << i;
  }
}

TYPED_TEST(ExhaustiveSmall, MsmOfAllTriplesBySmallScalars) {
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  for (std::int64_t i = 0; i < n * n * n; ++i) {
    const std::array<std::int64_t, 3> logs = {i % n, i / n % n, i / n / n};
    const std::array<G1Affine, 3> bases = {group.g1(logs[0]), group.g1(logs[1]), group.g1(logs[2])};
    for (std::int64_t k = 0; k < 3 * 3 * 3; ++k) {
      // -2, 1 or 4.
      const std::array<std::int16_t, 3> scalars = {static_cast<std::int16_t>(3 * (k % 3) - 2),
                                                   static_cast<std::int16_t>(3 * (k / 3 % 3) - 2),
                                                   static_cast<std::int16_t>(3 * (k / 9) - 2)};
      std::int64_t sum = 0;
      for (std::size_t at = 0; at < 3; ++at) sum += scalars[at] * logs[at];
      ASSERT_EQ(msm<TypeParam>(bases, std::span<const std::int16_t>(scalars)), group.g1(sum))
          << i << ", " << k;
    }
  }
}

TYPED_TEST(ExhaustiveSums, MsmOfOnePointByAllScalars) {
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN, step = n > 100 ? 46 : 1;
  for (std::int64_t i = 0; i < n; i += step) {
    for (std::int64_t k = -n; k <= n; ++k) {
      const std::int64_t scalar = k;
      ASSERT_EQ(msm<TypeParam>(group.all_g1().subspan(static_cast<std::size_t>(i), 1),
                               std::span<const std::int64_t>(&scalar, 1)),
                group.g1(k * i))
          << k << " * " << i;
    }
  }
}

/// Every point by every scalar of [-half, half), in one sum, and in the sums of its first parts.
template <class Case, class Int>
void check_long_sums(std::int64_t half, std::int64_t scale) {
  const auto& group = Case::Group::get();
  std::vector<G1Affine> bases;
  std::vector<Int> scalars;
  std::vector<std::int64_t> sums{0};
  for (std::int64_t i = 0; i < Case::Curve::kN; ++i) {
    for (std::int64_t k = -half; k < half; ++k) {
      bases.push_back(group.g1(i));
      scalars.push_back(static_cast<Int>(k * scale));
      sums.push_back((sums.back() + k * scale % Case::Curve::kN * i) % Case::Curve::kN);
    }
  }
  for (std::size_t count = bases.size(); count > 0; count = count * 7 / 10) {
    ASSERT_EQ(msm<Case>(std::span(bases).first(count), std::span<const Int>(scalars).first(count)),
              group.g1(sums[count]))
        << count;
  }
}

TYPED_TEST(ExhaustiveSums, MsmOfAllPointsByAllScalarsAtOnce) {
  check_long_sums<TypeParam, std::int8_t>(128, 1);
  check_long_sums<TypeParam, std::int16_t>(300, 109);
  check_long_sums<TypeParam, std::int32_t>(128, 16'000'000);
  // Wide values of few kinds, which are summed by value first.
  const ThreadLimitScope two(2);
  check_long_sums<TypeParam, std::int64_t>(200, 40'000'000'000'000'000);
}

}  // namespace
}  // namespace assay::curve
