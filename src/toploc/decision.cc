#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "assay/toploc.h"
#include "base/try.h"

namespace assay::toploc {
namespace {

struct Test {
  const char* step;
  const char* what;  // the figure's name
  double value;
  double bound;
  bool at_least;  // the bound is a lower one

  [[nodiscard]] bool fails() const { return at_least ? !(value >= bound) : !(value <= bound); }
};

bool deviates(const Comparison& chunk, const Profile& p) {
  const Statistics s = statistics_of({&chunk, 1});
  return !(s.exponent_mismatches <= p.exponent_mismatches && s.mantissa_mean <= p.mantissa_mean &&
           s.mantissa_median <= p.mantissa_median);
}

/// Whether both say something, and not the same.
template <class T>
bool differ(const T& measured, const T& here) {
  return measured != T{} && here != T{} && measured != here;
}

std::vector<Test> tests_of(std::span<const Comparison> comparisons, const Statistics& s, const Profile& p) {
  const auto deviating = static_cast<double>(deviating_chunks(comparisons, p));
  const double allowed = std::floor(p.deviating_share * static_cast<double>(s.chunks));
  return {
      {"chunk", "exponent mismatches per 128 points, worst chunk", s.worst_chunk_exponent_mismatches,
       p.chunk_exponent_mismatches, false},
      {"exponents", "exponent mismatches per 128 points", s.exponent_mismatches, p.exponent_mismatches,
       false},
      {"mantissa mean", "mantissa error, mean", s.mantissa_mean, p.mantissa_mean, false},
      {"mantissa median", "mantissa error, median", s.mantissa_median, p.mantissa_median, false},
      {"signs", "sign mismatches per 128 points", s.sign_mismatches, p.sign_mismatches, false},
      {"dispersion", "dispersion", s.dispersion, p.dispersion, true},
      // Constants in a few chunks, which the means over the sequence let pass. A single chunk varies more.
      {"dispersion", "dispersion, worst chunk", s.worst_chunk_dispersion, p.dispersion / 2, true},
      // Another provider's chunks among honest ones, which all of the means let pass. One may be the short
      // tail of an honest sequence; of a single chunk the means say all. A NaN stays one in this order.
      {"deviating chunks", "deviating chunks", deviating, std::max(allowed, 1.0), false},
  };
}

std::string reason_of(const Test& test, const std::string& profile) {
  return fmt::format("{} {:.4g}, the profile '{}' asks for {} {:.4g}", test.what, test.value, profile,
                     test.at_least ? "at least" : "at most", test.bound);
}

Verdict with_context(Verdict verdict, const Statistics& statistics, const std::vector<Test>& tests,
                     const Profile& profile, const Conditions& conditions) {
  verdict.add_figure("chunks", statistics.chunks);
  verdict.add_figure("points", statistics.points);
  for (const Test& test : tests)
    verdict.add_figure({test.what, test.value,
                        Bound{test.at_least ? Bound::Kind::kAtLeast : Bound::Kind::kAtMost, test.bound}});
  if (verdict.ok())
    verdict.add_note(fmt::format(
        "consistent with the states by the profile '{}'; what stays within its bounds is not detected",
        profile.name));
  if (std::string others = unmeasured(profile, conditions); !others.empty()) {
    verdict.add_note(std::move(others));
  } else if (profile.false_alarm_bound) {
    verdict.add_note(
        fmt::format("with 95 % confidence, an honest sequence is rejected with probability at most {:.3g} "
                    "(from {} honest sequences, {} chunks)",
                    *profile.false_alarm_bound, profile.honest_sequences, profile.honest_chunks));
  } else {
    verdict.add_note("the profile's false-alarm rate was not measured");
  }
  verdict.add_note("the proofs bind neither the tokens, nor the sampler, nor when they were made");
  return verdict;
}

Verdict judge(std::span<const Comparison> comparisons, const Statistics& statistics,
              const std::vector<Test>& tests, const Profile& profile, const Conditions& conditions) {
  const auto chunk_number = [&](const auto& found) { return found - comparisons.begin(); };
  const auto nonfinite = std::ranges::find_if(comparisons, [](const auto& c) { return c.nonfinite_own > 0; });
  if (nonfinite != comparisons.end())
    return Verdict::inconclusive(
        "states",
        fmt::format("the verifier's own states are infinite or NaN in chunk {}", chunk_number(nonfinite)));
  const auto other = std::ranges::find_if(
      comparisons, [&](const auto& c) { return profile.topk != 0 && c.points != profile.topk; });
  if (other != comparisons.end())
    return Verdict::inconclusive(
        "profile", fmt::format("'{}' was measured with k = {}, these proofs have k = {}", profile.name,
                               profile.topk, other->points));
  if (differ(profile.decode_batching_size, conditions.decode_batching_size))
    return Verdict::inconclusive(
        "profile", fmt::format("'{}' was measured with decode_batching_size = {}, these proofs have {}",
                               profile.name, profile.decode_batching_size, conditions.decode_batching_size));
  const auto many =
      std::ranges::find_if(comparisons, [](const auto& c) { return c.points > largest_judged_topk(); });
  if (many != comparisons.end())
    return Verdict::inconclusive(
        "modulus",
        fmt::format("with k = {} an honest proof's modulus may have nearly any size, so that these "
                    "say nothing; ask for k of at most {}",
                    many->points, largest_judged_topk()));
  const auto modulus = std::ranges::find_if(
      comparisons, [](const auto& c) { return c.modulus < least_honest_modulus(c.points); });
  if (modulus != comparisons.end())
    return Verdict::rejected("modulus",
                             fmt::format("{} in chunk {}, no honest proof has less than {}", modulus->modulus,
                                         chunk_number(modulus), least_honest_modulus(modulus->points)));
  if (statistics.points < profile.minimum_points || statistics.points == 0)
    return Verdict::inconclusive(
        "sequence length", fmt::format("{} points, the profile '{}' asks for {}", statistics.points,
                                       profile.name, std::max<std::uint64_t>(1, profile.minimum_points)));
  for (const Test& test : tests) {
    if (test.fails()) return Verdict::rejected(test.step, reason_of(test, profile.name));
  }
  return Verdict::accepted();
}

/// Whether kernel is one of those that `list` has, with commas between.
bool lists(std::string_view list, std::string_view kernel) {
  while (true) {
    const std::size_t comma = list.find(',');
    std::string_view one = list.substr(0, comma);
    one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
    one = one.substr(0, one.find_last_not_of(' ') + 1);
    if (one == kernel) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string unmeasured(const Profile& profile, const Conditions& conditions) {
  std::vector<std::string> others;
  const auto say = [&others](const char* what, const std::string& measured, const std::string& here) {
    others.push_back(fmt::format("{} '{}', here it is '{}'", what, measured, here));
  };
  if (differ(profile.model, conditions.model)) say("model", profile.model, conditions.model);
  if (differ(profile.dtype, conditions.dtype)) say("dtype", profile.dtype, conditions.dtype);
  if (differ(profile.kernel, conditions.attention) && !lists(profile.kernel, conditions.attention))
    say("attention", profile.kernel, conditions.attention);
  if (others.empty()) return {};
  return fmt::format("the profile '{}' is of {}: its false-alarm rate was not measured for this",
                     profile.name, fmt::join(others, ", and of "));
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
               const Conditions& conditions) {
  const Statistics statistics = statistics_of(comparisons);
  const std::vector<Test> tests = tests_of(comparisons, statistics, profile);
  return with_context(judge(comparisons, statistics, tests, profile, conditions), statistics, tests, profile,
                      conditions);
}

Result<Verification> verify(std::span<const Bytes> proofs, std::span<const std::uint16_t> values,
                            std::span<const std::uint64_t> lengths, std::uint32_t k, TieRule rule,
                            const Profile& profile, const Conditions& conditions) {
  if (proofs.size() != lengths.size()) {
    return Verification{Verdict::rejected("proof count", fmt::format("{} proofs for {} chunks", proofs.size(),
                                                                     lengths.size())),
                        {}};
  }
  std::vector<Proof> decoded;
  decoded.reserve(proofs.size());
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    Result<Proof> proof = Proof::decode(proofs[i], k, fmt::format("proof {}", i));
    if (!proof.ok()) return Verification{Verdict::rejected("proof form", proof.error().to_string()), {}};
    decoded.push_back(*std::move(proof));
  }
  std::vector<Comparison> comparisons = ASSAY_TRY(compare_all(decoded, values, lengths, k, rule));
  Verdict verdict = decide(comparisons, profile, conditions);
  return Verification{std::move(verdict), std::move(comparisons)};
}

}  // namespace assay::toploc
