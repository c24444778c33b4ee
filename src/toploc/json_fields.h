// JSON objects with a format tag and a fixed set of fields: each there once, of its type, and no other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace assay::toploc::internal {

template <class T>
void put_field(Json& json, const char* name, const T& value) {
  json[name] = value;
}
inline void put_field(Json& json, const char* name, const std::optional<double>& value) {
  json[name] = value ? Json(*value) : Json(nullptr);
}

/// Takes the fields out of an object one by one; the first that is wrong is what finish() tells.
class FieldReader {
 public:
  /// Errors: kTooLarge, kMalformed, kUnsupported (another format).
  static Result<FieldReader> parse(std::string_view text, std::string_view format, std::size_t max_bytes,
                                   std::string_view place);

  void take(const char* name, std::string& value);
  void take(const char* name, std::uint32_t& value);
  void take(const char* name, std::uint64_t& value);
  void take(const char* name, double& value);
  void take(const char* name, std::optional<double>& value);  ///< null for none
  void take(const char* name, std::vector<std::string>& value);

  /// Errors: kMalformed (the first field that was missing or of another type, or one that nobody took),
  /// kOutOfRange.
  [[nodiscard]] Status finish() const;

  /// The same error with the file before its place.
  [[nodiscard]] Error error(Error error) const;

 private:
  FieldReader(Json json, std::string_view place) : json_(std::move(json)), place_(place) {}

  /// The field, removed from the object; nullopt, with the failure noted, when it is missing.
  std::optional<Json> remove(const char* name);
  void fail(ErrorCode code, const char* name, std::string reason);

  Json json_;
  std::string place_;
  std::optional<Error> failure_;
};

}  // namespace assay::toploc::internal
