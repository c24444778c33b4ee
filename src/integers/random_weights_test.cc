#include "integers/random_weights.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace assay {
namespace {

// A forger who guesses a weight gets past the check that it stands in: with 64 bits that could be tried.
TEST(RandomWeights, HaveTheWholeOfTheirBits) {
  const World world{[](std::span<std::uint8_t> out) {
                      std::ranges::fill(out, std::uint8_t{7});
                      return Status{};
                    },
                    [] { return std::int64_t{0}; }};
  Digest key;
  key.fill(7);
  ChaCha20Stream stream(key);
  RandomWeights weights = RandomWeights::create(world).value();
  Scalar seen;
  for (int i = 0; i < 64; ++i) {
    const Scalar weight = weights.next();
    const std::uint64_t low = stream.next_u64();
    const std::uint64_t high = stream.next_u64();
    EXPECT_EQ(weight, (Scalar{{low, high, 0, 0}}));
    for (std::size_t word = 0; word < 4; ++word) seen.words[word] |= weight.words[word];
  }
  EXPECT_EQ(seen, (Scalar{{~0ull, ~0ull, 0, 0}}));
}

TEST(RandomWeights, AreNoneWithoutRandomness) {
  const World broken{[](std::span<std::uint8_t>) -> Status {
                       return Error{ErrorCode::kIo, "world", "is broken"};
                     },
                     [] { return std::int64_t{0}; }};
  EXPECT_EQ(RandomWeights::create(broken).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace assay
