#include "assay/audit_measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "audit/check_parts.h"
#include "base/try.h"

namespace assay::audit {
Result<Measured> measure(const RunFolder& run, const Request& request, const Challenge& challenge,
                         const Tolerance& tolerance, const Reference& reference) {
  const auto answer = std::make_shared<const Bytes>(ASSAY_TRY(open_run(run, challenge)));
  const Openings openings = ASSAY_TRY(Openings::decode(*answer, "openings", answer));
  Measured measured;
  const Verdict verdict = ASSAY_TRY(
      internal::judge(run.head(), &openings, {{}, request, challenge, tolerance}, reference, &measured));
  measured.outcome = std::string(to_string(verdict.outcome()));
  if (!verdict.ok()) measured.outcome += " " + verdict.step() + ": " + verdict.reason();
  return measured;
}

void Calibration::add(const Measured& measured) {
  std::map<std::uint32_t, Layer> run;
  for (const Measured::Product& product : measured.products) {
    if (product.recomputed) continue;
    const auto outputs = static_cast<double>(product.outputs);
    for (Layer* layer : {&layers_[product.op], &run[product.op]}) {
      layer->squares += product.variance * outputs;
      layer->outputs += outputs;
    }
    differing_share_ =
        std::max(differing_share_, product.differing_share - double{internal::kFewDifferences} / outputs);
  }
  for (const auto& [op, layer] : run)
    largest_of_a_run_ = std::max(largest_of_a_run_, layer.squares / layer.outputs);
  for (const double error : measured.attention) attention_error_ = std::max(attention_error_, error);
}

Result<Profile> Calibration::profile(double margin) const {
  if (layers_.empty()) return Error{ErrorCode::kOutOfRange, "runs", "no honest run was measured"};
  if (!(margin >= 1 && std::isfinite(margin)))
    return Error{ErrorCode::kOutOfRange, "margin", fmt::format("{} is not at least 1", margin)};
  const Tolerance tolerance = Tolerance::of(dtype_);
  Profile made;
  made.conditions.dtype = std::string(to_string(dtype_));
  // In longer rows the last place differs as often as not, so nobody counts those that differ. Their errors
  // come from sums, and vary from run to run; those of shorter rows come from rounding, and do not.
  const bool is_short = internal::format_of(dtype_).fraction_bits < 23;
  made.variance_factor = Profile::kLeastVarianceFactor;
  if (!is_short) made.variance_factor = std::max(made.variance_factor, margin * largest_of_a_run_);
  for (const auto& [op, layer] : layers_)
    made.variance_factor = std::max(made.variance_factor, layer.squares / layer.outputs);
  made.differing_share =
      is_short ? std::max(tolerance.differing_share, margin * differing_share_) : tolerance.differing_share;
  made.attention_error = std::max(tolerance.attention_error, margin * attention_error_);
  return made;
}

}  // namespace assay::audit
