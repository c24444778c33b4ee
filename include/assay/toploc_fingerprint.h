// Fingerprints of hidden states by random projection (arXiv 2511.20621): unlike proofs they keep signs and
// all magnitudes, and compare by one distance.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/toploc_verdict.h"

namespace assay::toploc {

/// Each row of hidden states, projected to a few numbers along random signs that a seed gives. To bind a
/// provider, the seed is drawn by the verifier and told after the states were committed to.
struct Fingerprint {
  static constexpr std::uint32_t kMaxDimensions = 1024;
  static constexpr std::uint32_t kMaxHidden = 1 << 16;
  static constexpr std::uint64_t kMaxValues = std::uint64_t{1} << 26;

  Digest seed{};
  std::uint32_t hidden = 0;
  std::uint32_t dimensions = 0;
  std::vector<float> values;  ///< rows of `dimensions` numbers, all finite

  [[nodiscard]] std::uint64_t rows() const { return dimensions == 0 ? 0 : values.size() / dimensions; }

  /// Errors: kOutOfRange (sizes; a value that is infinite or NaN, with its row), kMismatch (rows that are not
  /// whole).
  static Result<Fingerprint> project(std::span<const std::uint16_t> bf16, std::uint32_t hidden,
                                     const Digest& seed, std::uint32_t dimensions);
  static Result<Fingerprint> project(std::span<const float> values, std::uint32_t hidden, const Digest& seed,
                                     std::uint32_t dimensions);

  /// Errors: kOutOfRange, kMismatch, as project.
  [[nodiscard]] Status validate() const;

  /// "assay/toploc/fingerprint/v1", seed, LE32 hidden, LE32 dimensions, LE32 rows, the values as
  /// little-endian binary32.
  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kTooLarge, kOutOfRange.
  static Result<Fingerprint> decode(ByteSpan bytes, std::string_view place);

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// sqrt(sum |theirs - own|^2 / sum |own|^2), 0 for two that are all zero, infinite where only `own` is.
/// Errors: kMismatch (seed, width, dimensions, rows), kOutOfRange (as Fingerprint::validate).
[[nodiscard]] Result<double> distance(const Fingerprint& theirs, const Fingerprint& own);

/// `own` is the verifier's, under a seed of its own. Steps, in order: "seed", "shape", "states"
/// (inconclusive: the own ones are all zero), "profile" (inconclusive: it has no bound), "distance".
[[nodiscard]] Verdict verify(const Fingerprint& theirs, const Fingerprint& own, const Profile& profile);

}  // namespace assay::toploc
