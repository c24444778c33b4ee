// Fingerprints of hidden states by random projection (arXiv 2511.20621): unlike proofs they keep signs and
// all magnitudes, and compare row by row by one distance.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
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

  /// Errors: kOutOfRange (sizes; a value that is infinite or NaN, or values too large for the numbers, with
  /// their row), kMismatch (rows that are not whole).
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

/// The seed of an answer's fingerprint where no verifier draws one: by Fiat and Shamir from what the provider
/// is bound to by then, the answer with its proofs, and the digests of whatever else it committed to. Nobody
/// knows it before the answer is whole, and everybody who has the answer can compute it. A provider can try
/// again, with another proof or another token each time; each try costs it a fingerprint of the whole answer.
[[nodiscard]] Digest answer_seed(std::span<const std::uint32_t> prompt_token_ids,
                                 std::span<const std::uint32_t> output_token_ids,
                                 std::span<const Bytes> proofs, std::span<const Digest> committed);

/// |theirs - own| / |own| of the row in which it is largest: 0 for two rows of zeros, infinite where only the
/// own one is zero, 0 of no rows. One distance over all would let a long row hide short ones. Errors:
/// kMismatch (seed, width, dimensions, rows), kOutOfRange (as Fingerprint::validate).
[[nodiscard]] Result<double> distance(const Fingerprint& theirs, const Fingerprint& own);

/// The verifier's own states, rows of `hidden` values, which must stay.
struct OwnStates {
  std::variant<std::span<const std::uint16_t>, std::span<const float>> values;  ///< the first: bf16 patterns
  std::uint32_t hidden = 0;
};

/// `seed` and `dimensions` are the verifier's. Steps, in order: "seed", "shape", "states" (inconclusive:
/// there are no own ones; a row is infinite or NaN, has one value throughout, zero or another, or a
/// fingerprint that overflows or vanishes; or all rows are alike), "profile" (inconclusive: it has no bound),
/// "distance" (of any row). Errors: as Fingerprint::project (sizes, rows that are not whole), of the
/// verifier's own.
[[nodiscard]] Result<Verdict> verify(const Fingerprint& theirs, const OwnStates& own, const Digest& seed,
                                     std::uint32_t dimensions, const Profile& profile);

}  // namespace assay::toploc
