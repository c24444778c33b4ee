#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "assay/layers_spectra.h"
#include "base/check.h"
#include "base/try.h"

namespace assay::layers {
namespace {

constexpr std::size_t kBins = 100;

Error at_eigenvalues(std::string reason) {
  return {ErrorCode::kOutOfRange, "eigenvalues", std::move(reason)};
}

/// The logarithms of a spectrum, and for each start the maximum likelihood estimate.
struct Tails {
  std::vector<double> logarithms;
  /// alpha[i] = 1 + n / sum_{j >= i} (ln l_j - ln l_i), n = N - i; infinite where all from i on are equal.
  std::vector<double> alpha;
};

Result<Tails> tails_of(std::span<const double> eigenvalues) {
  const std::size_t count = eigenvalues.size();
  if (count < 2) return at_eigenvalues(fmt::format("{} above 0, a power law is fitted to at least 2", count));
  Tails tails{std::vector<double>(count), std::vector<double>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    if (!(eigenvalues[i] > 0) || !std::isfinite(eigenvalues[i]) ||
        (i > 0 && eigenvalues[i] < eigenvalues[i - 1]))
      return at_eigenvalues(fmt::format("the one at index {} is not above 0, or not in ascending order", i));
    tails.logarithms[i] = std::log(eigenvalues[i]);
  }
  // sum_i = sum_{i+1} + (n - 1) (ln l_{i+1} - ln l_i): terms of one sign, so nothing cancels.
  double sum = 0;
  tails.alpha[count - 1] = std::numeric_limits<double>::infinity();
  for (std::size_t i = count - 1; i-- > 0;) {
    const auto behind = static_cast<double>(count - 1 - i);
    sum += behind * (tails.logarithms[i + 1] - tails.logarithms[i]);
    tails.alpha[i] = 1 + (behind + 1) / sum;
  }
  return tails;
}

/// max_t |1 - (l_{i+t} / l_i)^(1 - alpha) - t / n|.
double distance_from(const Tails& tails, std::size_t start) {
  const std::size_t count = tails.logarithms.size() - start;
  const double exponent = 1 - tails.alpha[start];
  const double first = tails.logarithms[start];
  double worst = 0;
  for (std::size_t t = 0; t < count; ++t) {
    const double law = 1 - std::exp(exponent * (tails.logarithms[start + t] - first));
    worst = std::max(worst, std::abs(law - static_cast<double>(t) / static_cast<double>(count)));
  }
  return worst;
}

PowerLaw law_at(const Tails& tails, std::span<const double> eigenvalues, std::size_t start) {
  return {tails.alpha[start], distance_from(tails, start), eigenvalues[start], start, {}};
}

/// The best of the starts in [first, last), or what no start there allows.
Result<PowerLaw> best_of(const Tails& tails, std::span<const double> eigenvalues, std::size_t first,
                         std::size_t last) {
  PowerLaw best;
  best.distance = std::numeric_limits<double>::infinity();
  for (std::size_t start = first; start < last; ++start) {
    if (!std::isfinite(tails.alpha[start])) continue;
    PowerLaw law = law_at(tails, eigenvalues, start);
    if (law.distance < best.distance) best = std::move(law);
  }
  if (!std::isfinite(best.distance))
    return at_eigenvalues("those of every tail are equal, and no power law fits them");
  return best;
}

/// 10^x for the left edge x of the first fullest of 100 equal bins between the least and largest log10; the
/// largest lies in the last bin.
double peak_of(const std::vector<double>& logarithms) {
  const double least = logarithms.front() / M_LN10;
  const double width = logarithms.back() / M_LN10 - least;
  if (width <= 0) return std::pow(10.0, least);
  std::array<std::size_t, kBins> counts{};
  for (const double logarithm : logarithms) {
    const double place = (logarithm / M_LN10 - least) / width * static_cast<double>(kBins);
    ++counts[std::min(static_cast<std::size_t>(place), kBins - 1)];
  }
  const auto fullest = static_cast<double>(std::ranges::max_element(counts) - counts.begin());
  return std::pow(10.0, least + fullest * width / static_cast<double>(kBins));
}

}  // namespace

Result<PowerLaw> fit_alpha(std::span<const double> eigenvalues) {
  const Tails tails = ASSAY_TRY(tails_of(eigenvalues));
  return best_of(tails, eigenvalues, 0, eigenvalues.size() - 1);
}

Result<PowerLaw> fit_alpha_mid(std::span<const double> eigenvalues) {
  const Tails tails = ASSAY_TRY(tails_of(eigenvalues));
  const std::size_t start = eigenvalues.size() / 2;
  return best_of(tails, eigenvalues, start, start + 1);
}

Result<PowerLaw> fit_alpha_peak(std::span<const double> eigenvalues, PeakLower lower) {
  const Tails tails = ASSAY_TRY(tails_of(eigenvalues));
  const double peak = peak_of(tails.logarithms);
  const double from = lower == PeakLower::kExact ? 0.95 * peak : std::log10(0.95 * peak);
  const double to = 1.5 * peak;
  // The last eigenvalue is no start: a tail of one has no law.
  const std::span<const double> starts = eigenvalues.first(eigenvalues.size() - 1);
  const auto first = static_cast<std::size_t>(std::ranges::lower_bound(starts, from) - starts.begin());
  const auto last = static_cast<std::size_t>(std::ranges::upper_bound(starts, to) - starts.begin());
  if (first < last) return best_of(tails, eigenvalues, first, last);
  const std::string window = fmt::format("no start between {:.6g} and {:.6g}, around the peak", from, to);
  if (lower == PeakLower::kCompat) return PowerLaw{0, 1, eigenvalues[0], 0, window + ": alpha is set to 0"};
  // The fullest bin has an eigenvalue that is a start: two of them, or it is the first bin.
  ASSAY_CHECK_LT(first, starts.size());
  PowerLaw law = ASSAY_TRY(best_of(tails, eigenvalues, first, first + 1));
  law.note = window + ": the next start above is taken";
  return law;
}

}  // namespace assay::layers
