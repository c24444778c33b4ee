#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "assay/layers_spectra.h"
#include "assay/matrix.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/try.h"
#include "tensor/float_values.h"

namespace assay::layers {
namespace {

using matrix::Gram;
using matrix::Triangle;

/// Rows that are converted and multiplied at a time.
constexpr std::size_t kPanel = 128;
/// Below this part of the largest, an eigenvalue of the Gram matrix has few digits left.
constexpr double kFewDigits = 1e-10;

/// A weight as matrices with rows and columns, all of them strided parts of it.
struct Slices {
  std::size_t count = 1;
  std::size_t rows = 0;
  std::size_t columns = 0;
  double scale = 1;  // of the eigenvalues

  [[nodiscard]] std::size_t short_side() const { return std::min(rows, columns); }
  [[nodiscard]] std::size_t long_side() const { return std::max(rows, columns); }
};

Result<Slices> slices_of(const tensor::TensorView& weight) {
  const auto error = [&](ErrorCode code, std::string reason) {
    return Error{code, weight.name, std::move(reason)};
  };
  if (!tensor::has_floats(weight.dtype))
    return error(ErrorCode::kUnsupported, fmt::format("is of {}, a weight is of F32, F16, BF16 or F64",
                                                      tensor::safetensors_name(weight.dtype)));
  const tensor::Shape& shape = weight.shape;
  if (shape.size() != 2 && shape.size() != 4)
    return error(ErrorCode::kUnsupported,
                 fmt::format("has {} axes, a weight has 2, and that of a convolution 4", shape.size()));
  const std::uint64_t count = ASSAY_TRY(tensor::element_count(shape, weight.name));
  if (count == 0) return error(ErrorCode::kMismatch, "has no values");
  if (count != weight.size() || weight.bytes.size() != count * tensor::size_of(weight.dtype))
    return error(ErrorCode::kMismatch,
                 fmt::format("has {} bytes, its shape takes {} values", weight.bytes.size(), count));
  Slices slices{1, shape[0], shape[1]};
  if (shape.size() == 4) slices = {shape[2] * shape[3], shape[0], shape[1], 0.5};
  if (slices.short_side() > matrix::kMaxSide ||
      slices.short_side() * slices.count > Spectrum::kMaxEigenvalues)
    return error(
        ErrorCode::kTooLarge,
        fmt::format("{} matrices of {} x {}, at most {} of {} eigenvalues in all are possible", slices.count,
                    slices.rows, slices.columns, Spectrum::kMaxEigenvalues, matrix::kMaxSide));
  return slices;
}

/// Gives the slice's vectors along its long side, each of the length of the short one, to `sink` in panels.
template <class Sink>
Status feed(const tensor::TensorView& weight, const Slices& slices, std::size_t slice, Sink& sink) {
  const std::size_t side = slices.short_side();
  const bool rows_are_long = slices.rows >= slices.columns;
  std::vector<double> panel(std::min(kPanel, slices.long_side()) * side);
  std::vector<double> strip(rows_are_long ? 0 : std::min(kPanel, slices.long_side()));
  for (std::size_t at = 0; at < slices.long_side(); at += kPanel) {
    const std::size_t count = std::min(kPanel, slices.long_side() - at);
    if (rows_are_long) {
      for (std::size_t i = 0; i < count; ++i)
        ASSAY_TRY(tensor::read_floats(weight, (at + i) * side * slices.count + slice, slices.count,
                                      std::span(panel).subspan(i * side, side)));
    } else {
      const std::span<double> part = std::span(strip).first(count);
      for (std::size_t j = 0; j < side; ++j) {
        ASSAY_TRY(tensor::read_floats(weight, (j * slices.columns + at) * slices.count + slice, slices.count,
                                      part));
        for (std::size_t i = 0; i < count; ++i) panel[i * side + j] = part[i];
      }
    }
    ASSAY_TRY(sink.add(std::span<const double>(panel).first(count * side)));
  }
  return {};
}

/// Sets to 0 what is at most `part` of the largest: rounding left it there.
void drop_noise(std::vector<double>& ascending, double part) {
  const double bound = ascending.back() * part;
  if (!std::isfinite(bound)) return;  // spectrum_of refuses it
  for (double& value : ascending) {
    if (value > bound) break;
    value = 0;
  }
}

double epsilon_of(const Slices& slices) {
  return static_cast<double>(slices.long_side()) * std::numeric_limits<double>::epsilon();
}

Result<std::vector<double>> by_gram(const tensor::TensorView& weight, const Slices& slices,
                                    std::size_t slice) {
  Gram gram = ASSAY_TRY(Gram::make(slices.short_side()));
  ASSAY_TRY(feed(weight, slices, slice, gram));
  std::vector<double> values = ASSAY_TRY(gram.eigenvalues());
  drop_noise(values, epsilon_of(slices));
  return values;
}

Result<std::vector<double>> by_svd(const tensor::TensorView& weight, const Slices& slices,
                                   std::size_t slice) {
  Triangle triangle = ASSAY_TRY(Triangle::make(slices.short_side()));
  ASSAY_TRY(feed(weight, slices, slice, triangle));
  std::vector<double> values = ASSAY_TRY(triangle.singular_values());
  // The rank that linear algebra packages give: singular values over max(m, n) eps s_max.
  drop_noise(values, epsilon_of(slices));
  for (double& value : values) value *= value;
  return values;
}

/// All slices in one, by one method.
template <class By>
Result<std::vector<double>> pooled(const tensor::TensorView& weight, const Slices& slices, const By& by) {
  std::vector<double> all;
  for (std::size_t slice = 0; slice < slices.count; ++slice) {
    std::vector<double> values = ASSAY_TRY(by(weight, slices, slice));
    for (const double value : values) all.push_back(value * slices.scale);
  }
  std::ranges::sort(all);
  return all;
}

/// An error that names a room below, at the weight.
Error at_weight(const tensor::TensorView& weight, const Error& error) {
  if (error.place != "matrix") return error;
  return {error.code, weight.name, error.reason};
}

Result<Spectrum> compute(const tensor::TensorView& weight, EigenMethod method) {
  const Slices slices = ASSAY_TRY(slices_of(weight));
  Spectrum spectrum;
  spectrum.rows = slices.rows;
  spectrum.columns = slices.columns;
  spectrum.method = method == EigenMethod::kSvd ? EigenMethod::kSvd : EigenMethod::kGram;
  spectrum.eigenvalues = ASSAY_TRY(pooled(weight, slices, method == EigenMethod::kSvd ? by_svd : by_gram));
  const double largest = spectrum.eigenvalues.back();
  if (largest == 0) return Error{ErrorCode::kOutOfRange, weight.name, "all of its values are 0, or nearly"};
  if (method == EigenMethod::kAuto && spectrum.eigenvalues.front() < kFewDigits * largest) {
    spectrum.method = EigenMethod::kSvd;
    spectrum.eigenvalues = ASSAY_TRY(pooled(weight, slices, by_svd));
  }
  if (!std::isfinite(spectrum.eigenvalues.back()))
    return Error{ErrorCode::kOutOfRange, weight.name, "the squares of its values are beyond the doubles"};
  spectrum.zeros = static_cast<std::size_t>(std::ranges::upper_bound(spectrum.eigenvalues, 0.0) -
                                            spectrum.eigenvalues.begin());
  if (spectrum.zeros == spectrum.eigenvalues.size())
    return Error{ErrorCode::kOutOfRange, weight.name, "all of its values are 0, or nearly"};
  return spectrum;
}

constexpr std::array<std::pair<EigenMethod, std::string_view>, 3> kMethods{
    {{EigenMethod::kAuto, "auto"}, {EigenMethod::kGram, "gram"}, {EigenMethod::kSvd, "svd"}}};

}  // namespace

std::string_view to_string(EigenMethod method) {
  return std::ranges::find(kMethods, method, &std::pair<EigenMethod, std::string_view>::first)->second;
}

std::optional<EigenMethod> eigen_method_from(std::string_view name) {
  const auto* const found =
      std::ranges::find(kMethods, name, &std::pair<EigenMethod, std::string_view>::second);
  if (found == kMethods.end()) return std::nullopt;
  return found->first;
}

Result<Spectrum> spectrum_of(const tensor::TensorView& weight, EigenMethod method) {
  Result<Spectrum> spectrum = compute(weight, method);
  if (!spectrum.ok()) return at_weight(weight, spectrum.error());
  return spectrum;
}

Digest weight_digest(const tensor::TensorView& weight) {
  const std::string_view dtype = tensor::safetensors_name(weight.dtype);
  Sha256 hash;
  hash.update("assay/weight/v1").update_u32(static_cast<std::uint32_t>(dtype.size())).update(dtype);
  hash.update_u32(static_cast<std::uint32_t>(weight.shape.size()));
  for (const std::uint64_t side : weight.shape) hash.update_u64(side);
  return hash.update(weight.bytes).digest();
}

Result<Spectrum> shuffled_spectrum_of(const tensor::TensorView& weight, std::uint64_t seed,
                                      EigenMethod method) {
  static_cast<void>(ASSAY_TRY(slices_of(weight)));
  const std::size_t size = tensor::size_of(weight.dtype);
  Bytes bytes(weight.bytes.begin(), weight.bytes.end());
  ChaCha20Stream stream(
      Sha256().update("assay/shuffle/v1").update_u64(seed).update(weight_digest(weight)).digest());
  for (std::size_t left = bytes.size() / size; left > 1; --left) {
    const std::size_t other = stream.below(left);
    std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>((left - 1) * size),
                     bytes.begin() + static_cast<std::ptrdiff_t>(left * size),
                     bytes.begin() + static_cast<std::ptrdiff_t>(other * size));
  }
  tensor::TensorView shuffled = weight;
  shuffled.bytes = bytes;
  shuffled.owner = nullptr;
  return spectrum_of(shuffled, method);
}

}  // namespace assay::layers
