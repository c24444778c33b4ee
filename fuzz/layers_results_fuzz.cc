// Decodes results of a selection: what is taken is written again as the same, and whatever it says, it is
// checked against scores without a crash. Input: the text.
#include "assay/layers_results.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  using namespace assay::layers;
  const auto result = SelectionResult::decode({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!result.ok()) {
    ASSAY_CHECK(result.error().place.starts_with("fuzz"), result.error().place);
    return 0;
  }
  for (const bool pretty : {false, true}) {
    const std::string text = result->encode(pretty);
    ASSAY_CHECK(SelectionResult::decode(text, "again").value() == *result, text);
  }
  Scores scores;
  scores.model_name = "m";
  scores.layers = {{"0.a", 3, 0.1, 0.9, {3}}, {"0.b", 4, 0.2, 0.8, {2, 2}}};
  scores.blocks = {{0, 1, 0.15, 0.85}};
  const Result<Verdict> verdict = check_selection(*result, scores);
  if (!verdict.ok() || !verdict->ok()) return 0;
  ASSAY_CHECK_LE(result->total_cost, 7U);
  for (const Assignment& one : result->assignments) ASSAY_CHECK_LE(static_cast<double>(one.cost), one.budget);
  return 0;
}
