// Runs of any length: a commitment for every so many tokens, and a log of them (RFC 9162) that only grows.
// docs/claim.md gives the bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "assay/merkle.h"
#include "assay/prover.h"
#include "assay/verifier.h"

namespace assay::claim {

/// Commits to a run block by block while its tokens come in. A block is a commitment of layout "model" with
/// room for so many tokens; tokens that never came are padding. One SRS serves all of them.
class BlockStream {
 public:
  /// `header` is that of a whole block: of layout "model", with as many tokens as there is room for, and the
  /// number of the run's first token, a multiple of these. Errors: those of TokenStream::begin; kMismatch
  /// (room for more tokens than there are, or another first token).
  static Result<BlockStream> begin(const pst::Srs& srs, Header header);

  /// The next tokens, any number, as TokenStream::add takes them. Errors: as there; what came before the
  /// bad tokens stays.
  [[nodiscard]] Status add(std::span<const tensor::TensorView> layers);

  /// Closes the block that is open, where one has tokens: a turn that ends early leaves the rest of its block
  /// as padding, and the next token begins another block.
  [[nodiscard]] Status end_turn();

  /// The blocks that are closed and were not taken yet, in order.
  [[nodiscard]] std::vector<Commitment> take() { return std::exchange(closed_, {}); }

 private:
  BlockStream(pst::Srs srs, Header header) : srs_(std::move(srs)), header_(std::move(header)) {}
  [[nodiscard]] Status close();

  pst::Srs srs_;
  Header header_;  // of the next block
  std::optional<TokenStream> open_;
  std::vector<Commitment> closed_;
};

/// The header of a block of a run of arrays (T, H) or (1, T, H), for BlockStream::begin: with room for
/// `tokens` of them, from token `first_token` on. Errors: those of plan_subject and encode::plan_model;
/// kUnsupported (arrays without dtype); kOutOfRange (tokens).
[[nodiscard]] Result<Header> plan_block(const Arrays& arrays, const SubjectOptions& options,
                                        std::uint64_t tokens, std::uint64_t first_token,
                                        std::string_view place);

/// The tokens that a block has, by its header, of arrays that begin with token `first` of the run, without
/// copying. Errors: kMismatch (these tokens are not there, or arrays have none).
[[nodiscard]] Result<Arrays> arrays_of_block(const Arrays& arrays, const Header& header,
                                             std::string_view place, std::uint64_t first = 0);

/// What a file of a whole run, counted from its first token, holds of a block, as read_captured() has it.
/// Errors: those of the readers and of arrays_of_block().
[[nodiscard]] Result<Captured> read_captured_block(const Header& header, const std::filesystem::path& path);

/// What a verifier keeps of a log: how many blocks it has, for how many tokens each has room, and the root of
/// their tree. In blocks of different sizes a token could stand twice.
struct LogHead {
  std::uint64_t count = 0;   ///< 1 to merkle::kMaxTreeLeaves
  std::uint32_t tokens = 0;  ///< 1 to Axes::kMaxSize
  Digest root{};

  [[nodiscard]] Bytes encode() const;
  static Result<LogHead> decode(ByteSpan bytes, std::string_view place);
  static Result<LogHead> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  friend bool operator==(const LogHead&, const LogHead&) = default;
};

/// That a block stands at an index of a log with this head, and that a log with an earlier head is its
/// beginning.
struct LogProof {
  static constexpr std::size_t kMaxHashes = 64;  ///< of each of the two

  std::uint64_t index = 0;
  LogHead head;
  merkle::InclusionProof inclusion;
  std::uint64_t old_count = 0;  ///< blocks of the earlier log; 0 where consistency is not shown
  merkle::ConsistencyProof consistency;

  [[nodiscard]] Bytes encode() const;
  static Result<LogProof> decode(ByteSpan bytes, std::string_view place);
  static Result<LogProof> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  friend bool operator==(const LogProof&, const LogProof&) = default;
};

/// The prover's log: the digests of the blocks' commitments, in order, as leaves of a tree.
class Log {
 public:
  static constexpr std::uint64_t kMaxBytes = 24 + 32 * merkle::kMaxTreeLeaves;

  [[nodiscard]] std::uint64_t size() const { return digests_.size(); }
  /// For how many tokens each block has room; 0 while there is none.
  [[nodiscard]] std::uint32_t tokens() const { return tokens_; }
  [[nodiscard]] const Digest& operator[](std::uint64_t index) const { return digests_[index]; }

  /// Errors: kMismatch (a commitment that is no block of this place, or of another size), kTooLarge.
  [[nodiscard]] Status append(const Commitment& block);

  /// Errors: kOutOfRange (no blocks).
  [[nodiscard]] Result<LogHead> head() const;

  /// `old_count` is that of the head that the verifier kept, 0 where it has none. Errors: kOutOfRange.
  [[nodiscard]] Result<LogProof> prove(std::uint64_t index, std::uint64_t old_count = 0) const;

  [[nodiscard]] Bytes encode() const;
  static Result<Log> decode(ByteSpan bytes, std::string_view place);
  static Result<Log> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

 private:
  std::uint32_t tokens_ = 0;
  std::vector<Digest> digests_;
};

/// Whether `block` is the block at its place of a log that begins with the one of which `kept` is the head.
/// What the block holds is for verify() to say. Steps: "header", "block" (a commitment that is no block, of
/// another size than the head's, or of another place than the proof's), "log head" (shorter than the kept
/// one, of blocks of another size, or the proof is to another kept head), "tree shape", "index", "proof
/// length", "root", "old root", "new root". Figures: "block", "blocks", "first token", "tokens of a block",
/// "commitment digest". Without a kept head a note says that earlier blocks may have been rewritten.
[[nodiscard]] Verdict verify_log(const Commitment& block, const LogProof& proof, const LogHead* kept);

}  // namespace assay::claim
