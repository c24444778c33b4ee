#include <gtest/gtest.h>

#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;
using test::Random;

class Partial : public ::testing::Test {
 protected:
  Axes axes_ = axes_of({3, 40, 5});
  Srs srs_ = Srs::dev(axes_, 9).value();
  Random random_{1};

  static Segment segment_of(IntegerView values, std::size_t first, std::size_t count) {
    return {first, values.subview(first, count)};
  }
};

TEST_F(Partial, NothingIsTheCommitmentToZeros) {
  PartialCommitment sum(srs_);
  EXPECT_TRUE(sum.point().is_infinity());
  EXPECT_TRUE(sum.add({}).ok());
  const std::vector<std::int16_t> zeros(axes_.volume());
  EXPECT_TRUE(sum.add(std::vector<Segment>{{0, zeros}, {600, std::span<const std::int16_t>()}}).ok());
  EXPECT_EQ(sum.point(), commit(srs_, zeros).value());
}

TEST_F(Partial, PartsInAnyOrderGiveTheCommitment) {
  const auto shorts = random_.words<std::int16_t>(axes_.volume());
  const auto bytes = random_.words<std::int8_t>(axes_.volume());
  const auto ints = random_.words<std::int32_t>(axes_.volume());
  const auto longs = random_.words<std::int64_t>(axes_.volume());
  const auto scalars = random_.integers(axes_.volume(), 250);
  for (const IntegerView values : {IntegerView(shorts), IntegerView(bytes), IntegerView(ints),
                                   IntegerView(longs), IntegerView(scalars)}) {
    PartialCommitment sum(srs_);
    ASSERT_TRUE(sum.add(std::vector<Segment>{segment_of(values, 400, 200), segment_of(values, 0, 1)}).ok());
    ASSERT_TRUE(sum.add(std::vector<Segment>{segment_of(values, 1, 7), segment_of(values, 8, 0),
                                             segment_of(values, 9, 391)})
                    .ok());
    ASSERT_TRUE(sum.add(std::vector<Segment>{segment_of(values, 8, 1)}).ok());
    EXPECT_EQ(sum.point(), commit(srs_, values).value());
  }
}

TEST_F(Partial, WhatIsNotGivenIsZero) {
  std::vector<std::int16_t> values = random_.words<std::int16_t>(axes_.volume());
  PartialCommitment sum(srs_);
  ASSERT_TRUE(sum.add(std::vector<Segment>{segment_of(values, 0, 100), segment_of(values, 300, 300)}).ok());
  std::fill(values.begin() + 100, values.begin() + 300, std::int16_t{0});
  EXPECT_EQ(sum.point(), commit(srs_, values).value());
}

TEST_F(Partial, ValuesAddUpWherePartsMeet) {
  const auto values = random_.words<std::int16_t>(10);
  std::vector<std::int32_t> doubled(axes_.volume());
  for (std::size_t i = 0; i < values.size(); ++i) doubled[i] = 2 * values[i];
  PartialCommitment sum(srs_);
  ASSERT_TRUE(sum.add(std::vector<Segment>{{0, values}, {0, values}}).ok());
  EXPECT_EQ(sum.point(), commit(srs_, doubled).value());
}

TEST_F(Partial, RefusesWhatDoesNotFitAndAddsNothing) {
  const auto shorts = random_.words<std::int16_t>(600);
  const auto longs = random_.words<std::int64_t>(1);
  PartialCommitment sum(srs_);
  for (const std::vector<Segment>& segments :
       {std::vector<Segment>{{0, shorts}, {1, shorts}}, std::vector<Segment>{{601, {}}},
        std::vector<Segment>{{~std::uint64_t{0}, shorts}}}) {
    const Status refused = sum.add(segments);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(refused.error().place, segments.size() == 2 ? "segment 1" : "segment 0");
  }
  const Status mixed = sum.add(std::vector<Segment>{{0, shorts}, {0, longs}});
  ASSERT_FALSE(mixed.ok());
  EXPECT_EQ(mixed.error().code, ErrorCode::kMismatch);
  EXPECT_TRUE(sum.point().is_infinity());
}

TEST_F(Partial, MoreThanIsBroughtTogetherAtOnce) {
  const auto values = random_.words<std::int16_t>(axes_.volume());
  std::vector<Segment> segments;
  for (std::size_t first = 0; first < values.size(); first += 70)
    segments.push_back(segment_of(values, first, std::min<std::size_t>(70, values.size() - first)));
  for (const std::size_t together : {std::size_t{1}, std::size_t{64}, std::size_t{100}, std::size_t{599},
                                     std::size_t{600}, ~std::size_t{0}}) {
    PartialCommitment sum(srs_, together);
    ASSERT_TRUE(sum.add(segments).ok());
    EXPECT_EQ(sum.point(), commit(srs_, values).value()) << together;
  }
}

TEST_F(Partial, Moves) {
  const auto values = random_.words<std::int16_t>(axes_.volume());
  PartialCommitment first(srs_);
  ASSERT_TRUE(first.add(std::vector<Segment>{segment_of(values, 0, 300)}).ok());
  PartialCommitment second(std::move(first));
  ASSERT_TRUE(second.add(std::vector<Segment>{segment_of(values, 300, 300)}).ok());
  PartialCommitment third(srs_);
  third = std::move(second);
  EXPECT_EQ(third.point(), commit(srs_, values).value());
}

}  // namespace
}  // namespace assay::pst
