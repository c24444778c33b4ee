// What scores are worth: AUROC and its interval, calibration.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "assay/probe_training.h"
#include "base/random.h"
#include "base/sha256.h"
#include "probe/logistic.h"
#include "probe/streams.h"

namespace assay::probe {
namespace {

constexpr std::size_t kBins = 10;

/// Places in ascending order of the scores.
std::vector<std::uint32_t> order_of(std::span<const double> scores) {
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return scores[i]; });
  return order;
}

/// AUROC where example i stands `weights[i]` times; nullopt without pairs.
template <class Weight>
std::optional<double> weighted_auroc(std::span<const double> scores, const std::vector<bool>& labels,
                                     const std::vector<std::uint32_t>& order, const Weight& weight) {
  double pairs = 0;  // won, ties as half
  double below = 0;  // negatives of lower score
  double positives = 0;
  double negatives = 0;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    double tied_positives = 0;
    double tied_negatives = 0;
    for (; last < order.size() && scores[order[last]] == scores[order[first]]; ++last)
      (labels[order[last]] ? tied_positives : tied_negatives) += weight(order[last]);
    pairs += tied_positives * (below + tied_negatives / 2);
    below += tied_negatives;
    positives += tied_positives;
    negatives += tied_negatives;
    first = last;
  }
  if (positives == 0 || negatives == 0) return std::nullopt;
  return pairs / (positives * negatives);
}

struct Interval {
  double low;
  double high;
};

/// Percentiles over draws of whole groups with replacement.
Interval bootstrap(std::span<const double> scores, const std::vector<bool>& labels,
                   const std::vector<std::uint32_t>& group_of, std::uint64_t seed) {
  const std::vector<std::uint32_t> order = order_of(scores);
  std::vector<std::uint32_t> groups = group_of;
  std::ranges::sort(groups);
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  std::vector<std::uint32_t> place(group_of.size());
  for (std::size_t i = 0; i < group_of.size(); ++i)
    place[i] = static_cast<std::uint32_t>(std::ranges::lower_bound(groups, group_of[i]) - groups.begin());
  ChaCha20Stream stream = internal::stream_of("assay/probe/bootstrap/v1", seed, 0);
  std::vector<double> found;
  std::vector<std::uint32_t> times(groups.size());
  for (std::size_t draw = 0; draw < kResamples; ++draw) {
    std::ranges::fill(times, 0U);
    for (std::size_t i = 0; i < groups.size(); ++i) ++times[stream.below(groups.size())];
    const auto area =
        weighted_auroc(scores, labels, order, [&](std::uint32_t i) { return double{1.0} * times[place[i]]; });
    if (area) found.push_back(*area);
  }
  if (found.empty()) return {0, 1};
  std::ranges::sort(found);
  const double tail = (1 - kInterval) / 2 * static_cast<double>(found.size() - 1);
  const auto low = static_cast<std::size_t>(std::floor(tail));
  return {found[low], found[found.size() - 1 - low]};
}

}  // namespace

ChaCha20Stream internal::stream_of(std::string_view tag, std::uint64_t seed, std::uint64_t number) {
  return ChaCha20Stream(Sha256().update(tag).update_u64(seed).update_u64(number).digest());
}

double auroc(std::span<const double> scores, const std::vector<bool>& labels) {
  return weighted_auroc(scores, labels, order_of(scores), [](std::uint32_t) { return 1.0; }).value_or(0.5);
}

PlattScale fit_platt(std::span<const double> scores, const std::vector<bool>& labels) {
  const auto positives = static_cast<double>(std::ranges::count(labels, true));
  const double negatives = static_cast<double>(labels.size()) - positives;
  const double target_of_one = (positives + 1) / (positives + 2);
  const double target_of_zero = 1 / (negatives + 2);
  // In scores of mean 0 and deviation 1, so that the ridge of the Hessian is small beside it.
  const auto count = static_cast<double>(scores.size());
  const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / count;
  double spread = 0;
  for (const double score : scores) spread += (score - mean) * (score - mean);
  spread = std::sqrt(spread / count);
  if (!(spread > 0)) spread = 1;
  const auto loss = [&](double a, double c) {
    double sum = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double f = a * (scores[i] - mean) / spread + c;
      const double t = labels[i] ? target_of_one : target_of_zero;
      sum += t * internal::log_loss(f, true) + (1 - t) * internal::log_loss(f, false);
    }
    return sum;
  };
  double a = 0;
  double c = std::log((positives + 1) / (negatives + 1));
  double best = loss(a, c);
  for (int step = 0; step < 100; ++step) {
    double ga = 0;
    double gc = 0;
    double haa = 1e-12;
    double hac = 0;
    double hcc = 1e-12;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double x = (scores[i] - mean) / spread;
      const double p = 1 / (1 + std::exp(-(a * x + c)));
      const double residual = p - (labels[i] ? target_of_one : target_of_zero);
      ga += residual * x;
      gc += residual;
      haa += p * (1 - p) * x * x;
      hac += p * (1 - p) * x;
      hcc += p * (1 - p);
    }
    const double determinant = haa * hcc - hac * hac;
    const double da = -(hcc * ga - hac * gc) / determinant;
    const double dc = -(haa * gc - hac * ga) / determinant;
    double by = 1;
    while (by > 1e-10 && !(loss(a + by * da, c + by * dc) < best)) by /= 2;
    if (by <= 1e-10) break;
    a += by * da;
    c += by * dc;
    best = loss(a, c);
  }
  return {a / spread, c - a * mean / spread};
}

Evaluation evaluate_scores(std::string dimension, std::vector<double> scores, std::vector<bool> labels,
                           std::vector<std::uint32_t> group_of, PlattScale platt, std::uint64_t seed) {
  Evaluation out;
  out.dimension = std::move(dimension);
  out.examples = static_cast<std::uint32_t>(labels.size());
  out.positives = static_cast<std::uint32_t>(std::ranges::count(labels, true));
  std::vector<std::uint32_t> groups = group_of;
  std::ranges::sort(groups);
  out.groups = static_cast<std::uint32_t>(std::unique(groups.begin(), groups.end()) - groups.begin());
  out.auroc = auroc(scores, labels);
  const Interval interval = bootstrap(scores, labels, group_of, seed);
  out.auroc_low = interval.low;
  out.auroc_high = interval.high;
  Probe scale;
  scale.platt_scale = platt.scale;
  scale.platt_shift = platt.shift;
  std::array<double, kBins> sum_p{};
  std::array<double, kBins> sum_y{};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double p = scale.probability(scores[i]);
    const double y = labels[i] ? 1 : 0;
    const std::size_t bin = std::min(static_cast<std::size_t>(p * kBins), kBins - 1);
    sum_p[bin] += p;
    sum_y[bin] += y;
    out.brier += (p - y) * (p - y);
  }
  const auto count = static_cast<double>(std::max<std::size_t>(labels.size(), 1));
  out.brier /= count;
  for (std::size_t bin = 0; bin < kBins; ++bin) out.ece += std::fabs(sum_p[bin] - sum_y[bin]) / count;
  out.scores = std::move(scores);
  out.labels = std::move(labels);
  out.group_of = std::move(group_of);
  return out;
}

}  // namespace assay::probe
