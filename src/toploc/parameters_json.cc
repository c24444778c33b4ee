#include "toploc/parameters_json.h"

#include "base/try.h"

namespace assay::toploc::internal {

void put_parameters(Json& json, const Parameters& parameters) {
  json["topk"] = parameters.topk;
  json["decode_batching_size"] = parameters.batching.decode_batching_size;
  json["prefill_rows"] = parameters.batching.prefill_rows;
  json["merge_tail_below"] = parameters.batching.merge_tail_below;
  json["ties"] = to_string(parameters.ties);
}

JsonNames with_parameters(const JsonNames& others) {
  JsonNames names = {"topk", "decode_batching_size", "prefill_rows", "merge_tail_below", "ties"};
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

Result<Parameters> read_parameters(const JsonFields& fields) {
  constexpr std::size_t kLongestRule = 64;
  Parameters parameters;
  parameters.topk = ASSAY_TRY(fields["topk"].integer<std::uint32_t>(1, kMaxTopK));
  parameters.batching.decode_batching_size =
      ASSAY_TRY(fields["decode_batching_size"].integer<std::uint32_t>(1));
  parameters.batching.prefill_rows = ASSAY_TRY(fields["prefill_rows"].integer<std::uint64_t>());
  parameters.batching.merge_tail_below = ASSAY_TRY(fields["merge_tail_below"].integer<std::uint32_t>());
  const std::optional<TieRule> rule = tie_rule(ASSAY_TRY(fields["ties"].text(kLongestRule)));
  if (!rule)
    return fields["ties"].error(ErrorCode::kOutOfRange, "it is neither \"libstdc++\" nor \"lower-index\"");
  parameters.ties = *rule;
  return parameters;
}

}  // namespace assay::toploc::internal
