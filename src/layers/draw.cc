#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "assay/layers_selection.h"
#include "base/random.h"
#include "base/threads.h"
#include "base/try.h"

namespace assay::layers {
namespace {

constexpr std::string_view kLabel = "assay/layers/draw/v1";

/// From a key that everybody knows, so that the chances say nothing of the draws.
const Digest kPublicKey{};

ChaCha20Stream stream_of(const Digest& key, std::uint64_t index) {
  Bytes bytes(kLabel.begin(), kLabel.end());
  bytes.insert(bytes.end(), key.begin(), key.end());
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<std::uint8_t>(index >> shift));
  return ChaCha20Stream(sha256(bytes));
}

double exponential(ChaCha20Stream& stream) {
  const std::uint64_t bits = (stream.next_u64() >> 11) + 1;  // 1, .., 2^53
  return -std::log(std::ldexp(static_cast<double>(bits), -53));
}

std::vector<LayerRun> runs_of_draw(const SelectionProblem& problem, const DrawOptions& options,
                                   const Digest& key, std::uint64_t index) {
  ChaCha20Stream stream = stream_of(key, index);
  // Relative to the largest, so that no draw takes a value out of the doubles.
  const double largest = std::ranges::max(problem.values());
  std::vector<double> values;
  for (const double value : problem.values())
    values.push_back((largest > 0 ? value / largest : 0) * exponential(stream));
  const std::vector<double> budgets(problem.budgets().begin(), problem.budgets().end());
  const auto drawn = SelectionProblem::make(std::move(values), problem.costs(), budgets);
  return select(drawn.value(), options.order, options.limits).runs;
}

std::vector<std::vector<LayerRun>> all_runs(const SelectionProblem& problem, const DrawOptions& options,
                                            const Digest& key, std::uint64_t count, std::string_view phase) {
  std::vector<std::vector<LayerRun>> runs(count);
  Progress progress(phase, count);
  parallel_for(0, count, 1, [&](std::size_t from, std::size_t to) {
    for (std::size_t t = from; t < to; ++t) {
      runs[t] = runs_of_draw(problem, options, key, t);
      progress.advance();
    }
  });
  return runs;
}

Status check_count(std::string_view name, std::uint64_t count) {
  if (count > 0 && count <= DrawOptions::kMaxDraws) return {};
  return Error{ErrorCode::kOutOfRange, std::string(name),
               fmt::format("{} is not in 1 to {}", count, DrawOptions::kMaxDraws)};
}

}  // namespace

Result<Draws> draw(const SelectionProblem& problem, const DrawOptions& options, const World& world) {
  ASSAY_TRY(check_count("count", options.count));
  ASSAY_TRY(check_count("simulated", options.simulated));
  Draws draws;
  ASSAY_TRY(world.fill_random(draws.key));
  for (std::vector<LayerRun>& runs : all_runs(problem, options, draws.key, options.count, "drawing")) {
    Drawn& one = draws.drawn.emplace_back();
    for (const LayerRun& run : runs) {
      one.value += problem.value_of(run);
      one.cost += problem.cost_of(run);
    }
    one.runs = std::move(runs);
  }
  draws.simulated = options.simulated;
  std::vector<std::uint64_t> hits(problem.layers());
  for (const auto& runs : all_runs(problem, options, kPublicKey, options.simulated, "chances")) {
    for (const LayerRun& run : runs)
      for (std::uint32_t i = run.begin; i < run.end; ++i) ++hits[i];
  }
  for (const std::uint64_t count : hits)
    draws.chance.push_back(static_cast<double>(count) / static_cast<double>(options.simulated));
  return draws;
}

}  // namespace assay::layers
