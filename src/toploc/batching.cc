#include <fmt/format.h>

#include <algorithm>

#include "assay/toploc.h"
#include "toploc/chunks.h"

namespace assay::toploc {

Result<std::vector<std::uint64_t>> chunk_lengths(std::uint64_t rows, std::uint64_t hidden,
                                                 const Batching& batching) {
  const auto error = [](std::string_view place, std::string reason) {
    return Error{ErrorCode::kOutOfRange, std::string(place), std::move(reason)};
  };
  if (rows == 0 || hidden == 0) return error("states", fmt::format("{} rows of {} values", rows, hidden));
  if (batching.decode_batching_size == 0) return error("decode_batching_size", "0 rows make no chunk");
  if (batching.prefill_rows > rows)
    return error("prefill_rows", fmt::format("{} of {} rows", batching.prefill_rows, rows));
  if (hidden > kMaxChunk || rows > internal::kMaxValues / hidden)
    return Error{ErrorCode::kTooLarge, "states",
                 fmt::format("{} rows of {}, at most 2^40 values are taken", rows, hidden)};
  std::vector<std::uint64_t> lengths;
  if (batching.prefill_rows > 0) lengths.push_back(batching.prefill_rows * hidden);
  const std::size_t first = lengths.size();
  // A chunk that is whole is no tail, however small the batches are.
  const std::uint32_t shortest = std::min(batching.merge_tail_below, batching.decode_batching_size);
  std::uint64_t left = rows - batching.prefill_rows;
  if (left > internal::kMaxChunks * batching.decode_batching_size)
    return Error{ErrorCode::kTooLarge, "states", fmt::format("over {} chunks", internal::kMaxChunks)};
  while (left > 0) {
    const std::uint64_t taken = std::min<std::uint64_t>(left, batching.decode_batching_size);
    left -= taken;
    if (taken < shortest && lengths.size() > first) {
      lengths.back() += taken * hidden;
    } else {
      lengths.push_back(taken * hidden);
    }
  }
  return lengths;
}

Status Parameters::validate() const {
  if (topk == 0 || topk > kMaxTopK)
    return Error{ErrorCode::kOutOfRange, "topk", fmt::format("{} is not in 1 to {}", topk, kMaxTopK)};
  if (batching.decode_batching_size == 0)
    return Error{ErrorCode::kOutOfRange, "decode_batching_size", "0 rows make no chunk"};
  return {};
}

RowRange rows_of_answer(std::uint64_t prompt_tokens, std::uint64_t answer_tokens, const Batching& batching) {
  if (batching.prefill_rows > 0) return {0, prompt_tokens + answer_tokens - 1};
  return {prompt_tokens - 1, answer_tokens};
}

}  // namespace assay::toploc
