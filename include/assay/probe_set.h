// A set of probes of one layer: the original's JSON, with what we add to it.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/probe.h"

namespace assay::probe {

/// A probe as the original keeps it: reading = weights^T Phi h + bias.
struct OriginalProbe {
  std::string dimension;
  std::vector<float> weights;
  float bias = 0;
  float platt_scale = 1;
  float platt_shift = 0;
  float reliability_threshold = 0.7F;
};

/// How well a probe separates the labels of the test part.
struct Quality {
  std::array<std::uint32_t, 3> examples{};  ///< training, calibration, test
  std::array<std::uint32_t, 3> groups{};
  double auroc = 0;
  double auroc_low = 0;  ///< of the interval of 95 %
  double auroc_high = 0;
  double ece = 0;
  double brier = 0;
  friend bool operator==(const Quality&, const Quality&) = default;
};

/// A probe as we read with it: reading = covector . h + bias, exactly.
struct Probe {
  std::vector<double> covector;  ///< Phi vector
  std::vector<double> vector;    ///< what is added to a row to steer
  double bias = 0;
  double platt_scale = 1;
  double platt_shift = 0;
  double lambda = 0;
  double reading_sd = 0;  ///< of the readings of the training part
  Quality quality;

  /// SHA-256 of covector and bias.
  [[nodiscard]] Digest digest() const;
  /// P(label 1), and the certainty max(p, 1 - p).
  [[nodiscard]] double probability(double reading) const;
  [[nodiscard]] double confidence(double reading) const;
};

/// Which form on the unembedding the probes were trained under.
struct GeometryOptions {
  bool centred = true;
  std::optional<Digest> gain;  ///< SHA-256 of the f32 gain that was folded in
  double jitter = 0;
  double trace = 0;      ///< of Phi without jitter
  double frobenius = 0;  ///< its norm
  friend bool operator==(const GeometryOptions&, const GeometryOptions&) = default;
};

/// What we add: all that a statement binds.
struct SetDetails {
  std::string model_id;
  Precision precision = Precision::kFp32;
  std::uint32_t width = 0;
  Digest unembedding{};
  GeometryOptions geometry;
  Digest activations{};  ///< that it was trained on
  std::optional<Digest> rows;
  Digest labels{};
  std::uint64_t split_seed = 0;
  std::vector<Probe> probes;  ///< one for each of the original's
};

struct ProbeSet {
  std::vector<OriginalProbe> probes;
  std::string version = "v0.1.0";
  std::string corpus_version = "unversioned";
  std::uint32_t layer = 0;
  std::optional<Digest> geometry_hash;
  std::optional<float> max_drift;
  std::optional<float> max_directional_drift;
  std::optional<SetDetails> details;  ///< none in the original's files

  [[nodiscard]] std::uint32_t width() const;
  /// Errors: kMismatch (widths, counts), kOutOfRange, kTooLarge, kMalformed.
  [[nodiscard]] Status validate() const;
  [[nodiscard]] std::string encode() const;
  /// Any layout of the JSON, as the original's reader takes it; the fields are those of the page and no
  /// others. Errors: kMalformed, kOutOfRange, kTooLarge, kMismatch, kUnsupported.
  [[nodiscard]] static Result<ProbeSet> decode(std::string_view text, std::string_view place);
  [[nodiscard]] static Result<ProbeSet> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

}  // namespace assay::probe
