// Whether a direction is used: the plan, fixed before measuring, the raw numbers, and the verdict from them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/probe_rows.h"

namespace assay::probe {

inline constexpr std::size_t kMinRandomDirections = 200;

/// What is to be measured, and within which bound.
struct CausalPlan {
  std::string dimension;
  TokenIds positive;
  TokenIds negative;
  std::vector<TokenIds> prompts;
  std::vector<TokenIds> neutral;
  double kl_bound = 0;
  std::vector<double> alphas;  ///< ascending, in standard deviations of the reading; 0 among them
  std::uint32_t random_directions = kMinRandomDirections;
  std::uint64_t seed = 0;
  Digest sha256{};  ///< of the file

  /// Errors: kMalformed, kOutOfRange, kTooLarge, kUnsupported.
  [[nodiscard]] static Result<CausalPlan> decode(std::string_view text, std::string_view place);
  [[nodiscard]] static Result<CausalPlan> read(const std::filesystem::path& path);
};

/// What was measured: the raw numbers. docs/probe.md, Files of ours.
struct CausalResults {
  Digest plan{};
  Digest probe_set{};
  std::string model_id;
  std::uint32_t layer = 0;
  std::string dimension;
  std::vector<double> alphas;
  double kl_bound = 0;
  std::vector<std::vector<double>> dose;         ///< prompts x alphas
  std::vector<std::vector<double>> random_dose;  ///< directions x alphas
  std::vector<double> ablated;                   ///< prompts
  std::vector<double> random_ablated;            ///< directions
  std::vector<double> neutral_kl;                ///< neutral prompts
  Digest sha256{};                               ///< of the file

  /// Errors: kMalformed, kMismatch (counts), kOutOfRange, kTooLarge, kUnsupported.
  [[nodiscard]] static Result<CausalResults> decode(std::string_view text, std::string_view place);
  [[nodiscard]] static Result<CausalResults> read(const std::filesystem::path& path);
};

/// Whether the results are those of the plan. Errors: kMismatch.
[[nodiscard]] Status check_plan(const CausalResults& results, const CausalPlan& plan);

/// Recomputed from the raw numbers alone. Steps: "causal effect", "direction", "side effect".
[[nodiscard]] Verdict causal_verdict(const CausalResults& results);

}  // namespace assay::probe
