// The verdict on what a provider opened.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "assay/audit_challenge.h"
#include "assay/audit_key.h"
#include "assay/audit_log.h"
#include "assay/audit_profile.h"
#include "assay/base.h"
#include "assay/verdict.h"
#include "assay/weights.h"

namespace assay::audit {

namespace internal {
struct Facts;
}  // namespace internal

/// What the opened products are held against: all weights, or a key.
class Reference {
 public:
  /// The weights of a folder, whose manifest has the root `manifest`; the model computes in `dtype`. Errors:
  /// those of OpTable::of; kMalformed, kOutOfRange (config.json); kMismatch (norms, embedding).
  [[nodiscard]] static Result<Reference> of(const weights::Folder& folder, RowDtype dtype,
                                            const Digest& manifest);
  [[nodiscard]] static Reference of(const Key& key);
  /// A key's file, whose epoch check() ends: see Key. Errors: those of Key::read.
  [[nodiscard]] static Result<Reference> of_key_file(const std::filesystem::path& path);

  [[nodiscard]] const Digest& manifest() const;
  [[nodiscard]] bool is_secret() const { return key_ != nullptr; }
  /// Why attention between these products is not checked; "" where it is.
  [[nodiscard]] std::string attention_left_out() const;
  /// That the model computes in.
  [[nodiscard]] RowDtype dtype() const;
  /// Its linear layers.
  [[nodiscard]] const std::vector<Op>& ops() const;

  [[nodiscard]] const internal::Facts& facts() const { return *facts_; }
  [[nodiscard]] const weights::Folder* folder() const { return folder_.get(); }
  [[nodiscard]] const internal::KeyContents* key() const { return key_.get(); }
  /// Of the key; empty where it is of no file.
  [[nodiscard]] const std::filesystem::path& key_path() const { return key_path_; }

 private:
  Reference() = default;
  std::shared_ptr<const internal::Facts> facts_;
  std::shared_ptr<const weights::Folder> folder_;
  std::shared_ptr<const internal::KeyContents> key_;
  std::filesystem::path key_path_;
};

/// What honest runs stay within, by the element type of their rows.
struct Tolerance {
  /// With this probability an honest run is rejected by its products, with a key.
  double false_alarm = 1e-6;
  /// What rounding does more than the formula says, as a factor of the variance: for dtype, device and
  /// kernel.
  double variance_factor = 1;
  /// Share of the outputs of a layer that a recomputation in double rounds otherwise.
  double differing_share = 0.01;
  /// Of a head's output, the error in its norm, at most.
  double attention_error = 0.0055;
  /// Rows that may be missing, of all of a run.
  double dropped_share = 0.001;

  /// For rows of bf16, f16, f32 or f64.
  [[nodiscard]] static Tolerance of(RowDtype dtype);
  /// With the bounds of a profile. Errors: kMismatch (it was measured with rows of another type than the
  /// model's); those of Profile::check_for.
  [[nodiscard]] static Result<Tolerance> of(const Profile& profile, const Reference& reference);
};

/// What the verifier holds against.
struct Expectation {
  std::array<std::uint8_t, 32> provider{};  ///< its public key (Ed25519)
  Request request;
  Challenge challenge;
  Tolerance tolerance;
  /// That the provider was to record. Of any other choice the head is rejected.
  BlockChoice blocks = {};
  double cheat_share = 0.1;             ///< of tokens, of the cheat that the miss bound is about
  std::optional<Profile> profile = {};  ///< that the tolerance is of; the verdict names it
  /// Set by Record::check alone: a file shows nothing of who wrote it.
  bool drawn_here = false;

  /// Takes the tolerance of the profile for this model, or without one that of rows of its type. Errors: as
  /// Tolerance::of.
  [[nodiscard]] Status set_tolerance(const Reference& reference);
};

/// Whether the run that `head` is of computed what the model computes, as far as the challenge looks.
/// `openings` is null where the provider did not answer. A verdict that tells of the key ends the epoch of
/// the key's file before anybody hears of it. Errors: kMismatch (the head of another model, a challenge of
/// another head, openings of another challenge, or not asked for), kOutOfRange (a row with NaN or Inf; a step
/// beyond the run; a block that the model does not have, or that is not recorded; a share or a factor that is
/// none), kIo (an epoch that could not be ended). Steps: "head", "missing", "inclusion", "drops", "token",
/// "product", "logits", "chain", "attention".
[[nodiscard]] Result<Verdict> check(const SignedHead& head, const Openings* openings,
                                    const Expectation& expected, const Reference& reference);

/// Whether a verdict tells whoever hears of it something about the vectors of a key: a rejection at "product"
/// or "logits". The epoch of the key then ends.
[[nodiscard]] bool tells_of_key(const Verdict& verdict);

}  // namespace assay::audit
