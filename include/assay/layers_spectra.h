// Spectra of weight matrices, and the numbers that are read off them: how heavy the tail of the eigenvalues
// is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/tensor.h"

namespace assay::layers {

// ---- Spectra

/// How the eigenvalues of W^T W are computed.
enum class EigenMethod : std::uint8_t {
  kAuto,  ///< kGram, and kSvd where that leaves a least eigenvalue below 1e-10 of the largest
  kGram,  ///< those of the Gram matrix on the short side; they are off by about 1e-16 of the largest
  kSvd,   ///< squares of the singular values, which are off by about 1e-16 of the largest singular value
};

/// "auto", "gram", "svd".
[[nodiscard]] std::string_view to_string(EigenMethod method);
[[nodiscard]] std::optional<EigenMethod> eigen_method_from(std::string_view name);

/// The eigenvalues of W^T W, squares of the singular values of W, without any scaling or centring.
struct Spectrum {
  /// Of one weight: min(m, n) of a matrix, as many for each slice of a convolution.
  static constexpr std::size_t kMaxEigenvalues = std::size_t{1} << 20;

  std::vector<double> eigenvalues;  ///< ascending, at least one above 0
  /// How many of them are 0: so small that the arithmetic cannot tell them from it.
  std::size_t zeros = 0;
  std::uint64_t rows = 0;  ///< of the matrix, or of each slice
  std::uint64_t columns = 0;
  EigenMethod method = EigenMethod::kGram;  ///< that computed them: kGram or kSvd

  /// The eigenvalues above 0, that power laws are fitted to.
  [[nodiscard]] std::span<const double> nonzero() const { return std::span(eigenvalues).subspan(zeros); }
  friend bool operator==(const Spectrum&, const Spectrum&) = default;
};

/// The spectrum of a weight of f32, f16, bf16 or f64 with the shape [m, n], of which the transposed one has
/// the same; or of a convolution, [out, in, height, width]: the eigenvalues of its height * width slices
/// [out, in], each times sqrt(0.5), in one (Zhou et al., "Temperature Balancing", 2023, and AlphaPruning,
/// 2024). Works on the calling thread, with 16 s^2 bytes for the short side s, and 40 s^2 where singular
/// values are taken. Errors, with the weight's name: kOutOfRange (NaN or Inf, with the index; a weight of
/// zeros alone; products beyond the doubles), kUnsupported (another dtype or number of axes), kTooLarge,
/// kMismatch (no values).
[[nodiscard]] Result<Spectrum> spectrum_of(const tensor::TensorView& weight,
                                           EigenMethod method = EigenMethod::kAuto);

/// The spectrum of the weight with its values in another order, each order as probable as any other: drawn by
/// Fisher and Yates' shuffle from ChaCha20 under SHA-256("assay/shuffle/v1" || LE64(seed) || digest of the
/// weight). Errors: as spectrum_of.
[[nodiscard]] Result<Spectrum> shuffled_spectrum_of(const tensor::TensorView& weight, std::uint64_t seed,
                                                    EigenMethod method = EigenMethod::kAuto);

/// SHA-256("assay/weight/v1" || LE32 length and safetensors name of the dtype || LE32 number of axes || LE64
/// each || values): what a kept spectrum is found by.
[[nodiscard]] Digest weight_digest(const tensor::TensorView& weight);

// ---- Power laws

/// A power law p(x) ~ x^-alpha for x >= xmin, fitted to the eigenvalues from `start` on (Clauset, Shalizi and
/// Newman, SIAM Review 51, 2009, section 3).
struct PowerLaw {
  double alpha = 0;     ///< the maximum likelihood estimate
  double distance = 0;  ///< of Kolmogorov and Smirnov, between the law and the eigenvalues
  double xmin = 0;
  std::size_t start = 0;  ///< index of xmin among the nonzero eigenvalues
  std::string note;       ///< what was out of the ordinary; empty where nothing was
};

/// Where the window of alpha_peak starts.
enum class PeakLower : std::uint8_t {
  kCompat,  ///< at log10(0.95 peak), as published numbers have it, which compares a logarithm with a value
  kExact,   ///< at 0.95 peak
};

/// "compat", "exact".
[[nodiscard]] std::string_view to_string(PeakLower lower);
[[nodiscard]] std::optional<PeakLower> peak_lower_from(std::string_view name);

// Each takes ascending eigenvalues above 0. Errors: kOutOfRange, at "eigenvalues" (fewer than 2, not
// ascending or not above 0; a tail of equal values, that no power law fits).

/// The start with the least distance of all but the last; of equal ones the first.
[[nodiscard]] Result<PowerLaw> fit_alpha(std::span<const double> eigenvalues);
/// From the middle one on, floor(N/2): the Hill estimator, one index beside the textbook's.
[[nodiscard]] Result<PowerLaw> fit_alpha_mid(std::span<const double> eigenvalues);
/// As fit_alpha, over starts in a window around the peak of a histogram of the logarithms with 100 bins. With
/// no start in it kCompat gives alpha 0, as the original, and kExact takes the next start above, with a note.
[[nodiscard]] Result<PowerLaw> fit_alpha_peak(std::span<const double> eigenvalues, PeakLower lower);

// ---- Metrics

enum class Metric : std::uint8_t {
  kAlpha,
  kAlphaMid,
  kAlphaPeak,
  kAlphaHat,
  kEntropy,
  kNorm,
  kLogNorm,
  kSpectralNorm,
  kLogSpectralNorm,
  kStableRank,
  kLogAlphaNorm,
  kMpSoftrank,
  kRandomDistance
};

/// All of them, in the order above.
[[nodiscard]] std::span<const Metric> all_metrics();

/// "alpha", "alpha_mid", "alpha_peak", "alphahat", "entropy", "norm", "log_norm", "spectral_norm",
/// "log_spectral_norm", "stable_rank", "log_alpha_norm", "mp_softrank", "random_distance".
[[nodiscard]] std::string_view to_string(Metric metric);
/// Those names, and "alpha_hill" for alpha_mid, "alpha_weighted" for alphahat.
[[nodiscard]] std::optional<Metric> metric_from(std::string_view name);

/// A number, and what was out of the ordinary about it.
struct MetricValue {
  double value = 0;
  std::string note;
};

/// The metric of a spectrum. `shuffled` is that of the same weight shuffled, and is needed for
/// kRandomDistance alone. Errors: those of the fits; kOutOfRange at "metric" (a number that is not finite);
/// kMismatch (a shuffled spectrum that is missing or has another number of eigenvalues).
[[nodiscard]] Result<MetricValue> evaluate(Metric metric, const Spectrum& spectrum,
                                           PeakLower lower = PeakLower::kCompat,
                                           const Spectrum* shuffled = nullptr);

}  // namespace assay::layers
