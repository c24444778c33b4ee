#include "audit/products.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <numeric>

#include "audit/kernel.h"
#include "audit/layer_values.h"
#include "audit/statistics.h"
#include "base/threads.h"
#include "base/try.h"

namespace assay::audit::internal {
namespace {

/// Sums of so many standard deviations of their rounding are taken for honest.
constexpr double kDeviations = 8;
/// Of a product with a recomputed input, the most that its mean squared error may be, over that of rounding.
constexpr double kRecomputedVariance = 4;

/// A factor below 1 is one of sums. It narrows what a sum may err by on average, but not what the worst of
/// them may, and nothing that an input which differs in its last places adds.
double at_least_one(double variance_factor) { return std::max(1.0, variance_factor); }

/// The part of `products` that belongs to one layer.
std::span<const Product> of_layer(std::span<const Product>& rest) {
  std::size_t count = 1;
  while (count < rest.size() && rest[count].op == rest.front().op) ++count;
  const std::span<const Product> part = rest.first(count);
  rest = rest.subspan(count);
  return part;
}

/// An input of a product, and the outputs that are held against it.
struct Task {
  const std::vector<double>* input;
  const std::vector<double>* output;
  double summing;  ///< see summing_variance_of
};

/// The variance of the sum of the products with an input, over the square of the other row.
double summing_variance_of(const std::vector<double>& input, const FloatFormat& format) {
  return summing_variance(format) * kernel().dot(input.data(), input.data(), input.size());
}

/// What the outputs of a layer are held against, for one of them.
struct WeightRow {
  std::span<const double> values;
  double bias;
  double squares;  ///< of the values and the bias
};

void compare_output(const Task& task, std::uint64_t j, const WeightRow& row, const FloatFormat& format,
                    double summing_factor, Recomputed& found) {
  const std::size_t inputs = row.values.size();
  const auto [sum, squares] = kernel().terms(row.values.data(), task.input->data(), inputs);
  const double exact = sum + row.bias;
  const double given = (*task.output)[j];
  const double ulp = ulp_of(std::max(std::abs(exact), std::abs(given)), format);
  const double error = std::abs(given - exact);
  const double largest = std::max({std::sqrt(squares), std::abs(exact), std::abs(row.bias)});
  const double summing = kDeviations * summing_roundoff(format) * std::sqrt(double(inputs) + 1) * largest;
  const double allowed = ulp / 2 * (1 + 1e-9) + summing * summing_factor;
  if (round_to(exact, format) != given) ++found.differing;
  found.squares += error * error / (ulp * ulp / 12 + task.summing * row.squares);
  if (error > allowed * found.worst) {
    found.worst = allowed > 0 ? error / allowed : std::numeric_limits<double>::infinity();
    found.worst_at = j;
  }
}

/// All inputs of one layer against its weight.
Result<std::vector<Recomputed>> recompute(const LayerValues& values, const Op& op,
                                          std::span<const Task> tasks, const FloatFormat& format,
                                          double summing_factor) {
  std::vector<Recomputed> all(tasks.size());
  std::mutex mutex;
  std::optional<Error> failed;
  constexpr std::size_t kGrain = 64;
  parallel_for(0, op.out, kGrain, [&](std::size_t first, std::size_t last) {
    std::vector<Recomputed> found(tasks.size());
    std::vector<double> row(op.in);
    Status read;
    for (std::size_t j = first; j < last; ++j) {
      read = values.row(j, row);
      if (!read.ok()) break;
      const double bias = values.bias()[j];
      const WeightRow weight = {row, bias, kernel().dot(row.data(), row.data(), row.size()) + bias * bias};
      for (std::size_t t = 0; t < tasks.size(); ++t)
        compare_output(tasks[t], j, weight, format, summing_factor, found[t]);
    }
    const std::scoped_lock lock(mutex);
    if (!read.ok() && !failed) failed = read.error();
    for (std::size_t t = 0; t < tasks.size(); ++t) all[t].add(found[t]);
  });
  if (failed) return *failed;
  return all;
}

/// Of each product of a layer what was found for the input that fits best.
Result<std::vector<Recomputed>> recompute_best(const LayerValues& values, const Op& op,
                                               std::span<const Product> products, const FloatFormat& format,
                                               double summing_factor) {
  std::vector<Task> tasks;
  for (const Product& product : products)
    for (const std::vector<double>& input : product.inputs)
      tasks.push_back({&input, &product.output, summing_variance_of(input, format)});
  const std::vector<Recomputed> found = ASSAY_TRY(recompute(values, op, tasks, format, summing_factor));
  std::vector<Recomputed> best;
  best.reserve(products.size());
  auto at = found.begin();
  for (const Product& product : products) {
    const auto next = at + static_cast<std::ptrdiff_t>(product.inputs.size());
    best.push_back(*std::min_element(
        at, next, [](const Recomputed& a, const Recomputed& b) { return a.squares < b.squares; }));
    at = next;
  }
  return best;
}

/// Why a product is rejected; "" where it is not.
std::string judge(const Product& product, const Recomputed& found, const FloatFormat& format,
                  const Tolerance& tolerance) {
  const auto outputs = static_cast<double>(product.output.size());
  if (product.recomputed) {
    const double variance = found.squares / outputs;
    if (variance <= kRecomputedVariance * at_least_one(tolerance.variance_factor) + 40 / outputs) return {};
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

/// As they lie in memory, byte by byte.
int compare_bytes(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.empty() ? 0 : std::memcmp(a.data(), b.data(), a.size() * sizeof(double));
}

/// Products of one layer without those that come again: equal rows, such as those of a token that comes again
/// in the first block, have the same rounding, and say no more than one of them.
std::vector<const Product*> different(std::span<const Product> products) {
  std::vector<const Product*> all;
  all.reserve(products.size());
  for (const Product& product : products) all.push_back(&product);
  const auto compare = [](const Product* a, const Product* b) {
    const int inputs = compare_bytes(a->input(), b->input());
    return inputs != 0 ? inputs : compare_bytes(a->output, b->output);
  };
  // The first of equal ones is kept: whether its input was recomputed may differ among them.
  std::ranges::stable_sort(all, [&](const Product* a, const Product* b) { return compare(a, b) < 0; });
  const auto equal = [&](const Product* a, const Product* b) { return compare(a, b) == 0; };
  all.erase(std::unique(all.begin(), all.end(), equal), all.end());
  return all;
}

}  // namespace

void Recomputed::add(const Recomputed& other) {
  differing += other.differing;
  squares += other.squares;
  // Of values that are as far off the first, in whatever order the parts come.
  if (other.worst > worst || (other.worst == worst && other.worst_at < worst_at)) {
    worst = other.worst;
    worst_at = other.worst_at;
  }
}

/// The variance is that of the rounding of each output, and that of its sum. Shorter rows hide the latter.
///
/// The vectors share one rounding. Where few outputs make up most of the variance, n of them in effect, the
/// sum of k squares has the variance 2 k + 0.8 k^2 / n, and is scaled to the chi-square variable with its
/// mean and variance (Satterthwaite 1946); 0.8 is that of the square of a uniform variable of variance 1.
Residuals residuals_of(const KeyContents& key, const Product& product, const FloatFormat& format) {
  const Kernel& fast = kernel();
  const KeyContents::Layer& layer = key.layers[product.op];
  const std::span<const double> r = key.vectors_of(product.op);
  const std::size_t inputs = product.input().size();
  const std::size_t outputs = product.output.size();
  std::vector<double> variances(outputs);
  const Spread spread =
      fast.variances(product.output.data(), layer.scales.data(), outputs, format.fraction_bits,
                     format.least_exponent, summing_variance_of(product.input(), format), variances.data());
  Residuals found;
  found.normalised.reserve(key.vectors);
  for (std::uint32_t v = 0; v < key.vectors; ++v) {
    const Projection given = fast.project(product.output.data(), variances.data(), &r[v * outputs], outputs);
    const double expected = fast.dot(product.input().data(), &layer.projections[v * inputs], inputs);
    found.normalised.push_back((given.value - expected - layer.biases[v]) / std::sqrt(given.variance));
  }
  const double vectors = key.vectors;
  found.scaling = 1 + 0.4 * vectors * spread.squares / (spread.total * spread.total);
  return found;
}

Result<ProductFindings> check_by_weights(const weights::Folder& folder, const Facts& facts,
                                         std::span<const Product> products, const Tolerance& tolerance,
                                         Measured* measured) {
  const FloatFormat format = format_of(facts.dtype);
  ProductFindings findings;
  double squares = 0;
  double count = 0;
  Progress progress("recomputing products", products.size());
  while (!products.empty()) {
    const std::span<const Product> layer = of_layer(products);
    const Op& op = facts.table.ops[layer.front().op];
    const LayerValues values = ASSAY_TRY(LayerValues::of(folder, op, facts.dtype));
    const std::vector<Recomputed> found = ASSAY_TRY(
        recompute_best(values, op, layer, format, std::sqrt(at_least_one(tolerance.variance_factor))));
    for (std::size_t p = 0; p < layer.size(); ++p) {
      if (!layer[p].recomputed) {
        squares += found[p].squares;
        count += static_cast<double>(layer[p].output.size());
      }
      if (measured != nullptr) {
        const auto outputs = static_cast<double>(layer[p].output.size());
        measured->products.push_back({layer[p].op, layer[p].position, layer[p].output.size(),
                                      layer[p].recomputed, found[p].squares / outputs,
                                      static_cast<double>(found[p].differing) / outputs, found[p].worst});
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
                             const Tolerance& tolerance, Measured* measured) {
  const FloatFormat format = format_of(key.facts.dtype);
  std::vector<std::span<const Product>> layers;
  while (!products.empty()) layers.push_back(of_layer(products));
  std::vector<double> squares(layers.size());
  std::vector<double> degrees_of(layers.size());
  std::mutex measuring;
  Progress progress("checking products", layers.size());
  parallel_for(0, layers.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t l = first; l < last; ++l) {
      for (const Product* product : different(layers[l])) {
        const Residuals found = residuals_of(key, *product, format);
        const double sum = kernel().dot(found.normalised.data(), found.normalised.data(), key.vectors);
        const double factor = product->recomputed
                                  ? kRecomputedVariance * at_least_one(tolerance.variance_factor)
                                  : tolerance.variance_factor;
        squares[l] += sum / (factor * found.scaling);
        degrees_of[l] += key.vectors / found.scaling;
        if (measured == nullptr) continue;
        const std::scoped_lock lock(measuring);
        measured->products.push_back(
            {product->op, product->position, product->output.size(), product->recomputed, sum / key.vectors});
        measured->residuals.insert(measured->residuals.end(), found.normalised.begin(),
                                   found.normalised.end());
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
