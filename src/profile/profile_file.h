// The file of a profile, which those of all rooms share: a JSON object with each of its fields.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "assay/base.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::profile {

/// What stands under "format": the tag, then the version.
struct FileFormat {
  std::string_view tag;
  std::uint32_t version = 1;
};

namespace internal {

template <class T>
Json json_of(const T& value) {
  return value;
}
inline Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

// Texts and numbers of any size: validate() has the bounds, and the file is capped.
inline Result<std::string> read_as(const JsonValue& value, const std::string& /*like*/) {
  return value.text(SIZE_MAX);
}
inline Result<double> read_as(const JsonValue& value, double /*like*/) { return value.real(); }
inline Result<std::optional<double>> read_as(const JsonValue& value, const std::optional<double>& /*like*/) {
  if (value.is_null()) return std::optional<double>();
  return std::optional(ASSAY_TRY(value.real()));
}
template <std::unsigned_integral T>
Result<T> read_as(const JsonValue& value, T /*like*/) {
  return value.integer<T>();
}

}  // namespace internal

/// `each_field(self, visit)` calls visit(name, member) for each field, in the order of the file.
template <class Profile, class EachField>
std::string to_json(const Profile& profile, const FileFormat& format, const EachField& each_field) {
  Json json;
  json["format"] = fmt::format("{}{}", format.tag, format.version);
  each_field(profile,
             [&json](const char* field, const auto& value) { json[field] = internal::json_of(value); });
  return dump_json(json) + "\n";
}

/// A profile that is valid, whose source says `place` and the SHA-256 of the text. Errors: kMalformed,
/// kUnsupported (format), kTooLarge, those of validate().
template <class Profile, class EachField>
Result<Profile> from_json(std::string_view text, std::string_view place, const FileFormat& format,
                          const EachField& each_field) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, Profile::kMaxBytes));
  Profile profile;
  JsonNames names;
  each_field(profile, [&names](const char* field, const auto&) { names.emplace_back(field); });
  const JsonFields fields = ASSAY_TRY(json.root().format(format.tag, format.version, names));
  Status status;
  each_field(profile, [&](const char* field, auto& value) {
    if (!status.ok()) return;
    auto read = internal::read_as(fields[field], value);
    if (read.ok()) {
      value = *std::move(read);
    } else {
      status = read.error();
    }
  });
  ASSAY_TRY(status);
  status = profile.validate();
  if (!status.ok()) return within(place, status.error());
  profile.source = fmt::format("{}, SHA-256 {}", place, to_hex(Sha256().update(text).digest()));
  return profile;
}

/// Errors: kIo, and those of Profile::from_json.
template <class Profile>
Result<Profile> read_file_of(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, Profile::kMaxBytes));
  return Profile::from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

/// Errors: kIo, and those of validate().
template <class Profile>
Status write_file_of(const Profile& profile, const std::filesystem::path& path) {
  ASSAY_TRY(profile.validate());
  return write_file(path, profile.to_json());
}

}  // namespace assay::profile
