#include <fmt/format.h>

#include <cmath>
#include <concepts>

#include "assay/audit_profile.h"
#include "audit/number.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::audit {
namespace {

constexpr std::string_view kFormat = "assay/audit/profile/v";
constexpr std::uint32_t kVersion = 1;

/// Calls visit(name, member) for each field, in the order of the file. `self` is a Profile, const or not.
template <class Self, class Visit>
void each_field(Self& self, const Visit& visit) {
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
}

template <class T>
Json json_of(const T& value) {
  return value;
}
Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

// Texts and numbers of any size: validate() has the bounds.
Result<std::string> read_as(const JsonValue& value, const std::string&) {
  return value.text(Profile::kMaxBytes);
}
Result<double> read_as(const JsonValue& value, double) { return value.real(); }
Result<std::optional<double>> read_as(const JsonValue& value, const std::optional<double>&) {
  if (value.is_null()) return std::optional<double>();
  return std::optional(ASSAY_TRY(value.real()));
}
Result<std::uint64_t> read_as(const JsonValue& value, std::uint64_t) {
  return value.integer<std::uint64_t>();
}

Status out_of_range(const char* field, std::string reason) {
  return Error{ErrorCode::kOutOfRange, field, std::move(reason)};
}

/// What weights of 8 bits add to an output, per channel, over the output.
constexpr double kErrorOfInt8 = 0.0075;
/// The standard deviation of the rounding of a value, over the value, in units of 2^-(bits of the fraction):
/// of values that are spread evenly over one power of two, sqrt((1 / 12) / 2).
constexpr double kRoundingOfValue = 0.204;
/// Weights of 12 bits differ in 21 % of the outputs.
constexpr double kDifferingOf12Bits = 0.2;
/// Keys and values in fp8 err by 0.04 of a head's norm.
constexpr double kErrorOfFp8 = 0.04;

}  // namespace

double largest_variance_factor(RowDtype dtype) {
  const double rounding = kRoundingOfValue * std::exp2(-internal::format_of(dtype).fraction_bits);
  return (kErrorOfInt8 / rounding) * (kErrorOfInt8 / rounding);
}

Status Profile::validate() const {
  ASSAY_TRY(Measurement::validate());
  if (device.size() > kMaxText)
    return out_of_range("device", fmt::format("{} bytes, at most {} are taken", device.size(), kMaxText));
  const std::optional<RowDtype> dtype = row_dtype_of(conditions.dtype);
  if (!dtype || *dtype == RowDtype::kDropped)
    return out_of_range("dtype", "it is neither bfloat16, float16, float32 nor float64");
  for (const auto& [field, number, least, everything, what] :
       {std::tuple("variance_factor", variance_factor, 1.0, largest_variance_factor(*dtype),
                   "weights of 8 bits"),
        {"differing_share", differing_share, 0.0, kDifferingOf12Bits, "weights of 12 bits"},
        {"attention_error", attention_error, 0.0, kErrorOfFp8, "keys and values of 8 bits"}}) {
    if (!(number >= least && number < everything))
      return out_of_range(field, fmt::format("{} is not in {} to below {:.4g}, from which on {} would pass",
                                             number, least, everything, what));
  }
  return {};
}

std::string Profile::to_json() const {
  Json json;
  json["format"] = fmt::format("{}{}", kFormat, kVersion);
  each_field(*this, [&json](const char* field, const auto& value) { json[field] = json_of(value); });
  return dump_json(json) + "\n";
}

Result<Profile> Profile::from_json(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxBytes));
  Profile profile;
  JsonNames names;
  each_field(profile, [&names](const char* field, const auto&) { names.emplace_back(field); });
  const JsonFields fields = ASSAY_TRY(json.root().format(kFormat, kVersion, names));
  Status status;
  each_field(profile, [&](const char* field, auto& value) {
    if (!status.ok()) return;
    auto read = read_as(fields[field], value);
    if (read.ok()) {
      value = *std::move(read);
    } else {
      status = read.error();
    }
  });
  ASSAY_TRY(status);
  status = profile.validate();
  if (!status.ok()) return within(place, status.error());
  if (profile.to_json() != text)
    return Error{ErrorCode::kNonCanonical, std::string(place), "it is not laid out as it is written"};
  profile.source = fmt::format("{}, SHA-256 {}", place, to_hex(Sha256().update(text).digest()));
  return profile;
}

Result<Profile> Profile::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status Profile::write(const std::filesystem::path& path) const {
  ASSAY_TRY(validate());
  return write_file(path, to_json());
}

}  // namespace assay::audit
