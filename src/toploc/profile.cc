#include <fmt/format.h>

#include <cmath>

#include "assay/toploc_verdict.h"
#include "base/try.h"
#include "profile/profile_file.h"

namespace assay::toploc {
namespace {

constexpr profile::FileFormat kFormat = {"assay/toploc/profile/v", 1};

/// The fields in the order of the file; `self` is a Profile, const or not.
constexpr auto kEachField = [](auto& self, const auto& visit) {
  visit("name", self.name);
  visit("model", self.conditions.model);
  visit("dtype", self.conditions.dtype);
  visit("kernel", self.conditions.kernel);
  visit("topk", self.topk);
  visit("decode_batching_size", self.decode_batching_size);
  visit("exponent_mismatches", self.exponent_mismatches);
  visit("mantissa_mean", self.mantissa_mean);
  visit("mantissa_median", self.mantissa_median);
  visit("sign_mismatches", self.sign_mismatches);
  visit("dispersion", self.dispersion);
  visit("chunk_exponent_mismatches", self.chunk_exponent_mismatches);
  visit("deviating_share", self.deviating_share);
  visit("minimum_points", self.minimum_points);
  visit("false_alarm_bound", self.false_alarm_bound);
  visit("honest_sequences", self.honest_runs);
  visit("honest_chunks", self.honest_chunks);
  visit("fingerprint_distance", self.fingerprint_distance);
};

Status bound_out_of_range(const char* field, std::string reason) {
  return Error{ErrorCode::kOutOfRange, field, std::move(reason)};
}

// The largest bounds that a chunk of 128 values without any relation to the verifier's meets with a chance
// below one in a million. Its exponents agree with a chance of 1 in 256, its signs of 1 in 2; mantissas that
// are drawn evenly from 128 differ by |a - b|, on average by 42.7, in the median by 37.5.
constexpr double kMostExponents = 121;
constexpr double kMostSigns = 36;
constexpr double kMostMantissaMean = 30.5;
constexpr double kMostMantissaMedian = 20;
/// Of chunks that deviate each by itself. A provider that computes something else for half of its chunks is
/// no honest one.
constexpr double kMostShare = 0.5;
/// A fingerprint of zeros lies at 1, and one of half of every value at 0.5.
constexpr double kMostDistance = 0.5;
/// Of 128 points that all have one value. A single chunk is held against half of the bound.
constexpr double kDispersionOfOneValue = 2.0 / 128;

}  // namespace

Profile Profile::published() {
  Profile profile;
  profile.name = "published";
  profile.conditions.dtype = "bfloat16";
  profile.exponent_mismatches = 38;
  profile.mantissa_mean = 10;
  profile.mantissa_median = 8;
  // A value that is not among the prover's largest decodes to a random pattern: its exponent is wrong and its
  // sign in half of the cases. So honest sequences at the bound of 38 have 19.
  profile.sign_mismatches = 24;
  profile.dispersion = 0.5;
  // Against another chunk 127.5 of 128 are wrong; the worst honest chunk that was reported has 83.
  profile.chunk_exponent_mismatches = 112;
  // No honest chunk of the paper is above its bounds (28, 6.3 and 4 at most). A run of 16,000 answers
  // elsewhere has single ones that are, and in 99 of 100 answers none above 7, 2.5 and 2: far from one in
  // eight.
  profile.deviating_share = 0.125;
  profile.minimum_points = 128;
  return profile;
}

Status Profile::validate() const {
  ASSAY_TRY(Measurement::validate());
  for (const auto& [field, number, most] :
       {std::tuple("exponent_mismatches", exponent_mismatches, kMostExponents),
        {"mantissa_mean", mantissa_mean, kMostMantissaMean},
        {"mantissa_median", mantissa_median, kMostMantissaMedian},
        {"sign_mismatches", sign_mismatches, kMostSigns},
        {"chunk_exponent_mismatches", chunk_exponent_mismatches, kMostExponents},
        {"deviating_share", deviating_share, kMostShare},
        {"fingerprint_distance", fingerprint_distance.value_or(0), kMostDistance}}) {
    if (!(number >= 0 && number <= most))
      return bound_out_of_range(
          field, fmt::format("{} is not in 0 to {}: values of another run would meet it", number, most));
  }
  if (!(dispersion > kDispersionOfOneValue && dispersion <= 128))
    return bound_out_of_range(
        "dispersion", fmt::format("{} is not above {} and at most 128: one value for all would meet it",
                                  dispersion, kDispersionOfOneValue));
  if (minimum_points <= Statistics::kPointsOfRow)
    return bound_out_of_range("minimum_points", fmt::format("{} is not over {}: one token would meet it",
                                                            minimum_points, Statistics::kPointsOfRow));
  if (topk > kMaxTopK) return bound_out_of_range("topk", fmt::format("{} is over {}", topk, kMaxTopK));
  return {};
}

std::string Profile::to_json() const { return profile::to_json(*this, kFormat, kEachField); }

Result<Profile> Profile::from_json(std::string_view text, std::string_view place) {
  return profile::from_json<Profile>(text, place, kFormat, kEachField);
}

Result<Profile> Profile::read(const std::filesystem::path& path) {
  return profile::read_file_of<Profile>(path);
}

Status Profile::write(const std::filesystem::path& path) const { return profile::write_file_of(*this, path); }

}  // namespace assay::toploc
