#include "audit/products.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>
#include <set>

#include "audit/layer_values.h"
#include "audit/statistics.h"
#include "base/check.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/try.h"

namespace assay::audit::internal {
namespace {

/// Half an ulp: what products are summed up in, where rows have 32 bits or fewer.
constexpr double kFp32Roundoff = 0x1p-24;
/// Sums of so many standard deviations of their rounding are taken for honest.
constexpr double kDeviations = 8;
/// Differences that may be there whatever the share.
constexpr std::uint64_t kFewDifferences = 8;
/// Of a product with a recomputed input, the most that its mean squared error may be, over that of rounding.
constexpr double kRecomputedVariance = 4;

/// The part of `products` that belongs to one layer.
std::span<const Product> of_layer(std::span<const Product>& rest) {
  std::size_t count = 1;
  while (count < rest.size() && rest[count].op == rest.front().op) ++count;
  const std::span<const Product> part = rest.first(count);
  rest = rest.subspan(count);
  return part;
}

/// Sums in eight lanes, which the processor adds up side by side.
constexpr std::size_t kLanes = 8;

double sum_of(const std::array<double, kLanes>& lanes) {
  return std::accumulate(lanes.begin(), lanes.end(), 0.0);
}

double dot(std::span<const double> a, std::span<const double> b) {
  std::array<double, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes)
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += a[i + l] * b[i + l];
  for (; i < a.size(); ++i) lanes[0] += a[i] * b[i];
  return sum_of(lanes);
}

/// The sum of the products of two rows, and that of their squares.
struct Terms {
  double sum = 0;
  double squares = 0;
};

Terms terms_of(std::span<const double> a, std::span<const double> b) {
  std::array<double, kLanes> sums{};
  std::array<double, kLanes> squares{};
  std::size_t i = 0;
  const auto add = [&](std::size_t lane, double term) {
    sums[lane] += term;
    squares[lane] += term * term;
  };
  for (; i + kLanes <= a.size(); i += kLanes)
    for (std::size_t l = 0; l < kLanes; ++l) add(l, a[i + l] * b[i + l]);
  for (; i < a.size(); ++i) add(0, a[i] * b[i]);
  return {sum_of(sums), sum_of(squares)};
}

/// What was found about one product by recomputing it.
struct Recomputed {
  std::uint64_t differing = 0;
  double squares = 0;  // of the errors over the variance of rounding
  double worst = 0;    // error over what is allowed
  std::uint64_t worst_at = 0;

  void add(const Recomputed& other) {
    differing += other.differing;
    squares += other.squares;
    if (other.worst > worst) {
      worst = other.worst;
      worst_at = other.worst_at;
    }
  }
};

double summing_roundoff(const FloatFormat& format) {
  return format.fraction_bits == 52 ? 0x1p-53 : kFp32Roundoff;
}

void compare_output(const Product& product, std::uint64_t j, std::span<const double> row, double bias,
                    const FloatFormat& format, Recomputed& found) {
  const auto [sum, squares] = terms_of(row, product.input);
  const double exact = sum + bias;
  const double given = product.output[j];
  const double ulp = ulp_of(std::max(std::abs(exact), std::abs(given)), format);
  const double error = std::abs(given - exact);
  const double largest = std::max({std::sqrt(squares), std::abs(exact), std::abs(bias)});
  const double summing = kDeviations * summing_roundoff(format) * std::sqrt(double(row.size()) + 1) * largest;
  const double allowed = ulp / 2 * (1 + 1e-9) + summing;
  if (round_to(exact, format) != given) ++found.differing;
  // The variance of summation is counted as if its bound were three deviations: negligible below 32 bits.
  found.squares += error * error / (ulp * ulp / 12 + summing * summing / 9);
  if (error > allowed * found.worst) {
    found.worst = allowed > 0 ? error / allowed : std::numeric_limits<double>::infinity();
    found.worst_at = j;
  }
}

/// All products of one layer against its weight.
Result<std::vector<Recomputed>> recompute(const LayerValues& values, const Op& op,
                                          std::span<const Product> products, const FloatFormat& format) {
  std::vector<Recomputed> all(products.size());
  std::mutex mutex;
  std::optional<Error> failed;
  constexpr std::size_t kGrain = 64;
  parallel_for(0, op.out, kGrain, [&](std::size_t first, std::size_t last) {
    std::vector<Recomputed> found(products.size());
    std::vector<double> row(op.in);
    Status read;
    for (std::size_t j = first; j < last && read.ok(); ++j) {
      read = values.row(j, row);
      if (!read.ok()) break;
      for (std::size_t p = 0; p < products.size(); ++p)
        compare_output(products[p], j, row, values.bias()[j], format, found[p]);
    }
    const std::scoped_lock lock(mutex);
    if (!read.ok() && !failed) failed = read.error();
    for (std::size_t p = 0; p < products.size(); ++p) all[p].add(found[p]);
  });
  if (failed) return *failed;
  return all;
}

/// Why a product is rejected; "" where it is not.
std::string judge(const Product& product, const Recomputed& found, const FloatFormat& format,
                  const Tolerance& tolerance) {
  const auto outputs = static_cast<double>(product.output.size());
  if (product.recomputed) {
    const double variance = found.squares / outputs;
    if (variance <= kRecomputedVariance * tolerance.variance_factor + 40 / outputs) return {};
    return fmt::format("its squared error is {:.3g} times that of rounding", variance);
  }
  if (found.worst > 1)
    return fmt::format("value {} lies {:.3g} times as far off as rounding takes it", found.worst_at,
                       found.worst);
  // Of numbers as long as what they are summed up in, the last place differs as often as not.
  if (format.fraction_bits >= 23) return {};
  const double most = double{kFewDifferences} + tolerance.differing_share * outputs;
  if (static_cast<double>(found.differing) <= most) return {};
  return fmt::format("{} of {} values are rounded otherwise", found.differing, product.output.size());
}

/// A sum that is distributed like chi-square of so many degrees where a row is honest.
struct Squares {
  double sum = 0;
  double degrees = 0;
};

/// Over the vectors of a key, squared residuals over their variance: that of the rounding of each output, and
/// that of its sum in fp32 one term after the other, which is (u |a| |w|)^2 / 6 where the terms are
/// independent (Higham and Mary 2019). Shorter rows hide the latter.
///
/// The vectors share one rounding. Where few outputs make up most of the variance, n of them in effect, the
/// sum of k squares has the variance 2 k + 0.8 k^2 / n, and is scaled to the chi-square variable with its
/// mean and variance (Satterthwaite 1946); 0.8 is that of the square of a uniform variable of variance 1.
Squares squared_residuals(const KeyContents& key, std::span<const double> r, const Product& product,
                          const FloatFormat& format, double factor) {
  const KeyContents::Layer& layer = key.layers[product.op];
  double summing = dot(product.input, product.input);
  summing *= summing_roundoff(format) * summing_roundoff(format) / 6;
  std::vector<double> variances(product.output.size());
  double total = 0;
  double squares = 0;
  for (std::size_t j = 0; j < variances.size(); ++j) {
    const double ulp = ulp_of(product.output[j], format);
    const double scale = double{layer.scales[j]};
    variances[j] = ulp * ulp / 12 + summing * scale * scale;
    const double share = variances[j] / (scale * scale);
    total += share;
    squares += share * share;
  }
  double sum = 0;
  for (std::uint32_t v = 0; v < key.vectors; ++v) {
    const std::span<const double> vector = r.subspan(v * product.output.size(), product.output.size());
    double variance = 0;
    for (std::size_t j = 0; j < vector.size(); ++j) variance += vector[j] * vector[j] * variances[j];
    const std::span<const double> projection =
        std::span(layer.projections).subspan(v * product.input.size(), product.input.size());
    const double residual = dot(product.output, vector) - dot(product.input, projection) - layer.biases[v];
    sum += residual * residual / (variance * factor);
  }
  const double vectors = key.vectors;
  const double scaling = 1 + 0.4 * vectors * squares / (total * total);
  return {sum / scaling, vectors / scaling};
}

Digest digest_of(const Product& product) {
  Sha256 hash;
  for (const std::vector<double>* row : {&product.input, &product.output})
    hash.update(ByteSpan(reinterpret_cast<const std::uint8_t*>(row->data()), row->size() * sizeof(double)));
  return hash.digest();
}

}  // namespace

Result<ProductFindings> check_by_weights(const weights::Folder& folder, const Facts& facts,
                                         std::span<const Product> products, const Tolerance& tolerance) {
  const FloatFormat format = format_of(facts.dtype);
  ProductFindings findings;
  double squares = 0;
  double count = 0;
  Progress progress("recomputing products", products.size());
  while (!products.empty()) {
    const std::span<const Product> layer = of_layer(products);
    const Op& op = facts.table.ops[layer.front().op];
    const LayerValues values = ASSAY_TRY(LayerValues::of(folder, op, facts.dtype));
    const std::vector<Recomputed> found = ASSAY_TRY(recompute(values, op, layer, format));
    for (std::size_t p = 0; p < layer.size(); ++p) {
      if (!layer[p].recomputed) {
        squares += found[p].squares;
        count += static_cast<double>(layer[p].output.size());
      }
      const std::string reason = judge(layer[p], found[p], format, tolerance);
      if (reason.empty() || findings.failure) continue;
      findings.failure = {layer[p].op, layer[p].step, layer[p].position, reason};
    }
    progress.advance(layer.size());
  }
  if (count > 0) findings.variance = squares / count;
  return findings;
}

ProductFindings check_by_key(const KeyContents& key, std::span<const Product> products,
                             const Tolerance& tolerance) {
  const FloatFormat format = format_of(key.facts.dtype);
  std::vector<std::span<const Product>> layers;
  while (!products.empty()) layers.push_back(of_layer(products));
  std::vector<double> squares(layers.size());
  std::vector<double> degrees_of(layers.size());
  Progress progress("checking products", layers.size());
  parallel_for(0, layers.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t l = first; l < last; ++l) {
      const std::vector<double> r = key.draw(layers[l].front().op);
      // Equal rows, such as those of a token that comes again in the first block, have the same rounding:
      // they say no more than one of them.
      std::set<Digest> seen;
      for (const Product& product : layers[l]) {
        if (!seen.insert(digest_of(product)).second) continue;
        const double factor =
            product.recomputed ? kRecomputedVariance * tolerance.variance_factor : tolerance.variance_factor;
        const Squares found = squared_residuals(key, r, product, format, factor);
        squares[l] += found.sum;
        degrees_of[l] += found.degrees;
      }
      progress.advance();
    }
  });
  ProductFindings findings;
  const double limit = std::log(tolerance.false_alarm / 2);
  double degrees = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const double own = degrees_of[l];
    degrees += own;
    const bool honest =
        log_chi_square_tail(squares[l], own) >= limit - std::log(static_cast<double>(layers.size()));
    // Also false where a residual is not a number.
    if (honest || findings.failure) continue;
    findings.failure = {layers[l].front().op, layers[l].front().step, layers[l].front().position,
                        "its residuals are larger than rounding makes them"};
  }
  const double all = std::accumulate(squares.begin(), squares.end(), 0.0);
  if (!findings.failure && degrees > 0 && !(log_chi_square_tail(all, degrees) >= limit)) {
    findings.failure = {layers.front().front().op, layers.front().front().step,
                        layers.front().front().position,
                        "the residuals of all layers together are larger than rounding makes them"};
  }
  return findings;
}

}  // namespace assay::audit::internal
