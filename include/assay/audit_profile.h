// How honest runs round: measured, and kept as a profile that verdicts rest on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "assay/audit_log.h"
#include "assay/profile.h"

namespace assay::audit {

/// What the formula of rounding leaves out for one dtype, device and kernel: another order of summation, sums
/// in fewer bits, inputs that are rounded on their way.
struct Profile : profile::Measurement {
  static constexpr std::size_t kMaxBytes = 65536;  ///< of its file
  /// No order of summation rounds so much less than one term after the other.
  static constexpr double kLeastVarianceFactor = 0x1p-24;

  std::string device;          ///< that the honest runs ran on; "" where it is not said
  double variance_factor = 1;  ///< Tolerance::variance_factor; below 1 where sums are split
  double differing_share = 0;  ///< Tolerance::differing_share
  double attention_error = 0;  ///< Tolerance::attention_error

  /// Errors: kOutOfRange: also a dtype that no rows have, and bounds from half of what weights of 8 and
  /// 12 bits, or keys and values of 8, show on average in any model.
  [[nodiscard]] Status validate() const;

  /// Whether the bounds exclude weights of 8 bits in each of these layers. Those with more inputs err by more
  /// in float32 and float64, so a factor means more in them. Errors: kOutOfRange.
  [[nodiscard]] Status check_for(std::span<const Op> ops) const;

  /// The one JSON text of these fields, under "format": "assay/audit/profile/v1".
  [[nodiscard]] std::string to_json() const;
  /// Its source says `place` and SHA-256 of the text. Errors: kMalformed, kNonCanonical (not the text that
  /// to_json() gives), kUnsupported (format), kOutOfRange, kTooLarge.
  [[nodiscard]] static Result<Profile> from_json(std::string_view text, std::string_view place);
  [[nodiscard]] static Result<Profile> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  friend bool operator==(const Profile&, const Profile&) = default;
};

/// The factor of the variance from which on a profile of rows of this type is refused for a layer of so many
/// inputs: half of what weights of 8 bits show, which err by 0.75 % of an output.
[[nodiscard]] double largest_variance_factor(RowDtype dtype, std::uint64_t inputs);

}  // namespace assay::audit
