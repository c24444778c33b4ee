#include <gtest/gtest.h>

#include "assay/toploc.h"

namespace assay::toploc {
namespace {

using Lengths = std::vector<std::uint64_t>;

TEST(ChunkLengths, AreThoseOfTheLibrary) {
  EXPECT_EQ(chunk_lengths(17, 16, {4, 0, 0}).value(), (Lengths{64, 64, 64, 64, 16}));
  EXPECT_EQ(chunk_lengths(10, 16, {2, 3, 0}).value(), (Lengths{48, 32, 32, 32, 16}));
  EXPECT_EQ(chunk_lengths(3, 16, {2, 3, 0}).value(), (Lengths{48}));
  EXPECT_EQ(chunk_lengths(1, 1, {}).value(), (Lengths{1}));
}

TEST(ChunkLengths, MergeShortTails) {
  EXPECT_EQ(chunk_lengths(39, 2, {32, 0, 8}).value(), (Lengths{78}));
  EXPECT_EQ(chunk_lengths(40, 2, {32, 0, 8}).value(), (Lengths{64, 16}));
  EXPECT_EQ(chunk_lengths(7, 2, {32, 0, 8}).value(), (Lengths{14}));
  // Not into the prompt's chunk, which holds other rows.
  EXPECT_EQ(chunk_lengths(10, 2, {32, 5, 8}).value(), (Lengths{10, 10}));
  // What is whole is no tail.
  EXPECT_EQ(chunk_lengths(64, 2, {32, 0, 33}).value(), (Lengths{64, 64}));
  EXPECT_EQ(chunk_lengths(63, 2, {32, 0, 33}).value(), (Lengths{126}));
  EXPECT_EQ(chunk_lengths(8, 10, {4, 0, 8}).value(), (Lengths{40, 40}));
  EXPECT_EQ(chunk_lengths(7, 10, {4, 0, 8}).value(), (Lengths{70}));
}

TEST(ChunkLengths, Refuse) {
  EXPECT_EQ(chunk_lengths(0, 1, {}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(chunk_lengths(1, 0, {}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(chunk_lengths(1, 1, {0, 0, 0}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(chunk_lengths(1, 1, {1, 2, 0}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(chunk_lengths(UINT64_MAX, UINT64_MAX, {}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(chunk_lengths((std::uint64_t{1} << 40) + 1, 1, {}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(chunk_lengths(std::uint64_t{1} << 30, 1, {1, 0, 0}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(chunk_lengths((std::uint64_t{1} << 28) + 1, 4096, {UINT32_MAX, 0, 0}).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(chunk_lengths(1, kMaxChunk + 1, {}).error().code, ErrorCode::kTooLarge);
}

TEST(ChunkLengths, AreTakenAtTheirLimits) {
  constexpr std::uint64_t kMostChunks = std::uint64_t{1} << 20;
  EXPECT_EQ(chunk_lengths(kMostChunks, 1, {1, 0, 0}).value().size(), kMostChunks);
  EXPECT_EQ(chunk_lengths(kMostChunks + 1, 1, {1, 0, 0}).error().reason, "over 1048576 chunks");
  EXPECT_EQ(chunk_lengths(2 * kMostChunks - 1, 1, {2, 0, 0}).value().size(), kMostChunks);
  EXPECT_EQ(chunk_lengths(2 * kMostChunks + 1, 1, {2, 0, 0}).error().reason, "over 1048576 chunks");
  EXPECT_EQ(chunk_lengths(std::uint64_t{1} << 40, 1, {UINT32_MAX, 0, 0}).value().size(), 257);
  EXPECT_EQ(chunk_lengths(std::uint64_t{1} << 28, 4096, {UINT32_MAX, 0, 0}).value().size(), 1);
  EXPECT_EQ(chunk_lengths(1, kMaxChunk, {}).value(), (Lengths{kMaxChunk}));
}

TEST(Parameters, AreBounded) {
  EXPECT_TRUE(Parameters{}.validate().ok());
  EXPECT_TRUE((Parameters{kMaxTopK, {UINT32_MAX, UINT64_MAX, UINT32_MAX}}.validate().ok()));
  for (const auto& [topk, rows, place] :
       {std::tuple(0u, 32u, "topk"), {kMaxTopK + 1, 32u, "topk"}, {128u, 0u, "decode_batching_size"}}) {
    const Status status = Parameters{topk, {rows, 0, 0}}.validate();
    EXPECT_EQ(status.error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(status.error().place, place);
  }
}

// A prompt of 5 tokens and an answer of 3: seven tokens were fed, and the state after the fifth gave the
// first of the answer.
TEST(RowsOfAnswer, AreThoseThatTheTokensCameFrom) {
  EXPECT_EQ(rows_of_answer(5, 3, {}), (RowRange{4, 3}));
  EXPECT_EQ(rows_of_answer(5, 3, {32, 5, 0}), (RowRange{0, 7}));
  EXPECT_EQ(rows_of_answer(5, 3, {32, 2, 8}), (RowRange{0, 7}));
  EXPECT_EQ(rows_of_answer(1, 1, {}), (RowRange{0, 1}));
}

}  // namespace
}  // namespace assay::toploc
