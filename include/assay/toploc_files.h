// What a provider hands over as a file: proofs of a sequence, and signatures, which have the tokens too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/toploc.h"

namespace assay::toploc {

/// The proofs of one sequence with what they were made under. The one who verifies knows what to ask for:
/// these fields are the prover's word.
struct ProofFile {
  static constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
  static constexpr std::size_t kMaxProofs = 1 << 20;

  Parameters parameters;
  std::uint64_t rows = 0;
  std::uint64_t hidden = 0;
  std::vector<Bytes> proofs;  ///< each 2 + 2 topk bytes; what they hold is not looked at

  /// Of states [rows, hidden]. Errors: those of chunk_lengths and of toploc::build.
  static Result<ProofFile> build(std::uint64_t rows, std::uint64_t hidden,
                                 std::span<const std::uint16_t> values, const Parameters& parameters);

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

/// One answer: its tokens, the proofs of the states that they were produced from, and what the provider says
/// of how it ran the model. Without proofs it is the tokens alone, to go with a file of proofs.
struct Signature {
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 25;
  static constexpr std::size_t kMaxTokens = 1 << 20;  ///< of prompt and answer each
  static constexpr std::size_t kMaxProofs = 1 << 20;
  static constexpr std::size_t kMaxText = 4096;  ///< bytes of each text but the prompt's
  static constexpr std::uint32_t kMaxToken = (std::uint32_t{1} << 31) - 1;

  std::string model;
  std::string dtype;
  std::string attention;
  std::string prompt;  ///< its text, for readers; the ids count
  std::vector<std::uint32_t> prompt_token_ids;
  std::vector<std::uint32_t> output_token_ids;
  Parameters parameters;
  std::vector<Bytes> proofs;  ///< neither their number nor what they hold is looked at

  /// The one JSON text of these fields, on one line, under "format": "assay/toploc/signature/v2". Errors:
  /// kOutOfRange (numbers, text that is not UTF-8), kTooLarge.
  [[nodiscard]] Result<std::string> encode() const;
  /// Errors: kMalformed (a field that is missing, unknown, there twice or of another type), kNonCanonical
  /// (not the text that encode() gives), kUnsupported (format), kOutOfRange, kTooLarge.
  static Result<Signature> decode(std::string_view text, std::string_view place);
  static Result<Signature> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  friend bool operator==(const Signature&, const Signature&) = default;
};

}  // namespace assay::toploc
