// What a verifier remembers: which heads it challenged, and how providers answered.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "assay/audit_challenge.h"
#include "assay/audit_check.h"
#include "assay/audit_log.h"
#include "assay/base.h"
#include "assay/verdict.h"

namespace assay::audit {

/// A provider's public key, from a file as `assay keygen` writes it. Errors: kIo, kMalformed, kNonCanonical.
[[nodiscard]] Result<std::array<std::uint8_t, 32>> read_provider(const std::filesystem::path& path);
/// What names a provider in a record: SHA-256 of its key.
[[nodiscard]] Digest provider_id(const std::array<std::uint8_t, 32>& provider);

/// A folder of the verifier's own. Whoever draws twice for a head lets the provider choose between draws, and
/// whoever draws for two heads of one request between runs.
class Record {
 public:
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;  ///< of the file of outcomes

  /// How the challenges of one provider ended: each counts once, by its last outcome.
  struct Tally {
    std::uint64_t accepted = 0;
    std::uint64_t rejected = 0;
    std::uint64_t inconclusive = 0;
    std::uint64_t missing = 0;  ///< of the rejected: not answered, or not in full
    friend bool operator==(const Tally&, const Tally&) = default;
  };

  /// How much is drawn.
  struct Drawing {
    std::uint64_t tokens = 0;  ///< that are opened; 0: as many as `risk` takes
    /// With which a cheat in `share` of the tokens may be missed; 0: `tokens` says how many.
    double risk = 0;
    double share = 0.1;
    std::uint32_t attention_blocks = 2;  ///< for each token, of those whose attention is checked
    BlockChoice blocks = {};             ///< that were to be recorded
  };

  /// The folder is made when something is kept in it.
  [[nodiscard]] static Record open(const std::filesystem::path& folder);

  /// Draws a challenge for a head that this provider signed, and keeps it. With a reference no block is drawn
  /// where attention is not checked; without, in any block. Errors: kMismatch (another's head; one of another
  /// model than the reference; those of keep()), kMalformed (both tokens and risk, or neither), those of
  /// tokens_for and Challenge::draw.
  [[nodiscard]] Result<Challenge> draw(const SignedHead& head, const std::array<std::uint8_t, 32>& provider,
                                       const Drawing& drawing, const Reference* reference,
                                       const World& world) const;

  /// Keeps a challenge, which then counts as drawn. Errors: kIo; kMismatch where one was drawn for this head,
  /// or for another head with this nonce (one of zeros is nobody's).
  [[nodiscard]] Status keep(const Head& head, const Challenge& challenge) const;

  /// That this challenge was drawn for its head, and no other. Errors: kIo; kMismatch.
  [[nodiscard]] Status require_drawn(const Challenge& challenge) const;

  /// audit::check, of a challenge that was drawn here, and notes the outcome. Errors: also those of
  /// require_drawn and note.
  [[nodiscard]] Result<Verdict> check(const SignedHead& head, const Openings* openings,
                                      const Expectation& expected, const Reference& reference) const;

  /// Errors: kIo.
  [[nodiscard]] Status note(const Digest& provider, const Digest& head, const Verdict& verdict) const;
  /// Errors: kIo, kMalformed, kTooLarge.
  [[nodiscard]] Result<Tally> tally(const Digest& provider) const;
  /// All of whom an outcome was noted, in ascending order. Errors: as tally().
  [[nodiscard]] Result<std::vector<Digest>> providers() const;

 private:
  struct Line {
    std::string provider, head, outcome, step;
  };
  [[nodiscard]] Result<std::vector<Line>> lines() const;

  explicit Record(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace assay::audit
