// Locality-sensitive activation proofs: TOPLOC (arXiv 2501.16007), byte for byte as its library 0.1.6 makes
// them, and fingerprints by random projection (arXiv 2511.20621).
//
// A proof holds the largest values of the final hidden states of some tokens, as a polynomial. Whoever runs
// the model over the same tokens finds nearly the same values and compares. The comparison is statistical: it
// tells apart what a Profile was measured to tell apart, and binds neither the tokens nor the sampler.
//
// Hidden states are bf16 throughout, given as their bit patterns: a chunk is the states of some tokens, row
// after row.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"

namespace assay::toploc {

/// Polynomials are over the integers modulo this prime.
inline constexpr std::uint32_t kPrime = 65497;
inline constexpr std::uint32_t kMaxTopK = 4096;
inline constexpr std::uint64_t kMaxChunk = (std::uint64_t{1} << 31) - 1;  ///< values

// Selection.

/// Which of several values of the same magnitude are taken when not all of them have room.
enum class TieRule : std::uint8_t {
  kLibstdcxx,   ///< those that torch.topk leaves on a CPU: GNU's partial_sort and nth_element on pairs
  kLowerIndex,  ///< those that come first
};

/// "libstdc++", "lower-index".
[[nodiscard]] std::string_view to_string(TieRule rule);
[[nodiscard]] std::optional<TieRule> tie_rule(std::string_view name);

/// The indices of the k largest magnitudes, ascending; NaN counts as larger than all else. Errors:
/// kOutOfRange (k outside 1 to kMaxTopK, fewer than k values), kTooLarge (over kMaxChunk values).
[[nodiscard]] Result<std::vector<std::uint32_t>> select(std::span<const std::uint16_t> values,
                                                        std::uint32_t k, TieRule rule);

// Polynomials.

/// The largest m <= kPrime for which the indices are distinct modulo m. Errors: kOutOfRange (none, or over
/// kPrime, indices; one that stands twice; no such m).
[[nodiscard]] Result<std::uint32_t> injective_modulus(std::span<const std::uint32_t> indices);

/// The coefficients, ascending, of the polynomial of degree < k through k points. `y` is reduced first.
/// Errors: kMismatch (lengths), kOutOfRange (no points, x >= kPrime, an x that stands twice).
[[nodiscard]] Result<std::vector<std::uint32_t>> interpolate(std::span<const std::uint32_t> x,
                                                             std::span<const std::uint32_t> y);

/// The values at `x`, coefficients ascending, all reduced first. Errors: kOutOfRange (no coefficients).
[[nodiscard]] Result<std::vector<std::uint32_t>> evaluate(std::span<const std::uint32_t> coefficients,
                                                          std::span<const std::uint32_t> x);

// Proofs.

/// The polynomial that takes at (index mod modulus) the bit pattern of the value there.
struct Proof {
  std::uint32_t modulus = 0;
  std::vector<std::uint16_t> coefficients;  ///< ascending, one for each of the k values

  /// BE16 modulus, then the coefficients as BE16.
  [[nodiscard]] Bytes encode() const;

  /// The proof of k values. Errors: kMalformed (length), kOutOfRange (k outside 1 to kMaxTopK, modulus
  /// outside k to kPrime), kNonCanonical (a coefficient of kPrime or more).
  static Result<Proof> decode(ByteSpan bytes, std::uint32_t k, std::string_view place);

  friend bool operator==(const Proof&, const Proof&) = default;
};

/// The proof of k values at their indices in the chunk. Errors: as injective_modulus; kMismatch (lengths),
/// kOutOfRange (k).
[[nodiscard]] Result<Proof> prove(std::span<const std::uint32_t> indices,
                                  std::span<const std::uint16_t> values);

/// One proof for each of the consecutive chunks that `lengths` cut `values` into, on several threads. Errors:
/// as select and prove, naming the chunk; kMismatch (lengths that do not add up).
[[nodiscard]] Result<std::vector<Proof>> build(std::span<const std::uint16_t> values,
                                               std::span<const std::uint64_t> lengths, std::uint32_t k,
                                               TieRule rule);

/// How the rows of a sequence are cut into chunks.
struct Batching {
  std::uint32_t decode_batching_size = 32;  ///< rows of a chunk
  std::uint64_t prefill_rows = 0;      ///< rows of the first chunk, when the prompt has one; 0: it has none
  std::uint32_t merge_tail_below = 0;  ///< a short last chunk of fewer rows becomes part of the one before
  friend bool operator==(const Batching&, const Batching&) = default;
};

/// Values in each chunk of `rows` rows of `hidden` values. Errors: kOutOfRange (no rows, no width, batches of
/// none, more prefill rows than rows), kTooLarge.
[[nodiscard]] Result<std::vector<std::uint64_t>> chunk_lengths(std::uint64_t rows, std::uint64_t hidden,
                                                               const Batching& batching);

/// What proofs are made under: how much of a sequence each covers, and how much of that goes into it.
struct Parameters {
  std::uint32_t topk = 128;  ///< values of a proof
  Batching batching;
  TieRule ties = TieRule::kLibstdcxx;

  /// Errors: kOutOfRange, its place the field's name in a file.
  [[nodiscard]] Status validate() const;

  friend bool operator==(const Parameters&, const Parameters&) = default;
};

/// Bytes of a proof of k values.
[[nodiscard]] constexpr std::size_t proof_size(std::uint32_t k) { return 2 + 2 * std::size_t{k}; }

/// Some of the rows that one pass over prompt and answer gives, of which row i is the state after token i.
struct RowRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  friend bool operator==(const RowRange&, const RowRange&) = default;
};

/// The rows that the proofs of an answer are of: those from which its tokens were produced, the last of the
/// prompt first; with a prefill the ones before too. The last token of the answer was fed to nothing.
[[nodiscard]] RowRange rows_of_answer(std::uint64_t prompt_tokens, std::uint64_t answer_tokens,
                                      const Batching& batching);

}  // namespace assay::toploc
