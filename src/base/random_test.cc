#include "base/random.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <array>

namespace assay {
namespace {

TEST(FillRandom, FillsEverything) {
  // 2^-128 is the chance that one of these is wrong.
  std::array<std::uint8_t, 64> one{};
  std::array<std::uint8_t, 64> two{};
  ASSERT_TRUE(fill_random(one).ok());
  ASSERT_TRUE(fill_random(two).ok());
  EXPECT_NE(one, two);
  EXPECT_FALSE(std::all_of(one.end() - 16, one.end(), [](std::uint8_t byte) { return byte == 0; }));
  EXPECT_TRUE(fill_random({}).ok());
  Bytes large(1 << 20);
  ASSERT_TRUE(fill_random(large).ok());
  EXPECT_FALSE(std::all_of(large.end() - 16, large.end(), [](std::uint8_t byte) { return byte == 0; }));
}

TEST(FillRandom, ReportsTheSystemsRefusal) {
  const std::span<std::uint8_t> nowhere(reinterpret_cast<std::uint8_t*>(8), 16);
  EXPECT_EQ(fill_random(nowhere).error().code, ErrorCode::kIo);
}

// RFC 8439, appendix A.1, vectors 1 and 2.
TEST(ChaCha20Stream, StandardVector) {
  ChaCha20Stream stream(Digest{});
  Bytes bytes;
  for (int i = 0; i < 9; ++i) {
    const std::uint64_t value = stream.next_u64();
    for (int k = 0; k < 8; ++k) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * k)));
  }
  EXPECT_EQ(to_hex(bytes),
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
            "9f07e7be5551387a");
}

TEST(ChaCha20Stream, GoesOnWhereABufferEnds) {
  Digest key{};
  key[0] = 9;
  Bytes expected(3 * 4096);
  const std::array<std::uint8_t, 12> nonce{};
  crypto_stream_chacha20_ietf(expected.data(), expected.size(), nonce.data(), key.data());
  ChaCha20Stream stream(key);
  for (std::size_t i = 0; i < expected.size(); i += 8) {
    const std::uint64_t value = stream.next_u64();
    for (std::size_t k = 0; k < 8; ++k)
      ASSERT_EQ(static_cast<std::uint8_t>(value >> (8 * k)), expected[i + k]) << i;
  }
}

TEST(ChaCha20Stream, BelowTakesTheStreamModuloTheBound) {
  ChaCha20Stream plain(Digest{});
  ChaCha20Stream bounded(Digest{});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bounded.below(10), plain.next_u64() % 10);
  EXPECT_EQ(bounded.below(1), 0u);
}

TEST(ChaCha20Stream, BelowSkipsWhatWouldNotBeUniform) {
  // With 2^63 + 1, every draw from 2^63 + 1 on is skipped: nearly half of them.
  constexpr std::uint64_t kBound = (std::uint64_t{1} << 63) + 1;
  ChaCha20Stream plain(Digest{});
  ChaCha20Stream bounded(Digest{});
  int skipped = 0;
  for (int i = 0; i < 100; ++i) {
    std::uint64_t expected = plain.next_u64();
    for (; expected >= kBound; expected = plain.next_u64()) ++skipped;
    EXPECT_EQ(bounded.below(kBound), expected);
  }
  EXPECT_GT(skipped, 0);
}

TEST(ChaCha20Stream, BelowKeepsTheLargestDrawThatItMay) {
  // Below v + 1, with v the first draw and at least 2^63, the draws from 0 to v are kept.
  Digest key{};
  while (ChaCha20Stream(key).next_u64() >> 63 == 0) ++key[0];
  const std::uint64_t largest = ChaCha20Stream(key).next_u64();
  EXPECT_EQ(ChaCha20Stream(key).below(largest + 1), largest);
}

TEST(ChaCha20Stream, ABoundThatDividesSkipsNothing) {
  ChaCha20Stream plain(Digest{});
  ChaCha20Stream bounded(Digest{});
  constexpr std::uint64_t kBound = std::uint64_t{1} << 63;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(bounded.below(kBound), plain.next_u64() % kBound);
}

TEST(ChaCha20StreamDeathTest, BoundZeroIsABug) {
  ChaCha20Stream stream(Digest{});
  EXPECT_DEATH(static_cast<void>(stream.below(0)), "check failed: bound > 0");
}

}  // namespace
}  // namespace assay
