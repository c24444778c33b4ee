#include "pipeline/directory_json.h"

#include <fmt/format.h>

#include "base/try.h"

namespace assay::pipeline {
namespace {

bool is_count(const Json& value) {
  return value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
}

}  // namespace

Result<JsonFields> JsonFields::of(const Json& value, std::string place) {
  if (!value.is_object()) return Error{ErrorCode::kMalformed, std::move(place), "must be a JSON object"};
  return JsonFields(value, std::move(place));
}

Error JsonFields::error(ErrorCode code, std::string_view key, std::string_view reason) const {
  return {code, fmt::format("{}: {}", place_, key), std::string(reason)};
}

const Json* JsonFields::find(std::string_view key) const {
  for (auto item = value_->begin(); item != value_->end(); ++item) {
    if (item.key() == key) return &*item;
  }
  return nullptr;
}

Result<const Json*> JsonFields::at(std::string_view key) const {
  const Json* found = find(key);
  if (found == nullptr) return error(ErrorCode::kMalformed, key, "this field is missing");
  return found;
}

Result<JsonFields> JsonFields::object(std::string_view key) const {
  const Json* value = ASSAY_TRY(at(key));
  return of(*value, fmt::format("{}: {}", place_, key));
}

Result<std::vector<JsonFields>> JsonFields::objects(std::string_view key) const {
  const Json* value = ASSAY_TRY(at(key));
  if (!value->is_array()) return error(ErrorCode::kMalformed, key, "must be an array");
  std::vector<JsonFields> items;
  for (const Json& item : *value) {
    items.push_back(ASSAY_TRY(of(item, fmt::format("{}: {}[{}]", place_, key, items.size()))));
  }
  return items;
}

Result<std::string> JsonFields::text(std::string_view key) const {
  const Json* value = ASSAY_TRY(at(key));
  if (!value->is_string()) return error(ErrorCode::kMalformed, key, "must be a text");
  return value->get<std::string>();
}

Result<std::string> JsonFields::optional_text(std::string_view key) const {
  return has(key) ? text(key) : Result<std::string>(std::string());
}

Result<std::uint64_t> JsonFields::count(std::string_view key) const {
  const Json* value = ASSAY_TRY(at(key));
  if (!is_count(*value)) return error(ErrorCode::kMalformed, key, "must be an integer from 0 to 2^64 - 1");
  return value->get<std::uint64_t>();
}

Result<tensor::Shape> JsonFields::counts(std::string_view key) const {
  const Json* value = ASSAY_TRY(at(key));
  if (!value->is_array()) return error(ErrorCode::kMalformed, key, "must be an array of integers");
  tensor::Shape shape;
  for (const Json& item : *value) {
    if (!is_count(item)) return error(ErrorCode::kMalformed, key, "must hold integers from 0 to 2^64 - 1");
    shape.push_back(item.get<std::uint64_t>());
  }
  return shape;
}

Result<double> JsonFields::real(std::string_view key) const {
  const Json* value = ASSAY_TRY(at(key));
  if (!value->is_number()) return error(ErrorCode::kMalformed, key, "must be a number");
  return value->get<double>();
}

Result<std::string> JsonFields::decimal(std::string_view key) const {
  const Json* value = ASSAY_TRY(at(key));
  return json_decimal(*value, fmt::format("{}: {}", place_, key));
}

std::optional<tensor::Storage> storage_from(std::string_view name) {
  for (const auto storage : {tensor::Storage::kInt64, tensor::Storage::kScalar32, tensor::Storage::kObject}) {
    if (to_string(storage) == name) return storage;
  }
  return std::nullopt;
}

tensor::Storage choose_storage(const IntegerView& values, bool object_storage) {
  return object_storage ? tensor::Storage::kObject : tensor::compact_storage(values);
}

Status publish_all(std::vector<AtomicFile>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    Status status = files[i].publish();
    if (status.ok()) continue;
    for (std::size_t done = 0; done < i; ++done) {
      std::error_code ignored;
      std::filesystem::remove(files[done].path(), ignored);
    }
    return status;
  }
  return {};
}

}  // namespace assay::pipeline
