// Proofs held against the verifier's own states, chunk by chunk, and what a sequence of that comes to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "assay/toploc.h"

namespace assay::toploc {

/// What a proof says at the verifier's k largest values, beside these values. For a bf16 pattern b the
/// exponent is (b >> 7) & 255, the mantissa b & 127.
struct Comparison {
  /// Mean and medians where no exponent is equal, as the published library gives them.
  static constexpr double kNoMatch = 18446744073709551616.0;

  std::uint32_t points = 0;               ///< k
  std::uint32_t modulus = 0;              ///< of the proof
  std::uint32_t exponent_mismatches = 0;  ///< points whose exponents differ
  std::uint32_t sign_mismatches = 0;      ///< points whose signs differ
  std::uint32_t distinct_values = 0;      ///< different values that the proof gives
  std::uint32_t distinct_own = 0;         ///< different values that the verifier has
  std::uint32_t nonfinite_own = 0;        ///< values of the verifier that are infinite or NaN
  std::uint64_t rows = 1;  ///< of the chunk; what compares values does not know them, and leaves it at one
  double mantissa_mean = kNoMatch;    ///< of the mantissas' differences where exponents are equal, 0 to 127
  double mantissa_median = kNoMatch;  ///< of an even number, the mean of the two in the middle
  double mantissa_median_upper = kNoMatch;  ///< of an even number, the upper of the two

  /// As one JSON object, all but nonfinite_own, rows and the upper median; null for kNoMatch.
  [[nodiscard]] std::string to_json() const;
};

/// `indices` and `values` are the verifier's own selection. Errors: kMismatch (lengths; a proof of another
/// k), kOutOfRange.
[[nodiscard]] Result<Comparison> compare(const Proof& proof, std::span<const std::uint32_t> indices,
                                         std::span<const std::uint16_t> values);

/// Chunk by chunk, on several threads. Errors: as select, naming the chunk; kMismatch (as many proofs as
/// chunks; k).
[[nodiscard]] Result<std::vector<Comparison>> compare_all(std::span<const Proof> proofs,
                                                          std::span<const std::uint16_t> values,
                                                          std::span<const std::uint64_t> lengths,
                                                          std::uint32_t k, TieRule rule);

/// A sequence's comparisons in a few numbers. Means weigh each chunk by its points; a chunk without equal
/// exponents counts as kNoMatchError in the two mantissa figures.
struct Statistics {
  static constexpr double kNoMatchError = 128;
  /// As many as the paper's proofs have of a row: 128 of 32 rows. What else is taken of one row says no more
  /// of how long a sequence is.
  static constexpr std::uint64_t kPointsOfRow = 4;

  std::uint64_t chunks = 0;
  std::uint64_t points = 0;
  std::uint64_t counted_points = 0;  ///< of each chunk at most kPointsOfRow for a row
  double exponent_mismatches = 0;    ///< per 128 points
  double sign_mismatches = 0;        ///< per 128 points
  double mantissa_mean = 0;          ///< mean over the chunks
  double mantissa_median = 0;        ///< mean over the chunks
  double dispersion = 1;  ///< different values of the proofs over the verifier's own, chunk by chunk
  double worst_chunk_exponent_mismatches = 0;  ///< per 128 points
  double worst_chunk_dispersion = 1;           ///< the least of a chunk
};
[[nodiscard]] Statistics statistics_of(std::span<const Comparison> comparisons);

}  // namespace assay::toploc
