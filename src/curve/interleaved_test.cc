#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "curve/vectors_for_test.h"

namespace assay::curve {
namespace {

/// A scalar of just so many bits, up to 253.
Fr random_of_width(unsigned bits, std::mt19937_64& random) {
  Bytes bytes(32);
  for (unsigned i = 0; i < bits; ++i)
    bytes[i / 8] |= static_cast<std::uint8_t>((i + 1 == bits ? 1 : random() & 1) << (i % 8));
  return Fr::from_bytes_reduced(bytes);
}

G1Affine sum_of(const std::vector<G1Affine>& points, const std::vector<Fr>& scalars) {
  std::vector<Scalar> integers;
  for (const Fr& scalar : scalars) integers.push_back(scalar.to_scalar());
  return msm_vartime(points, IntegerView(integers));
}

/// Points that are known multiples of the generator, so that one multiple of it is what a sum must be.
void check_sum(const std::vector<Fr>& logs, const std::vector<Fr>& scalars) {
  std::vector<G1Affine> points(logs.size());
  multiply_generator_vartime(logs, points);
  Fr sum = Fr::zero();
  for (std::size_t i = 0; i < logs.size(); ++i) sum += logs[i] * scalars[i];
  ASSERT_EQ(sum_of(points, scalars), double_and_add(G1Affine::generator(), sum))
      << logs.size() << " points, kernel " << active_kernel();
}

TEST(InterleavedSum, EveryWidthAloneAndNegated) {
  // Every width up to that of the field: where a scalar is split, and where its digits end.
  for_each_kernel([] {
    std::mt19937_64 random(1);
    const G1Affine point = double_and_add(G1Affine::generator(), Fr::from_u64(7));
    for (unsigned bits = 0; bits <= 253; ++bits) {
      const Fr scalar = random_of_width(bits, random);
      for (const Fr& k : {scalar, -scalar}) {
        const G1Affine want = double_and_add(point, k);
        ASSERT_EQ(multiply_vartime(point, k), want) << bits;
        ASSERT_EQ(sum_of({point}, {k}), want) << bits;
      }
    }
  });
}

TEST(InterleavedSum, PowersOfTwoAndTheirNeighbours) {
  for_each_kernel([] {
    Fr power = Fr::one();
    const G1Affine point = double_and_add(G1Affine::generator(), Fr::from_u64(11));
    for (unsigned bit = 0; bit < 254; ++bit) {
      for (const Fr& k : {power, power - Fr::one(), power + Fr::one(), -power})
        ASSERT_EQ(multiply_vartime(point, k), double_and_add(point, k)) << bit;
      power += power;
    }
  });
}

TEST(InterleavedSum, CountsAroundTheWidthsOfTables) {
  for_each_kernel([] {
    std::mt19937_64 random(2);
    for (const std::size_t count : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 31U, 99U, 100U, 101U}) {
      std::vector<Fr> logs, scalars;
      for (std::size_t i = 0; i < count; ++i) {
        logs.push_back(random_element(random));
        // Widths of all kinds beside each other: weights, their products with nodes, elements of the field.
        scalars.push_back(i % 3 == 0   ? random_element(random)
                          : i % 3 == 1 ? random_of_width(128, random)
                                       : -random_of_width(140 + static_cast<unsigned>(i) % 9, random));
      }
      check_sum(logs, scalars);
    }
  });
}

TEST(InterleavedSum, PointsThatMeetAndPointsAtInfinity) {
  for_each_kernel([] {
    std::mt19937_64 random(3);
    const Fr k = random_element(random);
    const Fr lambda_like = random_element(random);
    // The same point twice, its negative, infinity in between, and sums that cancel at every place.
    check_sum({Fr::one(), Fr::one()}, {k, k});
    check_sum({Fr::one(), Fr::from_i64(-1)}, {k, k});
    check_sum({Fr::one(), Fr::one()}, {k, -k});
    check_sum({Fr::zero(), Fr::one(), Fr::zero()}, {k, k, lambda_like});
    check_sum({Fr::zero()}, {k});
    check_sum({Fr::one(), Fr::from_u64(2), Fr::from_u64(3)}, {k, k, -k});
    // A point and 2, 3, 5, .. times it: sums on the way are equal to multiples in the tables.
    std::vector<Fr> logs, scalars;
    for (std::uint64_t i = 1; i <= 40; ++i) {
      logs.push_back(Fr::from_u64(i));
      scalars.push_back(Fr::from_u64(i * i));
    }
    check_sum(logs, scalars);
    check_sum({}, {});
    check_sum({k, k}, {Fr::zero(), Fr::zero()});
  });
}

}  // namespace
}  // namespace assay::curve
