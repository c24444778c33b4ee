#include "assay/world.h"

#include <gtest/gtest.h>

#include <array>

namespace assay {
namespace {

TEST(World, OfTheSystemIsRandomAndKnowsTheTime) {
  std::array<std::uint8_t, 32> first{};
  std::array<std::uint8_t, 32> second{};
  ASSERT_TRUE(World::system().fill_random(first).ok());
  ASSERT_TRUE(World::system().fill_random(second).ok());
  EXPECT_NE(first, second);
  EXPECT_GT(World::system().unix_time(), 1'700'000'000);
}

TEST(UtcText, IsThatOfRfc3339) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(1'709'210'096), "2024-02-29T12:34:56Z");
  EXPECT_EQ(utc_text(253'402'300'799), "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace assay
