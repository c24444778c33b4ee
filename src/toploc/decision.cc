#include "toploc/decision.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace assay::toploc {
namespace {

using Checks = std::vector<Verdict::Check>;

struct Test {
  const char* step;
  const char* what;  // the figure's name
  double value;
  double bound;
  Bound::Kind kind;
  std::optional<std::size_t> chunk = {};  // that the value is of

  [[nodiscard]] bool fails() const {
    return kind == Bound::Kind::kAtLeast ? !(value >= bound) : !(value <= bound);
  }
};

bool deviates(const Comparison& chunk, const Profile& p) {
  const Statistics s = statistics_of({&chunk, 1});
  return !(s.exponent_mismatches <= p.exponent_mismatches && s.mantissa_mean <= p.mantissa_mean &&
           s.mantissa_median <= p.mantissa_median);
}

/// The first chunk whose value(chunk) is the largest.
template <class Value>
std::optional<std::size_t> worst_chunk(std::span<const Comparison> comparisons, const Value& value) {
  std::optional<std::size_t> worst;
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    if (comparisons[i].points == 0) continue;
    if (!worst || value(comparisons[i]) > value(comparisons[*worst])) worst = i;
  }
  return worst;
}

std::vector<Test> tests_of(std::span<const Comparison> comparisons, const Statistics& s, const Profile& p) {
  constexpr Bound::Kind kAtMost = Bound::Kind::kAtMost;
  constexpr Bound::Kind kAtLeast = Bound::Kind::kAtLeast;
  const auto deviating = static_cast<double>(deviating_chunks(comparisons, p));
  const double allowed = std::floor(p.deviating_share * static_cast<double>(s.chunks));
  const auto farthest =
      worst_chunk(comparisons, [](const Comparison& c) { return 1.0 * c.exponent_mismatches / c.points; });
  const auto least_varied =
      worst_chunk(comparisons, [](const Comparison& c) { return -1.0 * c.distinct_values / c.distinct_own; });
  return {
      {"chunk", "exponent mismatches per 128 points, worst chunk", s.worst_chunk_exponent_mismatches,
       p.chunk_exponent_mismatches, kAtMost, farthest},
      {"exponents", "exponent mismatches per 128 points", s.exponent_mismatches, p.exponent_mismatches,
       kAtMost},
      {"mantissa mean", "mantissa error, mean", s.mantissa_mean, p.mantissa_mean, kAtMost},
      {"mantissa median", "mantissa error, median", s.mantissa_median, p.mantissa_median, kAtMost},
      {"signs", "sign mismatches per 128 points", s.sign_mismatches, p.sign_mismatches, kAtMost},
      {"dispersion", "dispersion", s.dispersion, p.dispersion, kAtLeast},
      // Constants in a few chunks, which the means over the sequence let pass. A single chunk varies more.
      {"dispersion", "dispersion, worst chunk", s.worst_chunk_dispersion, p.dispersion / 2, kAtLeast,
       least_varied},
      // Another provider's chunks among honest ones, which all of the means let pass. One may be the short
      // tail of an honest sequence; of a single chunk the means say all. A NaN stays one in this order.
      {"deviating chunks", "deviating chunks", deviating, std::max(allowed, 1.0), kAtMost},
  };
}

std::string reason_of(const Test& test, const std::string& profile) {
  return fmt::format("{} {:.4g}, the profile '{}' asks for at {} {:.4g}", test.what, test.value, profile,
                     test.kind == Bound::Kind::kAtLeast ? "least" : "most", test.bound);
}

/// What the comparisons are worth: values that all are the verifier's own need no statistics.
Grade grade_of(std::span<const Comparison> comparisons) {
  const bool equal = std::ranges::all_of(comparisons, [](const Comparison& c) {
    return c.exponent_mismatches == 0 && c.sign_mismatches == 0 && c.mantissa_mean == 0;
  });
  return equal ? Grade::kRecomputed : Grade::kStatistical;
}

/// A single chunk may have half of the dispersion that `published` asks for, a quarter: of four values or
/// fewer, one repeated has as much.
constexpr std::uint32_t kLeastDistinct = 5;

std::string different(std::uint32_t values) {
  return values == 1 ? "one value" : fmt::format("{} values", values);
}

/// What keeps the verifier's own states from being judged by this profile; none.
std::optional<Verdict> own_obstacle(std::span<const Comparison> comparisons, const Profile& profile,
                                    std::uint32_t decode_batching_size) {
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    if (comparisons[i].nonfinite_own > 0)
      return Verdict::inconclusive(
                 "states", fmt::format("the verifier's own states are infinite or NaN in chunk {}", i))
          .at_item(i);
    if (comparisons[i].points != 0 && comparisons[i].distinct_own < kLeastDistinct)
      return Verdict::inconclusive(
                 "states", fmt::format("the verifier's own largest values in chunk {} are all of {}: one of "
                                       "them for all might pass",
                                       i, different(comparisons[i].distinct_own)))
          .at_item(i);
  }
  const auto other = std::ranges::find_if(
      comparisons, [&](const auto& c) { return profile.topk != 0 && c.points != profile.topk; });
  if (other != comparisons.end())
    return Verdict::inconclusive(
        "profile", fmt::format("'{}' was measured with k = {}, these proofs have k = {}", profile.title(),
                               profile.topk, other->points));
  const std::uint32_t measured = profile.decode_batching_size;
  if (measured != 0 && decode_batching_size != 0 && measured != decode_batching_size)
    return Verdict::inconclusive(
        "profile", fmt::format("'{}' was measured with decode_batching_size = {}, these proofs have {}",
                               profile.title(), measured, decode_batching_size));
  return {};
}

/// What the moduli say; none where they may be honest.
std::optional<Verdict> modulus_obstacle(std::span<const Comparison> comparisons) {
  for (const Comparison& c : comparisons) {
    if (c.points > largest_judged_topk())
      return Verdict::inconclusive(
          "modulus",
          fmt::format("with k = {} an honest proof's modulus may have nearly any size, so that these "
                      "say nothing; ask for k of at most {}",
                      c.points, largest_judged_topk()));
  }
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    const std::uint32_t least = least_honest_modulus(comparisons[i].points);
    if (comparisons[i].modulus < least)
      return Verdict::rejected("modulus", fmt::format("{} in chunk {}, no honest proof has less than {}",
                                                      comparisons[i].modulus, i, least))
          .at_item(i);
  }
  return {};
}

/// The outcome; `checks` gets what passed.
Verdict judge(std::span<const Comparison> comparisons, const Statistics& statistics,
              const std::vector<Test>& tests, const Profile& profile, std::uint32_t decode_batching_size,
              Checks& checks) {
  if (std::optional<Verdict> verdict = own_obstacle(comparisons, profile, decode_batching_size))
    return *std::move(verdict);
  if (std::optional<Verdict> verdict = modulus_obstacle(comparisons)) return *std::move(verdict);
  checks.push_back({"modulus", Grade::kStatistical});
  constexpr std::uint64_t kOverOneRow = Statistics::kPointsOfRow + 1;
  const std::uint64_t least = std::max(profile.minimum_points, kOverOneRow);
  if (statistics.counted_points < least)
    return Verdict::inconclusive(
        "sequence length",
        fmt::format("{} points, a row counting for at most {}; the profile '{}' asks for {}",
                    statistics.counted_points, Statistics::kPointsOfRow, profile.title(), least));
  const Grade grade = grade_of(comparisons);
  for (const Test& test : tests) {
    const bool again = checks.back().step == test.step;
    if (test.fails()) {
      if (again) checks.pop_back();
      Verdict verdict = Verdict::rejected(test.step, reason_of(test, profile.title()));
      if (test.chunk) verdict.at_item(*test.chunk);
      return verdict;
    }
    if (!again) checks.push_back({test.step, grade});
  }
  return Verdict::accepted();
}

}  // namespace

Verdict internal::decide_after(const Checks& before, std::span<const Comparison> comparisons,
                               const Profile& profile, std::uint32_t decode_batching_size,
                               const Conditions& conditions) {
  const Statistics statistics = statistics_of(comparisons);
  const std::vector<Test> tests = tests_of(comparisons, statistics, profile);
  Checks checks = before;
  Verdict verdict = judge(comparisons, statistics, tests, profile, decode_batching_size, checks);
  for (Verdict::Check& check : checks) verdict.add_check(std::move(check.step), check.grade);
  verdict.add_figure("chunks", statistics.chunks);
  verdict.add_figure("points", statistics.points);
  for (const Test& test : tests) verdict.add_figure({test.what, test.value, Bound{test.kind, test.bound}});
  if (verdict.ok())
    verdict.add_note(fmt::format(
        "consistent with the states by the profile '{}'; what stays within its bounds is not detected",
        profile.title()));
  profile::add_basis(
      verdict, profile, conditions,
      fmt::format("{} honest sequences, {} chunks", profile.honest_runs, profile.honest_chunks));
  verdict.add_note("the proofs bind neither the tokens, nor the sampler, nor when they were made");
  return verdict;
}

// k random residues are distinct with probability e^(-k^2 / 2p) for each modulus, so the search goes on for a
// geometric number of steps.
std::uint32_t least_honest_modulus(std::uint32_t k) {
  const double injective = std::exp(-0.5 * k * k / kPrime);
  constexpr double kBits = 40;
  const double steps = -kBits * std::log(2) / std::log1p(-std::min(injective, 0.9));
  if (!(steps < kPrime - k)) return k;
  return kPrime - std::max<std::uint32_t>(64, static_cast<std::uint32_t>(steps));
}

std::uint32_t largest_judged_topk() {
  static const std::uint32_t largest = [] {
    std::uint32_t k = kMaxTopK;
    while (least_honest_modulus(k) < kPrime / 2.0) --k;
    return k;
  }();
  return largest;
}

std::uint64_t deviating_chunks(std::span<const Comparison> comparisons, const Profile& profile) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(comparisons, [&](const auto& chunk) { return deviates(chunk, profile); }));
}

Verdict decide(std::span<const Comparison> comparisons, const Profile& profile,
               std::uint32_t decode_batching_size, const Conditions& conditions) {
  return internal::decide_after({}, comparisons, profile, decode_batching_size, conditions);
}

}  // namespace assay::toploc
