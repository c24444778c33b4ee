// How far a verifier's own rows may be from those that were read.
#include "profile/profile_file.h"

#include <fmt/format.h>

#include "assay/probe_statement.h"
#include "base/try.h"

namespace assay::probe {
namespace {

constexpr profile::FileFormat kProfileFormat = {"assay/probe/profile/v", 1};

/// The fields in the order of the file; `self` is a Profile, const or not.
constexpr auto kEachField = [](auto& self, const auto& visit) {
  visit("name", self.name);
  visit("model", self.conditions.model);
  visit("dtype", self.conditions.dtype);
  visit("kernel", self.conditions.kernel);
  visit("row_error", self.row_error);
  visit("reading_error", self.reading_error);
  visit("false_alarm_bound", self.false_alarm_bound);
  visit("honest_runs", self.honest_runs);
};

}  // namespace

Status Profile::validate() const {
  ASSAY_TRY(Measurement::validate());
  for (const auto& [field, error] : {std::pair("row_error", row_error), {"reading_error", reading_error}})
    if (!(error >= 0 && error <= kMaxError))
      return Error{
          ErrorCode::kOutOfRange, field,
          fmt::format("{} is not in 0 to {}, from which on moved rows might pass", error, kMaxError)};
  return {};
}

std::string Profile::to_json() const { return profile::to_json(*this, kProfileFormat, kEachField); }

Result<Profile> Profile::from_json(std::string_view text, std::string_view place) {
  return profile::from_json<Profile>(text, place, kProfileFormat, kEachField);
}

Result<Profile> Profile::read(const std::filesystem::path& path) {
  return profile::read_file_of<Profile>(path);
}

Status Profile::write(const std::filesystem::path& path) const { return profile::write_file_of(*this, path); }

}  // namespace assay::probe
