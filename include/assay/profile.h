// Measured bounds: under which conditions, from how many honest runs, and at which rate of false alarms. What
// is bounded belongs to the rooms that build on this one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "assay/base.h"
#include "assay/verdict.h"

namespace assay::profile {

/// How a model was run. What is empty is not said.
struct Conditions {
  std::string model;
  std::string dtype;   ///< that it computed in
  std::string kernel;  ///< of attention; of a measurement several, with commas between
  friend bool operator==(const Conditions&, const Conditions&) = default;
};

/// What the bounds of a profile were measured from.
struct Measurement {
  static constexpr std::size_t kMaxText = 4096;  ///< bytes of each text

  std::string name;  ///< of the profile
  Conditions conditions;
  /// With confidence kConfidence, honest runs are rejected with at most this probability; none: not measured.
  std::optional<double> false_alarm_bound;
  std::uint64_t honest_runs = 0;  ///< that false_alarm_bound was measured from
  /// What the bounds were read from, with its digest; empty where nothing was read. A file chooses its name
  /// itself, and may call itself like another.
  std::string source = {};

  /// What messages show: "mine", and of a file "mine (mine.profile, SHA-256 ..)".
  [[nodiscard]] std::string title() const;

  /// Errors: kOutOfRange, its place "name", "model", "dtype", "kernel" or "false_alarm_bound": text that is
  /// too long, not UTF-8 or of more than one line, a bound that is no probability.
  [[nodiscard]] Status validate() const;

  /// Whether they say the same, wherever it was read from.
  friend bool operator==(const Measurement& a, const Measurement& b) {
    return a.name == b.name && a.conditions == b.conditions && a.false_alarm_bound == b.false_alarm_bound &&
           a.honest_runs == b.honest_runs;
  }
};

/// That a bound on a rate holds, however the runs came out.
inline constexpr double kConfidence = 0.95;

/// The largest rate at which so few events among the trials are not surprising: the upper limit, one-sided,
/// of Clopper and Pearson (1934). Without events it is 1 - (1 - confidence)^(1 / trials), about 3 / trials;
/// without trials it is 1. Errors: kOutOfRange (more events than trials, over 2^24 trials, a confidence
/// outside 0.5 to 1).
[[nodiscard]] Result<double> rate_bound(std::uint64_t events, std::uint64_t trials,
                                        double confidence = kConfidence);

/// In which of model, dtype and attention the conditions here are not those of the measurement, as a
/// sentence; empty where in none. What either leaves open is not held against the other. The bounds are then
/// used without their rate of false alarms.
[[nodiscard]] std::string unmeasured(const Measurement& measured, const Conditions& here);

/// Adds to a verdict by these bounds what it rests on: that honest runs stay within them, at which rate of
/// false alarms, and under the conditions that nobody here has told. Where the conditions here are others, a
/// note says so in place of the rate. `counted` names the honest runs: "200 honest sequences".
void add_basis(Verdict& verdict, const Measurement& measured, const Conditions& here,
               std::string_view counted);

}  // namespace assay::profile
