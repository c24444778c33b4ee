#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "assay/audit_profile.h"
#include "audit/number.h"
#include "base/try.h"
#include "profile/profile_file.h"

namespace assay::audit {
namespace {

constexpr profile::FileFormat kFormat = {"assay/audit/profile/v", 1};

/// The fields in the order of the file; `self` is a Profile, const or not.
constexpr auto kEachField = [](auto& self, const auto& visit) {
  visit("name", self.name);
  visit("model", self.conditions.model);
  visit("dtype", self.conditions.dtype);
  visit("device", self.device);
  visit("kernel", self.conditions.kernel);
  visit("variance_factor", self.variance_factor);
  visit("differing_share", self.differing_share);
  visit("attention_error", self.attention_error);
  visit("false_alarm_bound", self.false_alarm_bound);
  visit("honest_runs", self.honest_runs);
};

Status out_of_range(const char* field, std::string reason) {
  return Error{ErrorCode::kOutOfRange, field, std::move(reason)};
}

/// What weights of 8 bits add to an output, per channel, over the output.
constexpr double kErrorOfInt8 = 0.0075;
/// The standard deviation of the rounding of a value, over the value, in units of 2^-(bits of the fraction):
/// of values that are spread evenly over one power of two, sqrt((1 / 12) / 2).
constexpr double kRoundingOfValue = 0.204;
/// Weights of 12 bits differ in 20 % of the outputs.
constexpr double kDifferingOf12Bits = 0.2;
/// Keys and values in fp8 err by 0.04 of a head's norm.
constexpr double kErrorOfFp8 = 0.04;
/// Of what such a cheat shows on average, a bound may be so much: just below the average, one in two passes.
constexpr double kShareOfCheat = 0.5;

}  // namespace

// A sum of `inputs` products is of the size |a| |w| / sqrt(inputs), and its rounding is a share of |a| |w|.
double largest_variance_factor(RowDtype dtype, std::uint64_t inputs) {
  const internal::FloatFormat format = internal::format_of(dtype);
  const double rounding = kRoundingOfValue * std::exp2(-format.fraction_bits);
  const double honest =
      rounding * rounding + static_cast<double>(inputs) * internal::summing_variance(format);
  return kShareOfCheat * kErrorOfInt8 * kErrorOfInt8 / honest;
}

Status Profile::validate() const {
  ASSAY_TRY(Measurement::validate());
  if (device.size() > kMaxText)
    return out_of_range("device", fmt::format("{} bytes, at most {} are taken", device.size(), kMaxText));
  const std::optional<RowDtype> dtype = row_dtype_of(conditions.dtype);
  if (!dtype) return out_of_range("dtype", "it is neither bfloat16, float16, float32 nor float64");
  for (const auto& [field, number, least, everything, what] :
       {std::tuple("variance_factor", variance_factor, Profile::kLeastVarianceFactor,
                   largest_variance_factor(*dtype, 1), "weights of 8 bits"),
        {"differing_share", differing_share, 0.0, kShareOfCheat * kDifferingOf12Bits, "weights of 12 bits"},
        {"attention_error", attention_error, 0.0, kShareOfCheat * kErrorOfFp8,
         "keys and values of 8 bits"}}) {
    if (!(number >= least && number < everything))
      return out_of_range(field, fmt::format("{} is not in {} to below {:.4g}, from which on {} might pass",
                                             number, least, everything, what));
  }
  return {};
}

Status Profile::check_for(std::span<const Op> ops) const {
  std::uint64_t inputs = 1;
  for (const Op& op : ops) inputs = std::max(inputs, op.in);
  const std::optional<RowDtype> dtype = row_dtype_of(conditions.dtype);
  if (!dtype) return out_of_range("dtype", "it is neither bfloat16, float16, float32 nor float64");
  const double everything = largest_variance_factor(*dtype, inputs);
  if (variance_factor < everything) return {};
  return out_of_range(
      "profile", fmt::format("'{}': variance_factor {:.4g} is not below {:.4g}, from which on weights of 8 "
                             "bits might pass in a layer of {} inputs",
                             title(), variance_factor, everything, inputs));
}

std::string Profile::to_json() const { return profile::to_json(*this, kFormat, kEachField); }

Result<Profile> Profile::from_json(std::string_view text, std::string_view place) {
  Profile read = ASSAY_TRY(profile::from_json<Profile>(text, place, kFormat, kEachField));
  if (read.to_json() != text)
    return Error{ErrorCode::kNonCanonical, std::string(place), "it is not laid out as it is written"};
  return read;
}

Result<Profile> Profile::read(const std::filesystem::path& path) {
  return profile::read_file_of<Profile>(path);
}

Status Profile::write(const std::filesystem::path& path) const { return profile::write_file_of(*this, path); }

}  // namespace assay::audit
