// What a verifier asks to see, drawn once a head lies before it, and what the provider answers.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/audit_log.h"
#include "assay/audit_recorder.h"
#include "assay/base.h"
#include "assay/merkle.h"
#include "assay/world.h"

namespace assay::audit {

/// Steps to open with all wires of the token that each produced, the residual rows that enter block 0 at
/// every position before, and blocks of these steps whose attention is looked at: for these the residual rows
/// and those of k and v of every position up to the step's.
struct Challenge {
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
  static constexpr std::uint32_t kMaxDrawn = std::uint32_t{1} << 18;

  struct Attention {
    std::uint64_t step = 0;  ///< one of the steps
    std::uint32_t block = 0;
    // The compiler writes a comparison with 0 here. NOLINTNEXTLINE(modernize-use-nullptr)
    friend auto operator<=>(const Attention&, const Attention&) = default;
  };

  Digest head{};                     ///< Head::digest
  std::vector<std::uint64_t> steps;  ///< ascending
  std::vector<Attention> attention;  ///< ascending

  /// How much is drawn: `tokens` steps without replacement, all where there are fewer, and so many of the
  /// blocks for each, of those that are to be recorded.
  struct Budget {
    std::uint64_t tokens = 1;
    std::uint32_t attention_blocks = 0;
    BlockChoice blocks = {};
  };

  /// Draws from the world's randomness. Errors: kIo; kOutOfRange (no token); kMismatch (other blocks of the
  /// head have attention than are to be recorded).
  [[nodiscard]] static Result<Challenge> draw(const Head& head, const Budget& budget, const World& world);

  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kNonCanonical (order), kOutOfRange (no step; attention of a step that is not asked
  /// for), kTooLarge, kUnsupported.
  [[nodiscard]] static Result<Challenge> decode(ByteSpan bytes, std::string_view place);
  [[nodiscard]] static Result<Challenge> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  [[nodiscard]] Digest digest() const;  ///< SHA-256 of encode()
  friend bool operator==(const Challenge&, const Challenge&) = default;
};

/// Tokens to open so that a provider who cheated in a share `share` of its tokens is missed with probability
/// at most `risk`: the least n with (1 - share)^n <= risk. Errors: kOutOfRange (either not between 0 and 1).
[[nodiscard]] Result<std::uint64_t> tokens_for(double risk, double share);

/// (1 - share)^tokens.
[[nodiscard]] double miss_bound(double share, std::uint64_t tokens);

/// Rows of one wire that a challenge asks for.
struct Asked {
  std::uint32_t wire = 0;  ///< in the head's table
  bool all = false;        ///< every position of the step, else the last alone
  friend bool operator==(const Asked&, const Asked&) = default;
};

/// What a challenge asks of a step, by wire; nothing where it is not about that step.
[[nodiscard]] std::vector<Asked> asked_of(const Challenge& challenge, const Head& head, std::uint64_t step);

/// The provider's answer: of each step that is asked about its leaf, the rows, and what leads from these to
/// the head.
struct Openings {
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;

  struct Row {
    RowHeader header;
    ByteSpan bytes;
    friend bool operator==(const Row& a, const Row& b) {
      return a.header == b.header && std::ranges::equal(a.bytes, b.bytes);
    }
  };
  struct OpenedStep {
    Step step;
    Digest tree{};          ///< root of the tree of rows, without its size
    std::vector<Row> rows;  ///< ascending by wire and position
    merkle::MultiProof path;
    friend bool operator==(const OpenedStep&, const OpenedStep&) = default;
  };

  Digest challenge{};
  std::vector<OpenedStep> steps;      ///< ascending
  Digest tree{};                      ///< root of the tree of steps, without its size
  merkle::MultiProof path;            ///< of the steps
  std::shared_ptr<const void> owner;  ///< of the rows' bytes

  [[nodiscard]] Bytes encode() const;
  /// Borrows the rows from `bytes`, which `owner` keeps alive. Errors: kMalformed, kNonCanonical (order),
  /// kOutOfRange, kTooLarge, kUnsupported.
  [[nodiscard]] static Result<Openings> decode(ByteSpan bytes, std::string_view place,
                                               std::shared_ptr<const void> owner = nullptr);
  /// Maps the file.
  [[nodiscard]] static Result<Openings> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& file) const;
  friend bool operator==(const Openings& a, const Openings& b) {
    return a.challenge == b.challenge && a.steps == b.steps && a.tree == b.tree && a.path == b.path;
  }
};

/// What the provider answers to a challenge, from what its recorder left. Errors: kMismatch (a challenge of
/// another head), kOutOfRange (a step or a block that the run does not have), those of RunFolder::row.
[[nodiscard]] Result<Bytes> open_run(const RunFolder& folder, const Challenge& challenge);

}  // namespace assay::audit
