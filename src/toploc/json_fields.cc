#include "toploc/json_fields.h"

#include <fmt/format.h>

#include "base/try.h"

namespace assay::toploc::internal {

Result<FieldReader> FieldReader::parse(std::string_view text, std::string_view format, std::size_t max_bytes,
                                       std::string_view place) {
  if (text.size() > max_bytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", text.size(), max_bytes)};
  FieldReader reader(ASSAY_TRY(parse_json(text, place)), place);
  if (!reader.json_.is_object())
    return Error{ErrorCode::kMalformed, reader.place_, "it is not a JSON object"};
  std::string given;
  reader.take("format", given);
  ASSAY_TRY(reader.failure_ ? Status(*reader.failure_) : Status());
  if (given != format)
    return reader.error(
        {ErrorCode::kUnsupported, "format", fmt::format("'{}' is not '{}'", given.substr(0, 64), format)});
  return reader;
}

std::optional<Json> FieldReader::remove(const char* name) {
  const auto found = json_.find(name);
  if (found == json_.end()) {
    fail(ErrorCode::kMalformed, name, "it is missing");
    return {};
  }
  Json value = std::move(*found);
  json_.erase(found);
  return value;
}

void FieldReader::fail(ErrorCode code, const char* name, std::string reason) {
  if (!failure_) failure_ = error({code, name, std::move(reason)});
}

void FieldReader::take(const char* name, std::string& value) {
  const std::optional<Json> field = remove(name);
  if (!field) return;
  if (!field->is_string()) return fail(ErrorCode::kMalformed, name, "it is not text");
  value = field->get<std::string>();
}

void FieldReader::take(const char* name, std::uint64_t& value) {
  const std::optional<Json> field = remove(name);
  if (!field) return;
  if (!field->is_number_integer() || (!field->is_number_unsigned() && field->get<std::int64_t>() < 0))
    return fail(ErrorCode::kMalformed, name, "it is not a whole number from 0 to 2^64 - 1");
  value = field->get<std::uint64_t>();
}

void FieldReader::take(const char* name, std::uint32_t& value) {
  std::uint64_t wide = value;
  take(name, wide);
  if (wide > UINT32_MAX)
    return fail(ErrorCode::kOutOfRange, name, fmt::format("{} is over {}", wide, UINT32_MAX));
  value = static_cast<std::uint32_t>(wide);
}

void FieldReader::take(const char* name, double& value) {
  std::optional<double> given;
  take(name, given);
  if (given) {
    value = *given;
  } else {
    fail(ErrorCode::kMalformed, name, "it is not a number");
  }
}

void FieldReader::take(const char* name, std::optional<double>& value) {
  const std::optional<Json> field = remove(name);
  if (!field) return;
  if (field->is_null()) return value.reset();
  if (!field->is_number()) return fail(ErrorCode::kMalformed, name, "it is not a number");
  value = field->get<double>();
}

void FieldReader::take(const char* name, std::vector<std::string>& value) {
  const std::optional<Json> field = remove(name);
  if (!field) return;
  if (!field->is_array()) return fail(ErrorCode::kMalformed, name, "it is not a list");
  value.clear();
  value.reserve(field->size());
  for (const Json& item : *field) {
    if (!item.is_string()) return fail(ErrorCode::kMalformed, name, "it holds what is not text");
    value.push_back(item.get<std::string>());
  }
}

Status FieldReader::finish() const {
  if (failure_) return *failure_;
  if (!json_.empty()) return error({ErrorCode::kMalformed, json_.begin().key(), "no field is called so"});
  return {};
}

Error FieldReader::error(Error error) const {
  error.place = error.place.empty() ? place_ : fmt::format("{}: {}", place_, error.place);
  return error;
}

}  // namespace assay::toploc::internal
