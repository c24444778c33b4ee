// Decodes an evaluation, a causal plan, causal results and a profile. Results get a verdict with finite
// figures.
#include <cmath>

#include "assay/probe_causal.h"
#include "assay/probe_statement.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto evaluation = probe::EvaluationFile::decode(text, "fuzz"); evaluation.ok())
    ASSAY_CHECK_EQ(evaluation->encode(), text);
  if (const auto plan = probe::CausalPlan::decode(text, "fuzz"); plan.ok())
    ASSAY_CHECK_GE(plan->random_directions, probe::kMinRandomDirections);
  if (const auto results = probe::CausalResults::decode(text, "fuzz"); results.ok())
    ASSAY_CHECK_GE(probe::causal_verdict(*results).figures().size(), 8U);
  if (const auto profile = probe::Profile::from_json(text, "fuzz"); profile.ok())
    ASSAY_CHECK(profile->validate().ok(), text);
  return 0;
}
