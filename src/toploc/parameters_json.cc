#include "toploc/parameters_json.h"

#include <fmt/format.h>

#include <limits>

namespace assay::toploc::internal {
namespace {

constexpr std::size_t kLongestRule = 64;
constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void put_parameters(FlatJsonWriter& writer, const Parameters& parameters) {
  writer.integer("topk", parameters.topk);
  writer.integer("decode_batching_size", parameters.batching.decode_batching_size);
  writer.integer("prefill_rows", parameters.batching.prefill_rows);
  writer.integer("merge_tail_below", parameters.batching.merge_tail_below);
  writer.text("ties", to_string(parameters.ties));
}

void ParametersReader::add_to(std::vector<Field>& fields) {
  fields.push_back({"topk", IntegerPlace{&topk_, 1, kMaxTopK}});
  fields.push_back({"decode_batching_size", IntegerPlace{&decode_batching_size_, 1, kMax32}});
  fields.push_back({"prefill_rows", IntegerPlace{&prefill_rows_, 0, kMax64}});
  fields.push_back({"merge_tail_below", IntegerPlace{&merge_tail_below_, 0, kMax32}});
  fields.push_back({"ties", TextPlace{&ties_, kLongestRule}});
}

Result<Parameters> ParametersReader::take(std::string_view place) const {
  const std::optional<TieRule> rule = tie_rule(ties_);
  if (!rule)
    return Error{ErrorCode::kOutOfRange, fmt::format("{}: ties", place),
                 "it is neither \"libstdc++\" nor \"lower-index\""};
  Parameters parameters;
  parameters.topk = static_cast<std::uint32_t>(topk_);
  parameters.batching = {static_cast<std::uint32_t>(decode_batching_size_), prefill_rows_,
                         static_cast<std::uint32_t>(merge_tail_below_)};
  parameters.ties = *rule;
  return parameters;
}

}  // namespace assay::toploc::internal
