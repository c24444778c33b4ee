// The form Phi that the unembedding puts on the residual stream.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "assay/base.h"
#include "assay/probe.h"
#include "assay/probe_set.h"

namespace assay::probe {

/// Phi, side by side, row by row.
struct Geometry {
  std::uint32_t width = 0;
  std::vector<double> phi;
  double trace = 0;
  double frobenius = 0;
};

/// (1/V) (U G - 1 mu)^T (U G - 1 mu); mu is 0 where it is not centred, G is 1 where there is no gain. Park,
/// Choe and Veitch 2023 (arXiv 2311.03658), section 3. One result whatever the threads. Memory: 8 width^2
/// bytes and some panels. Errors: kMismatch (a gain of another width), kOutOfRange, kTooLarge.
[[nodiscard]] Result<Geometry> geometry_of(const Unembedding& unembedding, bool centred,
                                           std::span<const float> gain);

/// SHA-256 of a gain, as f32.
[[nodiscard]] Digest gain_digest(std::span<const float> gain);

/// The gain of a final norm in a file of one tensor, float32, such as an .npy. Errors: those of tensor::open;
/// kMismatch (more tensors), kUnsupported (another type), kOutOfRange (not finite).
[[nodiscard]] Result<std::vector<float>> read_gain(const std::filesystem::path& path);

/// L with L L^T = Phi + jitter I, row by row.
struct Factor {
  std::uint32_t width = 0;
  double jitter = 0;
  std::vector<double> lower;

  /// x -> L x.
  [[nodiscard]] std::vector<double> apply(std::span<const double> x) const;
  /// x -> L^-T x.
  [[nodiscard]] std::vector<double> solve_transposed(std::span<const double> x) const;
};

/// With jitter 1e-6 trace / width where Phi alone has no factor, or one with a smaller pivot. Errors:
/// kOutOfRange (Phi is 0), kTooLarge.
[[nodiscard]] Result<Factor> factor_of(const Geometry& geometry);

/// |phi - reference|_F / |reference|_F. Errors: kMismatch (widths), kOutOfRange (the reference is 0).
[[nodiscard]] Result<double> drift(std::span<const double> phi, std::span<const double> reference);

/// |w^T (phi - reference) w| / |w^T reference w|. Errors: as drift.
[[nodiscard]] Result<double> directional_drift(std::span<const double> phi, std::span<const double> reference,
                                               std::span<const double> vector);

/// What is wrong with the geometry that a set says it was trained under: its numbers, and covector = (Phi +
/// jitter) vector for each probe, within 1e-9; none.
[[nodiscard]] std::optional<std::string> geometry_mismatch(const Geometry& geometry,
                                                           const SetDetails& details);

}  // namespace assay::probe
