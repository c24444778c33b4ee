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
#include <filesystem>
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

// ---- Selection

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

// ---- Polynomials

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

// ---- Proofs

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

// ---- Comparison

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
  double mantissa_mean = kNoMatch;    ///< of the mantissas' differences where exponents are equal, 0 to 127
  double mantissa_median = kNoMatch;  ///< of an even number, the mean of the two in the middle
  double mantissa_median_upper = kNoMatch;  ///< of an even number, the upper of the two
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

/// A sequence's comparisons in six numbers. Means weigh each chunk by its points; a chunk without equal
/// exponents counts as kNoMatchError in the two mantissa figures.
struct Statistics {
  static constexpr double kNoMatchError = 128;

  std::uint64_t chunks = 0;
  std::uint64_t points = 0;
  double exponent_mismatches = 0;  ///< per 128 points
  double sign_mismatches = 0;      ///< per 128 points
  double mantissa_mean = 0;        ///< mean over the chunks
  double mantissa_median = 0;      ///< mean over the chunks
  double dispersion = 1;           ///< different values of the proofs over the verifier's own, chunk by chunk
  double worst_chunk_exponent_mismatches = 0;  ///< per 128 points
  double worst_chunk_dispersion = 1;           ///< the least of a chunk
};
[[nodiscard]] Statistics statistics_of(std::span<const Comparison> comparisons);

// ---- Decision

/// What honest recomputation may differ by, for one model, dtype and kernel. A sequence is rejected where a
/// statistic is above its bound, or its dispersion below, and where too many of its chunks deviate.
struct Profile {
  std::string name;
  std::string model;
  std::string dtype;                       ///< that the honest runs were measured in
  std::string kernel;                      ///< attention kernels of the honest runs
  std::uint32_t topk = 0;                  ///< what it was measured with; 0: it serves any
  std::uint32_t decode_batching_size = 0;  ///< what it was measured with; 0: it serves any
  double exponent_mismatches = 0;
  double mantissa_mean = 0;
  double mantissa_median = 0;
  double sign_mismatches = 0;
  double dispersion = 0;
  double chunk_exponent_mismatches =
      0;                       ///< of a single chunk, per 128 points: above it, the chunk is another one's
  double deviating_share = 0;  ///< of the chunks, 0 to 1, that may deviate; one always may
  std::uint64_t minimum_points = 0;  ///< with fewer, a sequence is inconclusive
  /// With 95 % confidence, honest sequences are rejected with at most this probability; none: not measured.
  std::optional<double> false_alarm_bound;
  std::uint64_t honest_sequences = 0;          ///< that false_alarm_bound was measured from
  std::uint64_t honest_chunks = 0;             ///< of these sequences
  std::optional<double> fingerprint_distance;  ///< relative L2; none: not measured

  static constexpr std::size_t kMaxBytes = 1 << 16;

  /// The bounds of the paper, 38/10/8, with bounds on signs and dispersion that a proof made without data
  /// does not meet.
  static Profile published();

  /// Errors: kOutOfRange, naming the field: numbers that are no bound, text that is too long or not UTF-8.
  [[nodiscard]] Status validate() const;

  /// JSON with every field, under "format": "assay/toploc/profile/v1". Errors of reading: kMalformed (not
  /// JSON, a field that is missing, unknown or of another type), kUnsupported (format), kOutOfRange,
  /// kTooLarge, kIo.
  [[nodiscard]] std::string to_json() const;
  static Result<Profile> from_json(std::string_view text, std::string_view place);
  static Result<Profile> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  friend bool operator==(const Profile&, const Profile&) = default;
};

/// What the sequence was judged under, as far as the verifier says it: what is 0 or empty is not held against
/// the profile.
struct Conditions {
  std::uint32_t decode_batching_size = 0;  ///< rows of a chunk
  std::string model;
  std::string dtype;      ///< that the verifier ran the model in
  std::string attention;  ///< the kernel that it ran with
};

/// In which of model, dtype and attention the conditions are not those of the profile's measurement, as a
/// sentence; empty where in none. The profile's bounds are then used, without its false-alarm rate.
[[nodiscard]] std::string unmeasured(const Profile& profile, const Conditions& conditions);

/// The least modulus that an honest proof of k values has, but with probability under 2^-40 (indices taken as
/// random).
[[nodiscard]] std::uint32_t least_honest_modulus(std::uint32_t k);

/// The largest k for which that is at least kPrime / 2. With more values, honest moduli are of nearly any
/// size, and a prover may choose one that maps the index to little more than the dimension.
[[nodiscard]] std::uint32_t largest_judged_topk();

/// How many chunks would not pass as sequences of their own: a chunk deviates whose exponent mismatches per
/// 128 points, or whose mantissas' mean or median difference, are above the profile's bound.
[[nodiscard]] std::uint64_t deviating_chunks(std::span<const Comparison> comparisons, const Profile& profile);

/// The verdict on a sequence. Inconclusive: states that are not finite, a profile for another k or
/// decode_batching_size, more than largest_judged_topk() values, too few points. Rejected at "modulus",
/// "chunk", "exponents", "mantissa mean", "mantissa median", "signs", "dispersion" or "deviating chunks"
/// (over the share of the chunks, rounded down, and over one). A note says where the conditions were not
/// measured.
[[nodiscard]] Verdict decide(std::span<const Comparison> comparisons, const Profile& profile,
                             const Conditions& conditions = {});

struct Verification {
  Verdict verdict;
  std::vector<Comparison> comparisons;  ///< none where the proofs could not be read
};

/// From the bytes of hostile proofs to the verdict: rejected also at "proof count" and "proof form". Errors:
/// those of the verifier's own states, as compare_all.
[[nodiscard]] Result<Verification> verify(std::span<const Bytes> proofs,
                                          std::span<const std::uint16_t> values,
                                          std::span<const std::uint64_t> lengths, std::uint32_t k,
                                          TieRule rule, const Profile& profile, const Conditions& conditions);

// ---- Files of proofs

/// The proofs of one sequence with what they were made under. The one who verifies knows what to ask for:
/// these fields are the prover's word.
struct ProofFile {
  static constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
  static constexpr std::size_t kMaxProofs = 1 << 20;

  std::uint32_t topk = 128;
  Batching batching;
  TieRule ties = TieRule::kLibstdcxx;
  std::uint64_t rows = 0;
  std::uint64_t hidden = 0;
  std::vector<Bytes> proofs;  ///< each 2 + 2 topk bytes; what they hold is not looked at

  /// The one JSON text of these fields, under "format": "assay/toploc/proofs/v1", a line for each proof.
  /// Errors: kOutOfRange, kMismatch (a proof of another length, more or fewer proofs than chunks).
  [[nodiscard]] Result<std::string> encode() const;
  /// Errors: kMalformed, kNonCanonical (not the text that encode() gives), kUnsupported (format),
  /// kOutOfRange, kMismatch, kTooLarge.
  static Result<ProofFile> decode(std::string_view text, std::string_view place);
  static Result<ProofFile> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  friend bool operator==(const ProofFile&, const ProofFile&) = default;
};

// ---- Fingerprints

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

/// Rejected at "seed", "shape" or "distance"; inconclusive where the profile has no bound, or where the own
/// states are all zero. `own` is the verifier's, under a seed of its own.
[[nodiscard]] Verdict verify(const Fingerprint& theirs, const Fingerprint& own, const Profile& profile);

}  // namespace assay::toploc
