// The questions of a decision, put after others that were answered before.
#pragma once

#include <vector>

#include "assay/toploc_verdict.h"

namespace assay::toploc::internal {

/// As decide(), with the checks that passed before.
[[nodiscard]] Verdict decide_after(const std::vector<Verdict::Check>& before,
                                   std::span<const Comparison> comparisons, const Profile& profile,
                                   std::uint32_t decode_batching_size, const Conditions& conditions);

}  // namespace assay::toploc::internal
