// The log of a run: rows that are hashed as they flow, steps that are trees of rows, and a signed head over
// the tree of steps. docs/audit.md has every byte.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/audit.h"
#include "assay/base.h"

namespace assay::audit {

inline constexpr std::uint32_t kMaxWires = 65536;
inline constexpr std::uint32_t kMaxRowBytes = std::uint32_t{16} << 20;
inline constexpr std::uint64_t kMaxSteps = std::uint64_t{1} << 24;
inline constexpr std::uint64_t kMaxPositions = std::uint64_t{1} << 24;
inline constexpr std::uint64_t kMaxStepRows = std::uint64_t{1} << 26;

/// Element types of rows, by the numbers of the format. kDropped is a row that found no room.
enum class RowDtype : std::uint8_t { kDropped = 0, kBF16 = 1, kF16 = 2, kF32 = 3, kF64 = 4 };

/// Bytes of an element; 0 of kDropped.
[[nodiscard]] std::size_t size_of(RowDtype dtype);
/// "bfloat16", "float16", "float32", "float64", "dropped".
[[nodiscard]] std::string_view to_string(RowDtype dtype);
[[nodiscard]] std::optional<RowDtype> row_dtype_of(std::string_view name);

/// What a row's bytes are preceded by in its leaf, 32 bytes.
struct RowHeader {
  static constexpr std::size_t kBytes = 32;

  Wire wire;
  RowDtype dtype = RowDtype::kDropped;
  std::uint64_t position = 0;   ///< of the token in the sequence, from 0
  std::uint32_t row_bytes = 0;  ///< that follow; 0 of a dropped row

  void write(std::span<std::uint8_t, kBytes> out) const;
  /// Errors: kMalformed, kNonCanonical, kOutOfRange, kTooLarge.
  [[nodiscard]] static Result<RowHeader> read(std::span<const std::uint8_t, kBytes> bytes,
                                              std::string_view place);
  friend bool operator==(const RowHeader&, const RowHeader&) = default;
};

/// A wire of a run, and what its rows are.
struct WireEntry {
  Wire wire;
  RowDtype dtype = RowDtype::kBF16;
  std::uint32_t row_bytes = 0;

  friend bool operator==(const WireEntry&, const WireEntry&) = default;
};

/// SHA-256 over the wires of a run, which ascend: each step says it.
[[nodiscard]] Digest wires_digest(std::span<const WireEntry> wires);

/// The place of a wire in a table that ascends; none where it is not there.
[[nodiscard]] std::optional<std::uint32_t> find_wire(std::span<const WireEntry> wires, const Wire& wire);

/// What one pass of the model computed, and the token that came of it. Of each wire it has the rows of the
/// last so many positions, one at least; a leaf for each, by wire and then by position.
struct Step {
  std::uint64_t index = 0;  ///< in the run, from 0
  Digest request{};         ///< of the request: see Request
  Digest nonce{};           ///< the verifier's
  Digest wires{};           ///< wires_digest of the run's wires
  std::uint64_t last_position = 0;
  std::uint32_t token = 0;          ///< that the step produced
  std::uint64_t drops = 0;          ///< rows of it that are not there
  std::vector<std::uint32_t> rows;  ///< of each wire
  Digest root{};                    ///< merkle::sized_root of the binary tree of rows

  [[nodiscard]] std::uint64_t row_count() const;
  /// The leaf of a row; none where the wire has no row of that position.
  [[nodiscard]] std::optional<std::uint64_t> leaf_of(std::uint32_t wire, std::uint64_t position) const;

  /// The value of the step's leaf in the log of the run.
  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kNonCanonical (runs of equal counts), kOutOfRange, kTooLarge.
  [[nodiscard]] static Result<Step> decode(ByteSpan bytes, std::string_view place);
  friend bool operator==(const Step&, const Step&) = default;
};

/// What the provider signs at the end of a run, before anybody says what will be looked at.
struct Head {
  static constexpr std::size_t kMaxEngine = 4096;
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;  ///< of its envelope
  static constexpr std::string_view kPayloadType = "application/vnd.assay.audit-head";

  Digest run{};                  ///< drawn at random by the provider
  Digest request{};              ///< of the request: see Request
  Digest nonce{};                ///< the verifier's
  Digest manifest{};             ///< root of the weights' manifest
  std::string engine;            ///< how the model was run, for readers: one line of UTF-8
  std::vector<WireEntry> wires;  ///< ascending
  std::uint64_t steps = 0;
  std::uint64_t rows = 0;   ///< of all steps
  std::uint64_t drops = 0;  ///< of all steps
  Digest root{};            ///< merkle::sized_root of the binary tree (RFC 9162) of the steps

  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kNonCanonical (order of wires), kOutOfRange, kTooLarge, kUnsupported.
  [[nodiscard]] static Result<Head> decode(ByteSpan bytes, std::string_view place);
  /// SHA-256 of encode(): what a challenge names.
  [[nodiscard]] Digest digest() const;
  friend bool operator==(const Head&, const Head&) = default;
};

/// A head as it comes, in an envelope that somebody signed.
class SignedHead {
 public:
  /// Errors: kMalformed, kNonCanonical, kTooLarge, kUnsupported (envelope or head); kMismatch (a statement of
  /// another type).
  [[nodiscard]] static Result<SignedHead> decode(std::string_view envelope, std::string_view place);
  /// Errors: also kIo.
  [[nodiscard]] static Result<SignedHead> read(const std::filesystem::path& path);

  [[nodiscard]] const Head& head() const { return head_; }
  /// The envelope as it came.
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  /// Whether this Ed25519 key signed it.
  [[nodiscard]] bool is_signed_by(const std::array<std::uint8_t, 32>& provider) const;

 private:
  Head head_;
  Bytes payload_;
  Digest key_id_{};
  std::array<std::uint8_t, 64> signature_{};
};

/// What was asked of the provider, and what it answered: the verifier's own record.
struct Request {
  static constexpr std::size_t kMaxTokens = 60000;  ///< of prompt and answer each
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 22;
  static constexpr std::size_t kMaxText = 4096;

  Digest nonce{};
  std::vector<std::uint32_t> prompt_token_ids;
  std::vector<std::uint32_t> output_token_ids;
  /// "greedy", or how tokens were sampled, in one line of UTF-8.
  std::string sampling = "greedy";

  [[nodiscard]] bool is_greedy() const { return sampling == "greedy"; }
  /// SHA-256 over the prompt's ids and the sampling.
  [[nodiscard]] Digest digest() const;

  /// The one JSON text of these fields, under "format": "assay/audit/request/v1".
  [[nodiscard]] std::string encode() const;
  /// Errors: kMalformed, kNonCanonical, kOutOfRange, kTooLarge, kUnsupported.
  [[nodiscard]] static Result<Request> decode(std::string_view text, std::string_view place);
  [[nodiscard]] static Result<Request> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  friend bool operator==(const Request&, const Request&) = default;
};

/// SHA-256 over what was asked: the ids of the prompt, and how tokens are sampled.
[[nodiscard]] Digest request_digest(std::span<const std::uint32_t> prompt_token_ids,
                                    std::string_view sampling);

}  // namespace assay::audit
