#include "layers/marchenko_pastur.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace assay::layers::internal {
namespace {

constexpr double kBandwidth = 0.1;
constexpr std::size_t kPoints = 1000;
constexpr double kMargin = 0.5;  // of the points, beyond the largest value
// Of sigma, in hundredths of the one whose law ends at the largest eigenvalue.
constexpr int kFirstStep = 5;
constexpr int kLastStep = 199;

/// What the law is fitted to: points, and the density that the values have there.
struct Density {
  std::vector<double> x;
  std::vector<double> y;
};

/// A linear kernel on every value, (1 - |x - v| / h) / h where that is positive, and their mean.
Density density_of(const std::vector<double>& ascending) {
  Density density{std::vector<double>(kPoints), std::vector<double>(kPoints)};
  const double end = ascending.back() + kMargin;
  for (std::size_t i = 0; i < kPoints; ++i) {
    const double x = end * static_cast<double>(i) / static_cast<double>(kPoints - 1);
    const auto first = std::ranges::upper_bound(ascending, x - kBandwidth);
    const auto last = std::lower_bound(first, ascending.end(), x + kBandwidth);
    double sum = 0;
    for (auto value = first; value != last; ++value) sum += 1 - std::abs(x - *value) / kBandwidth;
    density.x[i] = x;
    density.y[i] = sum / (kBandwidth * static_cast<double>(ascending.size()));
  }
  return density;
}

/// The law's density at x for the scale sigma: of eigenvalues for the aspect q > 1, of singular values, the
/// quarter circle, for q = 1.
double law_at(double x, double q, double sigma) {
  if (q == 1) {
    const double inside = 4 * sigma * sigma - x * x;
    return inside > 0 ? std::sqrt(inside) / (M_PI * sigma * sigma) : 0;
  }
  const double root = std::sqrt(1 / q);
  const double low = std::pow(sigma * (1 - root), 2);
  const double high = std::pow(sigma * (1 + root), 2);
  if (x <= low || x >= high) return 0;
  return q * std::sqrt((high - x) * (x - low)) / (2 * M_PI * sigma * sigma * x);
}

double residual(const Density& density, double q, double sigma) {
  double sum = 0;
  for (std::size_t i = 0; i < density.x.size(); ++i) {
    const double off = law_at(density.x[i], q, sigma) - density.y[i];
    sum += off * off;
  }
  return sum;
}

/// Where the parabola through three values at -1, 0 and 1 is least, at most one half away where the middle
/// one is the least.
double vertex_offset(double left, double middle, double right) {
  const double curvature = left - 2 * middle + right;
  return curvature > 0 ? std::clamp((left - right) / (2 * curvature), -0.5, 0.5) : 0;
}

}  // namespace

double mp_softrank(const Spectrum& spectrum) {
  const auto longest = static_cast<double>(std::max(spectrum.rows, spectrum.columns));
  const double q = longest / static_cast<double>(std::min(spectrum.rows, spectrum.columns));
  std::vector<double> values = spectrum.eigenvalues;
  const double scale =
      static_cast<double>(values.size()) / std::accumulate(values.begin(), values.end(), 0.0);
  for (double& value : values) value *= scale;
  const double largest = values.back();
  const double edge = 1 + 1 / std::sqrt(q);  // of the law with sigma 1, its root
  if (q == 1) {
    for (double& value : values) value = std::sqrt(value);
  }
  const Density density = density_of(values);
  const double unit = std::sqrt(largest) / edge;
  const auto at = [&](int steps) { return residual(density, q, steps / 100.0 * unit); };
  int best = kFirstStep;
  double least = at(best);
  for (int steps = kFirstStep + 1; steps <= kLastStep; ++steps) {
    const double found = at(steps);
    if (found >= least) continue;
    least = found;
    best = steps;
  }
  const double sigma = (best + vertex_offset(at(best - 1), least, at(best + 1))) / 100 * unit;
  return std::pow(sigma * edge, 2) / largest;
}

}  // namespace assay::layers::internal
