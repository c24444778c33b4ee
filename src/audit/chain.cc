#include "audit/chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace assay::audit::internal {
namespace {

constexpr FloatFormat kFp32 = {23, -126, 0x1.fffffep127};
/// How far off the factor of RMSNorm may be, in places of fp32: a sum in lanes errs by a few, its root by
/// half of that, and the reciprocal by one.
constexpr int kMostShift = 4;

/// What the model's program computes in within one operation: 32 bits, or more where rows have more.
const FloatFormat& inner_format(const FloatFormat& format) {
  return format.fraction_bits > 23 ? format : kFp32;
}

/// RMSNorm (Zhang and Sennrich 2019) as transformers' LlamaRMSNorm and GemmaRMSNorm round it.
void rms_norm(const ModelSpec& spec, const Norm& norm, const FloatFormat& format, int shift,
              std::span<double> row) {
  double squares = 0;
  for (const double value : row) squares += value * value;
  const FloatFormat& inner = inner_format(format);
  const double mean = squares / static_cast<double>(row.size());
  const double nearest = round_to(1 / std::sqrt(round_to(mean, inner) + spec.norm_epsilon), inner);
  const double factor = nearest + shift * ulp_of(nearest, inner);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double scaled = round_to(row[i] * factor, inner);
    row[i] = spec.family == Family::kGemma
                 ? round_to(round_to(scaled * round_to(1 + norm.weight[i], inner), inner), format)
                 : round_to(norm.weight[i] * round_to(scaled, format), format);
  }
}

void layer_norm(const ModelSpec& spec, const Norm& norm, const FloatFormat& format, std::span<double> row) {
  double sum = 0;
  for (const double value : row) sum += value;
  const double mean = sum / static_cast<double>(row.size());
  double squares = 0;
  for (const double value : row) squares += (value - mean) * (value - mean);
  const double factor = 1 / std::sqrt(squares / static_cast<double>(row.size()) + spec.norm_epsilon);
  for (std::size_t i = 0; i < row.size(); ++i)
    row[i] = round_to((row[i] - mean) * factor * norm.weight[i] + norm.bias[i], format);
}

double gelu_tanh(double x) {
  const double inner = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1 + std::tanh(inner));
}

/// The same as transformers' NewGELUActivation writes it: an operation for each step, each rounded.
double gelu_new(double x, const FloatFormat& format) {
  const double cube = round_to(x * x * x, format);
  const double sum = round_to(x + round_to(0.044715 * cube, format), format);
  const double tanh = round_to(std::tanh(round_to(std::sqrt(2 / std::numbers::pi) * sum, format)), format);
  return round_to(round_to(0.5 * x, format) * round_to(1 + tanh, format), format);
}

double activation(Activation function, double x, const FloatFormat& format) {
  switch (function) {
    case Activation::kSilu:
      return round_to(x / (1 + std::exp(-x)), format);
    case Activation::kGeluTanh:
      return round_to(gelu_tanh(x), format);
    case Activation::kGeluNew:
      return gelu_new(x, format);
    default:
      return round_to(0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)), format);
  }
}

}  // namespace

std::vector<double> normalised(const ModelSpec& spec, const Norm& norm, std::span<const double> row,
                               const FloatFormat& format, int shift) {
  ASSAY_CHECK_EQ(norm.weight.size(), row.size());
  std::vector<double> out(row.begin(), row.end());
  if (spec.family == Family::kGpt2)
    layer_norm(spec, norm, format, out);
  else
    rms_norm(spec, norm, format, shift, out);
  return out;
}

std::vector<std::vector<double>> norms_of(const ModelSpec& spec, const Norm& norm,
                                          std::span<const double> row, const FloatFormat& format) {
  std::vector<std::vector<double>> all = {normalised(spec, norm, row, format)};
  // Of longer rows nearly all are different, and within what is allowed.
  if (spec.family == Family::kGpt2 || format.fraction_bits >= 23) return all;
  for (int shift = 1; shift <= kMostShift; ++shift) {
    for (const int signed_shift : {shift, -shift}) {
      std::vector<double> other = normalised(spec, norm, row, format, signed_shift);
      if (std::ranges::find(all, other) == all.end()) all.push_back(std::move(other));
    }
  }
  return all;
}

std::vector<double> activated(const ModelSpec& spec, std::span<const double> gate, std::span<const double> up,
                              const FloatFormat& format) {
  std::vector<double> out(up.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = gate.empty() ? activation(spec.activation, up[i], format)
                          : round_to(activation(spec.activation, gate[i], format) * up[i], format);
  }
  return out;
}

std::vector<double> added(std::span<const double> a, std::span<const double> b, const FloatFormat& format) {
  std::vector<double> out(a.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = round_to(a[i] + b[i], format);
  return out;
}

std::vector<double> activation_slack(const ModelSpec& spec, std::span<const double> up,
                                     const FloatFormat& format) {
  if (spec.activation != Activation::kGeluNew) return {};
  std::vector<double> slack(up.size());
  for (std::size_t i = 0; i < slack.size(); ++i) slack[i] = std::abs(up[i]) * ulp_of(0.5, format);
  return slack;
}

RowDifference difference_of(std::span<const double> expected, std::span<const double> given,
                            const FloatFormat& format, std::span<const double> slack) {
  // An intermediate value that is rounded otherwise moves the result by an ulp or two. Rows as long as what
  // is computed in between show the order of summation in most of their values, and, where terms cancel, more
  // than the ulps of what is left: an error beside the largest value.
  const bool is_short = format.fraction_bits < 23;
  const double most_ulps = is_short ? 2 : 32;
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  const double beside_largest = is_short ? 0 : 8 * ulp_of(largest, format);
  RowDifference found{expected.size()};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] == given[i]) continue;
    ++found.differing;
    const double ulp = ulp_of(std::max(std::abs(expected[i]), std::abs(given[i])), format);
    const double allowed = most_ulps * ulp + beside_largest + (slack.empty() ? 0 : slack[i]);
    const double over = std::abs(expected[i] - given[i]) / allowed;
    if (over > found.worst) {
      found.worst = over;
      found.worst_at = i;
    }
  }
  return found;
}

namespace {

/// Why a difference is more than rounding; "" where it is not.
std::string judge(const RowDifference& found, std::span<const double> expected, std::span<const double> given,
                  const FloatFormat& format) {
  if (found.worst > 1)
    return fmt::format("value {} is {}, it should be {}", found.worst_at, given[found.worst_at],
                       expected[found.worst_at]);
  const std::size_t most = format.fraction_bits < 23
                               ? 8 + static_cast<std::size_t>(0.02 * static_cast<double>(found.values))
                               : found.values;
  if (found.differing <= most) return {};
  return fmt::format("{} of {} values differ in the last place", found.differing, found.values);
}

void keep(Measured* measured, const RowDifference& found) {
  if (measured != nullptr)
    measured->chain.push_back(
        {static_cast<double>(found.differing) / static_cast<double>(found.values), found.worst});
}

}  // namespace

std::string compare_rows(std::span<const double> expected, std::span<const double> given,
                         const FloatFormat& format, std::span<const double> slack, Measured* measured) {
  const RowDifference found = difference_of(expected, given, format, slack);
  keep(measured, found);
  return judge(found, expected, given, format);
}

std::string compare_norm(const ModelSpec& spec, const Norm& norm, std::span<const double> row,
                         std::span<const double> given, const FloatFormat& format, Measured* measured) {
  std::vector<double> nearest = normalised(spec, norm, row, format);
  RowDifference least = difference_of(nearest, given, format);
  // Nearly all rows are the first.
  if (least.differing > 0) {
    for (std::vector<double>& other : norms_of(spec, norm, row, format)) {
      const RowDifference found = difference_of(other, given, format);
      if (std::pair(found.worst > 1, found.differing) >= std::pair(least.worst > 1, least.differing))
        continue;
      least = found;
      nearest = std::move(other);
    }
  }
  keep(measured, least);
  return judge(least, nearest, given, format);
}

void rotate(const ModelSpec& spec, const Norm* head_norm, std::uint64_t position, const FloatFormat& format,
            std::span<double> row) {
  const std::size_t size = spec.head_size;
  const FloatFormat& inner = inner_format(format);
  for (std::size_t at = 0; at < row.size(); at += size) {
    const std::span<double> head = row.subspan(at, size);
    if (head_norm != nullptr) rms_norm(spec, *head_norm, format, 0, head);
    if (spec.family == Family::kGpt2) continue;
    const std::size_t half = size / 2;
    for (std::size_t i = 0; i < half; ++i) {
      // Su et al. 2021, with the halves of a head rotated against each other, as transformers does it.
      const double frequency = round_to(
          1 / std::pow(spec.rope_theta, 2.0 * static_cast<double>(i) / static_cast<double>(size)), inner);
      const double angle = round_to(static_cast<double>(position) * frequency, inner);
      const double c = round_to(std::cos(angle), format);
      const double s = round_to(std::sin(angle), format);
      const double x = head[i];
      const double y = head[i + half];
      head[i] = round_to(round_to(x * c, format) + round_to(-y * s, format), format);
      head[i + half] = round_to(round_to(y * c, format) + round_to(x * s, format), format);
    }
  }
}

std::vector<double> attention(const ModelSpec& spec, std::span<const double> q,
                              std::span<const AttentionRow> rows) {
  const std::size_t size = spec.head_size;
  const std::size_t shared = spec.heads / spec.kv_heads;
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  const std::size_t first = spec.window > 0 && rows.size() > spec.window ? rows.size() - spec.window : 0;
  std::vector<double> out(q.size());
  std::vector<double> weights(rows.size());
  for (std::size_t h = 0; h < spec.heads; ++h) {
    const std::size_t kv = h / shared * size;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t j = first; j < rows.size(); ++j) {
      double score = 0;
      for (std::size_t i = 0; i < size; ++i) score += q[h * size + i] * rows[j].k[kv + i];
      weights[j] = score * scale;
      largest = std::max(largest, weights[j]);
    }
    double total = 0;
    for (std::size_t j = first; j < rows.size(); ++j) total += weights[j] = std::exp(weights[j] - largest);
    for (std::size_t j = first; j < rows.size(); ++j)
      for (std::size_t i = 0; i < size; ++i) out[h * size + i] += weights[j] / total * rows[j].v[kv + i];
  }
  return out;
}

double attention_error(const ModelSpec& spec, std::span<const double> expected,
                       std::span<const double> given) {
  double worst = 0;
  for (std::size_t h = 0; h < spec.heads; ++h) {
    double error = 0;
    double norm = 0;
    for (std::size_t i = h * spec.head_size; i < (h + 1) * spec.head_size; ++i) {
      error += (given[i] - expected[i]) * (given[i] - expected[i]);
      norm += expected[i] * expected[i];
    }
    // A head of zeros has no error that could be put beside it.
    const double ratio = norm > 0    ? std::sqrt(error / norm)
                         : error > 0 ? std::numeric_limits<double>::infinity()
                                     : 0;
    worst = std::max(worst, ratio);
  }
  return worst;
}

}  // namespace assay::audit::internal
