// The original's attestation, and its arithmetic: for those who need its files. What it signs says little;
// docs/probe.md, Compat.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/probe.h"
#include "assay/probe_set.h"
#include "assay/verdict.h"

namespace assay::probe {

/// The original's record. Floats are f32 and finite.
struct Attestation {
  static constexpr std::size_t kMaxLayers = 1024;
  static constexpr std::size_t kMaxReadings = 65536;
  static constexpr std::size_t kMaxItems = 65536;   ///< of any other list
  static constexpr std::uint64_t kMaxFuture = 300;  ///< seconds

  enum class InnerProduct : std::uint8_t { kCausal, kEuclidean, kRegularised };
  struct CausalScore {
    float plus = 0;
    float minus = 0;
    float consistency = 0;
    bool is_causal = false;
    friend bool operator==(const CausalScore&, const CausalScore&) = default;
  };
  struct Drift {
    std::string probe;
    float drift = 0;
    friend bool operator==(const Drift&, const Drift&) = default;
  };
  struct DensityPoint {
    float log_density = 0;
    float dimension = 0;
    friend bool operator==(const DensityPoint&, const DensityPoint&) = default;
  };
  struct Density {
    std::vector<DensityPoint> points;
    float mean_dimension = 0;
    float std_dimension = 0;
    float mean_log_density = 0;
    std::uint32_t k = 0;
    std::uint32_t degenerate = 0;
    friend bool operator==(const Density&, const Density&) = default;
  };
  struct CurvaturePoint {
    float curvature = 0;
    std::uint32_t triangles = 0;
    friend bool operator==(const CurvaturePoint&, const CurvaturePoint&) = default;
  };
  struct Curvature {
    std::vector<CurvaturePoint> points;
    float mean = 0;
    float std = 0;
    std::optional<float> correlation;
    std::uint32_t k = 0;
    std::uint32_t degenerate = 0;
    friend bool operator==(const Curvature&, const Curvature&) = default;
  };
  struct Pattern {
    std::string pattern;
    std::uint8_t mode = 1;  ///< 1 read-only, 2 advisory, 3 cooperative, 4 supervised
    friend bool operator==(const Pattern&, const Pattern&) = default;
  };
  struct Domain {
    std::string primary;
    std::vector<Pattern> patterns;
    std::vector<std::string> exclusions;
    friend bool operator==(const Domain&, const Domain&) = default;
  };

  std::string model_id;
  std::optional<Digest> model_hash;
  Precision precision = Precision::kFp32;
  InnerProduct inner_product = InnerProduct::kCausal;
  float epsilon = 0;  ///< of kRegularised
  Digest input_hash{};
  std::uint64_t timestamp = 0;
  std::string corpus_version;
  std::string probe_version;
  std::vector<std::vector<float>> layer_readings;
  std::vector<float> confidence;
  std::vector<bool> coverage_flags;
  bool divergence_flag = false;
  std::optional<Digest> parent_hash;
  std::optional<Digest> geometry_hash;
  std::optional<float> geometry_drift;
  std::vector<CausalScore> causal_scores;
  std::optional<float> intervention_delta;
  std::optional<bool> causal_flag;
  std::uint64_t sequence_number = 0;
  std::vector<Drift> directional_drifts;
  std::optional<Digest> probe_commitment;
  std::optional<Density> density;
  std::optional<Curvature> curvature;
  std::optional<Domain> domain;
  std::array<std::uint8_t, 64> signature{};

  /// Errors: kOutOfRange (a float that is not finite, a mode), kTooLarge, with the field.
  [[nodiscard]] Status validate() const;
  /// The bytes that are signed.
  [[nodiscard]] Bytes canonical() const;
  /// Those of the layout of before, which ends behind divergence_flag.
  [[nodiscard]] Bytes legacy_core() const;
  /// SHA-256(canonical()).
  [[nodiscard]] Digest hash() const;

  /// The JSON, as the original lays it out.
  [[nodiscard]] std::string encode() const;
  /// Any layout. Errors: those of validate(); kMalformed, kUnsupported (schema_version).
  [[nodiscard]] static Result<Attestation> decode(std::string_view text, std::string_view place);
  friend bool operator==(const Attestation&, const Attestation&) = default;
};

/// Signs with the key in a file, as sign() of a statement takes it. Errors: those of validate() and of the
/// key; kOutOfRange (a timestamp more than kMaxFuture ahead of `now`).
[[nodiscard]] Result<Attestation> sign(Attestation attestation, const std::filesystem::path& key,
                                       std::uint64_t now);

/// Whether `key` signed it. It is inconclusive where only the old layout is signed. Steps: "signature",
/// "legacy-v1 core only". The notes say what the signature does not bind.
[[nodiscard]] Verdict verify_attestation(const Attestation& attestation,
                                         const std::array<std::uint8_t, 32>& key);

// ---- The original's arithmetic

struct CompatTraining {
  float learning_rate = 1e-3F;
  std::uint32_t epochs = 100;
  float epsilon = 1e-6F;
  float platt_learning_rate = 1e-2F;
  std::uint32_t platt_epochs = 200;
};

/// Phi = U^T U in f32, epsilon added to its diagonal where it has no factor.
struct CompatGeometry {
  std::uint32_t width = 0;
  std::vector<float> phi;
  bool regularised = false;

  /// phi h, summed in order.
  [[nodiscard]] std::vector<float> apply(std::span<const float> h) const;
};
/// Errors: those of geometry_of.
[[nodiscard]] Result<CompatGeometry> compat_geometry(const Unembedding& unembedding, float epsilon);

/// Plain logistic SGD in the order of the file, from zero. Errors: kMismatch (labels, width), kOutOfRange
/// (the weights left the floats: a smaller --lr).
[[nodiscard]] Result<OriginalProbe> compat_train(std::string dimension, std::span<const float> rows,
                                                 const std::vector<bool>& labels,
                                                 const std::vector<bool>* validation_labels,
                                                 const CompatGeometry& geometry,
                                                 const CompatTraining& options);

struct CompatAttestOptions {
  std::string model_id;
  std::string corpus_version;
  std::uint64_t timestamp = 0;
  std::optional<Digest> model_hash;
  const Attestation* parent = nullptr;
  const Checkpoint* reference = nullptr;
};

/// Reads the first stored position of the set's layer, and no other; unsigned. Errors: kMismatch,
/// kOutOfRange.
[[nodiscard]] Result<Attestation> compat_attest(const Activations& activations, const ProbeSet& set,
                                                const CompatGeometry& geometry,
                                                const CompatAttestOptions& options);

/// The root over the files of a folder as the original makes it. Errors: kIo, kMismatch (no files).
[[nodiscard]] Result<Digest> compat_shards_root(const std::filesystem::path& folder);

/// What a file made in this way does not say, for people.
[[nodiscard]] std::string_view compat_warning();

}  // namespace assay::probe
