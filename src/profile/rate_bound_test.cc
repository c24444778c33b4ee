#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "assay/profile.h"

namespace assay::profile {
namespace {

/// The probability of at most so many events, term by term in the exact order of the definition.
long double at_most(std::uint64_t events, std::uint64_t trials, long double rate) {
  long double sum = 0;
  for (std::uint64_t i = 0; i <= events; ++i) {
    long double term = std::pow(1 - rate, static_cast<long double>(trials - i));
    for (std::uint64_t j = 0; j < i; ++j)
      term *= rate * static_cast<long double>(trials - j) / static_cast<long double>(j + 1);
    sum += term;
  }
  return sum;
}

TEST(RateBound, IsWhereSoFewEventsAreSurprising) {
  for (const auto& [events, trials] : {std::pair(0u, 1u),
                                       {0u, 59u},
                                       {1u, 10u},
                                       {9u, 10u},
                                       {3u, 200u},
                                       {77u, 200u},
                                       {100u, 1000u},
                                       {999u, 1000u}}) {
    for (const double confidence : {0.5, 0.8, 0.95, 0.999}) {
      const double bound = rate_bound(events, trials, confidence).value();
      EXPECT_NEAR(static_cast<double>(at_most(events, trials, bound)), 1 - confidence, 1e-9)
          << events << " of " << trials << ", " << confidence;
      EXPECT_GE(bound, 1.0 * events / trials);
    }
  }
}

// Of the tables of exact limits for a proportion; the limits of 95 % one-sided are those of 90 % two-sided.
TEST(RateBound, IsThatOfPublishedTables) {
  EXPECT_NEAR(rate_bound(0, 10).value(), 0.2589, 5e-5);
  EXPECT_NEAR(rate_bound(1, 10).value(), 0.3942, 5e-5);
  EXPECT_NEAR(rate_bound(5, 10).value(), 0.7776, 5e-5);
  EXPECT_NEAR(rate_bound(0, 59).value(), 0.0495, 5e-5);
}

TEST(RateBound, WithoutEventsHasAClosedForm) {
  for (const std::uint64_t trials : {1u, 3u, 300u, 100000u, 1u << 24})
    EXPECT_NEAR(rate_bound(0, trials).value() / -std::expm1(std::log(0.05) / static_cast<double>(trials)), 1,
                1e-9);
}

TEST(RateBound, HoldsForManyTrials) {
  // Near the normal distribution: events + 1.645 standard deviations.
  const std::uint64_t trials = 1u << 24;
  const double bound = rate_bound(trials / 2, trials).value();
  EXPECT_NEAR((bound - 0.5) * 2 * std::sqrt(static_cast<double>(trials)), 1.6449, 2e-3);
  EXPECT_LT(rate_bound(trials - 1, trials).value(), 1);
  EXPECT_GT(rate_bound(trials - 1, trials).value(), 1 - 1e-7);
}

TEST(RateBound, OfNothingOrOfAllIsOne) {
  EXPECT_EQ(rate_bound(0, 0).value(), 1);
  EXPECT_EQ(rate_bound(7, 7).value(), 1);
  EXPECT_GT(rate_bound(0, 10).value(), rate_bound(0, 11).value());
  EXPECT_LT(rate_bound(3, 10).value(), rate_bound(4, 10).value());
}

TEST(RateBound, Refuses) {
  EXPECT_EQ(rate_bound(2, 1).error().place, "trials");
  EXPECT_EQ(rate_bound(0, (1u << 24) + 1).error().code, ErrorCode::kOutOfRange);
  for (const double confidence : {0.4, 1.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_EQ(rate_bound(0, 1, confidence).error().place, "confidence");
}

}  // namespace
}  // namespace assay::profile
