#include <fmt/format.h>

#include <cmath>

#include "assay/profile.h"

namespace assay::profile {
namespace {

constexpr std::uint64_t kMaxTrials = std::uint64_t{1} << 24;

/// log of (trials choose events).
double log_choose(std::uint64_t trials, std::uint64_t events) {
  double sum = 0;
  for (std::uint64_t i = 1; i <= std::min(events, trials - events); ++i)
    sum += std::log(static_cast<double>(trials - i + 1) / static_cast<double>(i));
  return sum;
}

/// The probability of at most `events` among the trials, at a rate above events / trials: there each term is
/// smaller than the next, so that the sum from the last one down loses nothing to overflow.
double at_most(std::uint64_t events, std::uint64_t trials, double log_of_choices, double rate) {
  const auto k = static_cast<double>(events);
  const auto n = static_cast<double>(trials);
  const double odds = (1 - rate) / rate;
  double term = 1;
  double sum = 1;
  for (std::uint64_t i = events; i > 0 && term > 1e-20; --i) {
    term *= static_cast<double>(i) / static_cast<double>(trials - i + 1) * odds;
    sum += term;
  }
  return sum * std::exp(log_of_choices + k * std::log(rate) + (n - k) * std::log1p(-rate));
}

}  // namespace

Result<double> rate_bound(std::uint64_t events, std::uint64_t trials, double confidence) {
  if (events > trials || trials > kMaxTrials)
    return Error{
        ErrorCode::kOutOfRange, "trials",
        fmt::format("{} events in {} trials; at most {} trials are counted", events, trials, kMaxTrials)};
  if (!(confidence >= 0.5 && confidence < 1))
    return Error{ErrorCode::kOutOfRange, "confidence", fmt::format("{} is not in 0.5 to 1", confidence)};
  if (events == trials) return 1.0;
  const double log_of_choices = log_choose(trials, events);
  // At a rate of events / trials, at most so many are at least as likely as not: the bound is above it.
  double low = static_cast<double>(events) / static_cast<double>(trials);
  double high = 1;
  while (true) {
    const double middle = low + (high - low) / 2;
    if (!(middle > low && middle < high)) return high;
    (at_most(events, trials, log_of_choices, middle) > 1 - confidence ? low : high) = middle;
  }
}

}  // namespace assay::profile
