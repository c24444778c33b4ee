// The largest budget first; each verifier takes the run that adds most to what is covered, runs that overlap
// allowed. That is greedy maximisation of a monotone submodular function over a partition matroid, and at
// least half of the optimum (Fisher, Nemhauser, Wolsey, "An analysis of approximations for maximizing
// submodular set functions II", Mathematical Programming Study 8, 1978).
//
// Of the run that a verifier takes, the layers of value that nobody has follow each other but for worthless
// ones: another's run strictly between two of them would lie in this one, whose budget is no larger; its own
// verifier would have taken this one, which was worth more. So the run is cut down to those layers, and runs
// are disjoint.
#include <algorithm>

#include "base/check.h"
#include "layers/solvers.h"

namespace assay::layers::internal {
namespace {

/// The run that is worth most by `free_sums`, the leftmost of those; its layers of value 0 at both ends go.
LayerRun best_run(const std::vector<std::int64_t>& free_sums, const WindowClass& one) {
  LayerRun best;
  std::int64_t value = 0;
  for (std::uint32_t end = 1; end < free_sums.size(); ++end) {
    const std::int64_t gain = free_sums[end] - free_sums[one.first[end]];
    if (gain > value) value = gain, best = {one.first[end], end};
  }
  while (!best.empty() && free_sums[best.begin + 1] == free_sums[best.begin]) ++best.begin;
  while (!best.empty() && free_sums[best.end] == free_sums[best.end - 1]) --best.end;
  return best;
}

}  // namespace

Found greedy(const Instance& instance) {
  Found found{0, std::vector<LayerRun>(instance.verifiers)};
  std::vector<std::int64_t> free_sums(instance.sums.begin(), instance.sums.end());
  for (std::size_t c = instance.classes.size(); c-- > 0;) {
    const WindowClass& one = instance.classes[c];
    for (const std::uint32_t k : one.verifiers) {
      const LayerRun run = best_run(free_sums, one);
      if (run.empty()) break;
      found.runs[k] = run;
      found.value += instance.value_of(run);
      // Its layers are worth nothing to others.
      const std::int64_t taken = free_sums[run.end] - free_sums[run.begin];
      ASSAY_CHECK_EQ(taken, instance.value_of(run));
      for (std::size_t i = run.begin + 1; i < free_sums.size(); ++i)
        free_sums[i] = i < run.end ? free_sums[run.begin] : free_sums[i] - taken;
    }
  }
  return found;
}

}  // namespace assay::layers::internal
