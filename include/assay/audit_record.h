// What a verifier remembers: which heads it challenged, and how providers answered.
#pragma once

#include <cstdint>
#include <filesystem>

#include "assay/audit_challenge.h"
#include "assay/audit_log.h"
#include "assay/base.h"
#include "assay/verdict.h"

namespace assay::audit {

/// A folder of the verifier's own. Whoever draws twice for a head lets the provider choose between draws, and
/// whoever draws for two heads of one request between runs.
class Record {
 public:
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;  ///< of the file of outcomes

  /// How the challenges of one provider ended.
  struct Tally {
    std::uint64_t accepted = 0;
    std::uint64_t rejected = 0;
    std::uint64_t inconclusive = 0;
    std::uint64_t missing = 0;  ///< of the rejected: not answered, or not in full
    friend bool operator==(const Tally&, const Tally&) = default;
  };

  /// Makes the folder where it is not there. Errors: kIo.
  [[nodiscard]] static Result<Record> open(const std::filesystem::path& folder);

  /// Keeps a challenge, which then counts as drawn. Errors: kIo; kMismatch where one was drawn for this head,
  /// or for another head with this nonce (one of zeros is nobody's).
  [[nodiscard]] Status keep(const Head& head, const Challenge& challenge) const;

  /// That this challenge was drawn for its head, and no other. Errors: kIo; kMismatch.
  [[nodiscard]] Status require_drawn(const Challenge& challenge) const;

  /// Errors: kIo.
  [[nodiscard]] Status note(const Digest& provider, const Digest& head, const Verdict& verdict) const;
  /// Errors: kIo, kMalformed, kTooLarge.
  [[nodiscard]] Result<Tally> tally(const Digest& provider) const;

 private:
  explicit Record(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace assay::audit
