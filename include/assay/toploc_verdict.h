// Whether a provider's proofs are consistent with the verifier's own states: the bounds, and every question
// in its order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/profile.h"
#include "assay/toploc_comparison.h"
#include "assay/toploc_files.h"

namespace assay::toploc {

using profile::Conditions;

/// What honest recomputation may differ by, for one model, dtype and kernel. A sequence is rejected where a
/// statistic is above its bound, or its dispersion below, and where too many of its chunks deviate. An honest
/// run of its measurement is a sequence.
struct Profile : profile::Measurement {
  std::uint64_t honest_chunks = 0;         ///< of the honest sequences
  std::uint32_t topk = 0;                  ///< what it was measured with; 0: it serves any
  std::uint32_t decode_batching_size = 0;  ///< what it was measured with; 0: it serves any
  double exponent_mismatches = 0;
  double mantissa_mean = 0;
  double mantissa_median = 0;
  double sign_mismatches = 0;
  double dispersion = 0;
  /// Of a single chunk, per 128 points: above it, the chunk is another one's.
  double chunk_exponent_mismatches = 0;
  double deviating_share = 0;  ///< of the chunks, 0 to 1, that may deviate; one always may
  /// With fewer, a sequence is inconclusive; a row counts for at most Statistics::kPointsOfRow of them.
  std::uint64_t minimum_points = 0;
  std::optional<double> fingerprint_distance;  ///< of the worst row, relative L2; none: not measured

  static constexpr std::size_t kMaxBytes = 1 << 16;

  /// The bounds of the paper, 38/10/8, with bounds on signs and dispersion that a proof made without data
  /// does not meet.
  static Profile published();

  /// Errors: kOutOfRange, naming the field: numbers that are no bound, or that exclude too little, such as
  /// values without any relation would meet, or one token; and those of Measurement.
  [[nodiscard]] Status validate() const;

  /// JSON with every field, under "format": "assay/toploc/profile/v1". What is read has as its source the
  /// place and the SHA-256 of the text. Errors of reading: kMalformed (not JSON, a field that is missing,
  /// unknown or of another type), kUnsupported (format), kOutOfRange, kTooLarge, kIo.
  [[nodiscard]] std::string to_json() const;
  static Result<Profile> from_json(std::string_view text, std::string_view place);
  static Result<Profile> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  friend bool operator==(const Profile&, const Profile&) = default;
};

/// The least modulus that an honest proof of k values has, but with probability under 2^-40 (indices taken as
/// random).
[[nodiscard]] std::uint32_t least_honest_modulus(std::uint32_t k);

/// The largest k for which that is at least kPrime / 2. With more values, honest moduli are of nearly any
/// size, and a prover may choose one that maps the index to little more than the dimension.
[[nodiscard]] std::uint32_t largest_judged_topk();

/// How many chunks would not pass as sequences of their own: a chunk deviates whose exponent mismatches per
/// 128 points, or whose mantissas' mean or median difference, are above the profile's bound.
[[nodiscard]] std::uint64_t deviating_chunks(std::span<const Comparison> comparisons, const Profile& profile);

/// The verdict on a sequence, cut in batches of `decode_batching_size` rows (0: of a size that is not said),
/// its states computed under `conditions`. Steps, in order: "states" (inconclusive: of a chunk's largest
/// values some are not finite, or fewer than five are different, as where all are zero), "profile"
/// (inconclusive: it is for another k or decode_batching_size), "modulus" (inconclusive for more than
/// largest_judged_topk() values), "sequence length" (inconclusive: too few counted points), "chunk",
/// "exponents", "mantissa mean", "mantissa median", "signs", "dispersion", "deviating chunks" (over the share
/// of the chunks, rounded down, and over one).
[[nodiscard]] Verdict decide(std::span<const Comparison> comparisons, const Profile& profile,
                             std::uint32_t decode_batching_size = 0, const Conditions& conditions = {});

/// What the verifier asks for. Nobody else chooses how much is checked.
struct Asked {
  Parameters parameters;
  /// Take the rule by which the proofs were made; either is as good. False: demand that of the parameters.
  bool any_ties = true;
};

/// What a provider hands over, and what it says of it.
struct Offer {
  std::span<const Bytes> proofs;
  std::optional<Parameters> parameters = {};  ///< none: nothing is said
  std::uint64_t rows = 0;                     ///< 0: not said
  std::uint64_t hidden = 0;                   ///< 0: not said

  /// Views: file and signature must stay.
  static Offer of(const ProofFile& file);
  static Offer of(const Signature& signature);
};

/// The values of largest magnitude in a chunk.
struct Points {
  std::vector<std::uint32_t> indices;  ///< in the chunk
  std::vector<std::uint16_t> values;
};

/// The verifier's own states.
struct States {
  std::uint64_t rows = 0;
  std::uint64_t hidden = 0;               ///< 0: the rows are not all of one width, or it is not said
  std::span<const std::uint16_t> values;  ///< bf16 patterns, row after row
  /// Instead of the values, where these lie elsewhere, as on a GPU: takes the largest of a chunk there.
  /// Called for one chunk after another.
  std::function<Result<Points>(std::size_t chunk, TieRule rule)> select = {};
  /// Values in each chunk that the batching cuts `rows` into, where these are not all of one width; none: of
  /// `hidden` values in each.
  std::optional<std::vector<std::uint64_t>> lengths = {};

  /// The values of a tensor [rows, hidden] or [1, rows, hidden], which must stay. Errors: kMismatch (another
  /// shape, or number of values).
  static Result<States> of(std::span<const std::uint64_t> shape, std::span<const std::uint16_t> values);
};

struct Verification {
  Verdict verdict;
  std::vector<Comparison> comparisons;  ///< none where the proofs could not be read
};

/// What there is to ask before there are states, of a sequence that will have `rows` rows. Steps, in order:
/// "parameters" (others than asked for), "shape" (other rows), "proof count", "proof form". Errors:
/// kOutOfRange, kTooLarge (what is asked for cannot be).
[[nodiscard]] Result<Verdict> check_offer(const Offer& offer, const Asked& asked, std::uint64_t rows);

/// A prompt that the verifier had answered.
struct Prompt {
  std::string text;
  std::vector<std::uint32_t> token_ids;  ///< by the verifier's own tokenizer
};

/// How long an answer must be.
struct AnswerLength {
  std::uint64_t least = 1;
  std::uint64_t most = Signature::kMaxTokens;
  std::vector<std::uint32_t> ends;  ///< what the model ends a text with; none: it never does
};

/// The least length to ask for where the verifier has none in mind: the tokens of one proof, or the most
/// where that is less. An answer cut to a token could be anything's.
[[nodiscard]] std::uint64_t fewest_tokens(const Batching& batching, std::uint64_t most);

/// Whether each of the prompts calls for an answer of its own. Errors: kOutOfRange (two of the same tokens:
/// one answer would do for both).
[[nodiscard]] Status check_prompts(std::span<const Prompt> prompts);

/// Whether a signature is of an answer to this prompt, and of a whole one. Steps, in order: "prompt" (another
/// text, or other tokens), "answer length" (fewer tokens than the least or more than the most; an end that is
/// not the last token; fewer than the most, and the last is no end: the answer was cut).
[[nodiscard]] Verdict check_answer(const Signature& signature, const Prompt& prompt,
                                   const AnswerLength& length);

/// Every question to a provider's proofs. Steps, in order: those of check_offer (at "shape" the width too),
/// then those of decide. Errors: what is asked for cannot be, and those of the verifier's own states, as
/// compare_all; kMismatch (lengths of another number of chunks than the rows make).
[[nodiscard]] Result<Verification> verify(const Offer& offer, const Asked& asked, const States& states,
                                          const Profile& profile, const Conditions& conditions = {});

}  // namespace assay::toploc
