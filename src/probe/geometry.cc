// The form on the residual stream that the unembedding gives.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "assay/matrix.h"
#include "assay/probe_geometry.h"
#include "assay/tensor.h"
#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "probe/gram_sum.h"
#include "tensor/load.h"

namespace assay::probe {
namespace {

constexpr std::size_t kPanel = 256;
constexpr double kRelativeJitter = 1e-6;
constexpr double kTolerance = 1e-9;

/// Rows of U, with the gain folded in, as doubles.
class Panels {
 public:
  Panels(const Unembedding& unembedding, std::span<const float> gain)
      : unembedding_(unembedding), gain_(gain) {}

  [[nodiscard]] std::size_t rows_from(std::size_t first) const {
    return std::min<std::size_t>(kPanel, unembedding_.tokens - first);
  }
  void fill(std::size_t first, std::span<double> out) const {
    const std::size_t width = unembedding_.width;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto value = tensor::load_at<float>(unembedding_.values, (first * width + i) * sizeof(float));
      out[i] = gain_.empty() ? double{value} : double{value} * double{gain_[i % width]};
    }
  }

 private:
  const Unembedding& unembedding_;
  std::span<const float> gain_;
};

/// The mean row: the sum of a panel, added to those before.
std::vector<double> mean_of(const Panels& panels, std::size_t tokens, std::size_t width) {
  std::vector<double> mean(width);
  std::vector<double> panel(kPanel * width);
  for (std::size_t first = 0; first < tokens; first += kPanel) {
    const std::span<double> rows = std::span(panel).first(panels.rows_from(first) * width);
    panels.fill(first, rows);
    std::vector<double> sum(width);
    for (std::size_t i = 0; i < rows.size(); ++i) sum[i % width] += rows[i];
    for (std::size_t j = 0; j < width; ++j) mean[j] += sum[j];
  }
  for (double& value : mean) value /= static_cast<double>(tokens);
  return mean;
}

Status check_pair(std::span<const double> phi, std::span<const double> reference) {
  if (phi.size() != reference.size())
    return Error{
        ErrorCode::kMismatch, "geometry",
        fmt::format("{} values against {}: they are of different widths", phi.size(), reference.size())};
  return {};
}

Error vanishing() {
  return {ErrorCode::kOutOfRange, "geometry", "the reference is 0 there, and a drift is relative to it"};
}

/// x^T phi x.
double form(std::span<const double> phi, std::span<const double> x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    sum += x[i] * internal::dot(phi.subspan(i * x.size(), x.size()), x);
  return sum;
}

bool near(double found, double stated) { return std::fabs(found - stated) <= kTolerance * std::fabs(stated); }

}  // namespace

Result<Geometry> geometry_of(const Unembedding& unembedding, bool centred, std::span<const float> gain) {
  const std::size_t width = unembedding.width;
  if (!gain.empty() && gain.size() != width)
    return Error{ErrorCode::kMismatch, "gain",
                 fmt::format("{} values for a width of {}", gain.size(), width)};
  if (!std::ranges::all_of(gain, [](float value) { return std::isfinite(value); }))
    return Error{ErrorCode::kOutOfRange, "gain", "holds an infinity or NaN"};
  const Panels panels(unembedding, gain);
  std::vector<double> mean(width);
  if (centred) mean = mean_of(panels, unembedding.tokens, width);
  internal::GramSum sum = ASSAY_TRY(internal::GramSum::make(width));
  std::vector<double> panel(kPanel * width);
  Progress progress("geometry", unembedding.tokens);
  for (std::size_t first = 0; first < unembedding.tokens; first += kPanel) {
    const std::span<double> rows = std::span(panel).first(panels.rows_from(first) * width);
    panels.fill(first, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] -= mean[i % width];
    ASSAY_TRY(sum.add(rows));
    progress.advance(rows.size() / width);
  }
  Geometry out{unembedding.width, sum.take()};
  for (double& value : out.phi) value /= static_cast<double>(unembedding.tokens);
  double squares = 0;
  for (const double value : out.phi) squares += value * value;
  for (std::size_t i = 0; i < width; ++i) out.trace += out.phi[i * width + i];
  out.frobenius = std::sqrt(squares);
  if (!std::isfinite(out.frobenius))
    return Error{ErrorCode::kOutOfRange, "geometry", "its numbers are beyond the doubles"};
  return out;
}

Digest gain_digest(std::span<const float> gain) {
  return sha256({reinterpret_cast<const std::uint8_t*>(gain.data()), gain.size_bytes()});
}

Result<std::vector<float>> read_gain(const std::filesystem::path& path) {
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(path));
  if (file.tensors.size() != 1)
    return Error{ErrorCode::kMismatch, path.string(),
                 fmt::format("holds {} tensors, a gain is one", file.tensors.size())};
  const tensor::TensorView& view = file.tensors[0];
  if (view.dtype != tensor::Dtype::kF32)
    return Error{ErrorCode::kUnsupported, path.string(),
                 fmt::format("is of {}, a gain is taken as float32", tensor::short_name(view.dtype))};
  std::vector<float> gain;
  for (std::size_t i = 0; i < view.size(); ++i)
    gain.push_back(tensor::load_at<float>(view.bytes, i * sizeof(float)));
  if (!std::ranges::all_of(gain, [](float value) { return std::isfinite(value); }))
    return Error{ErrorCode::kOutOfRange, path.string(), "holds an infinity or NaN"};
  return gain;
}

std::vector<double> Factor::apply(std::span<const double> x) const {
  ASSAY_CHECK_EQ(x.size(), width);
  std::vector<double> out(width);
  for (std::size_t i = 0; i < width; ++i)
    out[i] = internal::dot(std::span(lower).subspan(i * width, i + 1), x.first(i + 1));
  return out;
}

std::vector<double> Factor::solve_transposed(std::span<const double> x) const {
  ASSAY_CHECK_EQ(x.size(), width);
  std::vector<double> out(x.begin(), x.end());
  for (std::size_t i = width; i-- > 0;) {
    const double* row = lower.data() + i * width;
    out[i] /= row[i];
    for (std::size_t j = 0; j < i; ++j) out[j] -= row[j] * out[i];
  }
  return out;
}

Result<Factor> factor_of(const Geometry& geometry) {
  const std::size_t width = geometry.width;
  const double jitter = kRelativeJitter * geometry.trace / static_cast<double>(width);
  if (!(jitter > 0)) return Error{ErrorCode::kOutOfRange, "geometry", "Phi is 0: all rows of U are alike"};
  if (Result<std::vector<double>> plain = matrix::cholesky(geometry.phi, width); plain.ok()) {
    double least = HUGE_VAL;
    for (std::size_t i = 0; i < width; ++i) least = std::min(least, (*plain)[i * width + i]);
    if (least * least >= jitter) return Factor{geometry.width, 0, *std::move(plain)};
  }
  std::vector<double> raised = geometry.phi;
  for (std::size_t i = 0; i < width; ++i) raised[i * width + i] += jitter;
  return Factor{geometry.width, jitter, ASSAY_TRY(matrix::cholesky(raised, width))};
}

Result<double> drift(std::span<const double> phi, std::span<const double> reference) {
  ASSAY_TRY(check_pair(phi, reference));
  double apart = 0;
  double length = 0;
  for (std::size_t i = 0; i < phi.size(); ++i) {
    apart += (phi[i] - reference[i]) * (phi[i] - reference[i]);
    length += reference[i] * reference[i];
  }
  if (length == 0) return vanishing();
  return std::sqrt(apart / length);
}

Result<double> directional_drift(std::span<const double> phi, std::span<const double> reference,
                                 std::span<const double> vector) {
  ASSAY_TRY(check_pair(phi, reference));
  if (vector.size() * vector.size() != phi.size())
    return Error{ErrorCode::kMismatch, "geometry",
                 fmt::format("a vector of {} values for a matrix of {}", vector.size(), phi.size())};
  const double length = form(reference, vector);
  if (length == 0) return vanishing();
  return std::fabs((form(phi, vector) - length) / length);
}

std::optional<std::string> geometry_mismatch(const Geometry& geometry, const SetDetails& details) {
  const GeometryOptions& stated = details.geometry;
  if (geometry.width != details.width)
    return fmt::format("U is {} wide, the probes are {}", geometry.width, details.width);
  if (!near(geometry.trace, stated.trace) || !near(geometry.frobenius, stated.frobenius))
    return fmt::format("Phi has trace {} and norm {}, the set says {} and {}", geometry.trace,
                       geometry.frobenius, stated.trace, stated.frobenius);
  for (std::size_t k = 0; k < details.probes.size(); ++k) {
    const Probe& probe = details.probes[k];
    double apart = 0;
    for (std::size_t i = 0; i < details.width; ++i) {
      const double image =
          internal::dot(std::span(geometry.phi).subspan(i * details.width, details.width), probe.vector) +
          stated.jitter * probe.vector[i];
      apart += (image - probe.covector[i]) * (image - probe.covector[i]);
    }
    const double length = std::sqrt(internal::dot(probe.covector, probe.covector));
    if (!(std::sqrt(apart) <= kTolerance * length))
      return fmt::format("of probe {} the covector is not Phi times the vector: relative distance {:.3g}", k,
                         std::sqrt(apart) / length);
  }
  return std::nullopt;
}

}  // namespace assay::probe
