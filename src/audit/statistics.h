// The tail of the chi-square distribution.
#pragma once

#include <cmath>

#include "base/check.h"

namespace assay::audit::internal {

/// log of P(X >= x) for a chi-square variable of `degrees` > 0 degrees of freedom: Q(degrees / 2, x / 2), by
/// the series of P (DLMF 8.7.1) below the mean and the continued fraction of Q (DLMF 8.9.2) above it.
[[nodiscard]] inline double log_chi_square_tail(double x, double degrees) {
  ASSAY_CHECK_GT(degrees, 0.0);
  const double a = degrees / 2;
  const double z = x / 2;
  if (!(z > 0)) return 0;
  const double log_scale = a * std::log(z) - z - std::lgamma(a);
  if (z < a + 1) {
    double term = 1 / a;
    double sum = term;
    for (int k = 1; term > sum * 1e-16; ++k) sum += term *= z / (a + k);
    return std::log1p(-std::min(1.0, std::exp(log_scale) * sum));
  }
  // Lentz's method for 1 / (z + 1 - a - 1 (1 - a) / (z + 3 - a - 2 (2 - a) / (..))).
  double b = z + 1 - a;
  double c = 1e300;
  double d = 1 / b;
  double h = d;
  for (int i = 1; i < 1'000'000; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = an * d + b;
    if (std::abs(d) < 1e-300) d = 1e-300;
    c = b + an / c;
    if (std::abs(c) < 1e-300) c = 1e-300;
    d = 1 / d;
    const double step = d * c;
    h *= step;
    if (std::abs(step - 1) < 1e-15) break;
  }
  return log_scale + std::log(h);
}

}  // namespace assay::audit::internal
