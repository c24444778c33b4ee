// The JSON files of the seeds' directories: reading a field with its checks, and what both directories share.
#pragma once

#include <string>

#include "assay/pipeline.h"
#include "base/file.h"
#include "base/json.h"

namespace assay::pipeline {

/// A JSON object with the place that errors name.
class JsonFields {
 public:
  /// Errors of all: kMalformed when the field is missing or of another type.
  static Result<JsonFields> of(const Json& value, std::string place);

  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] Result<JsonFields> object(std::string_view key) const;
  [[nodiscard]] Result<std::vector<JsonFields>> objects(std::string_view key) const;
  [[nodiscard]] Result<std::string> text(std::string_view key) const;
  /// "" when the field is missing.
  [[nodiscard]] Result<std::string> optional_text(std::string_view key) const;
  [[nodiscard]] Result<std::uint64_t> count(std::string_view key) const;
  [[nodiscard]] Result<tensor::Shape> counts(std::string_view key) const;
  [[nodiscard]] Result<double> real(std::string_view key) const;
  /// An integer of any size, in decimal.
  [[nodiscard]] Result<std::string> decimal(std::string_view key) const;
  [[nodiscard]] Error error(ErrorCode code, std::string_view key, std::string_view reason) const;
  [[nodiscard]] const Json& json() const { return *value_; }

 private:
  JsonFields(const Json& value, std::string place) : value_(&value), place_(std::move(place)) {}
  [[nodiscard]] const Json* find(std::string_view key) const;
  [[nodiscard]] Result<const Json*> at(std::string_view key) const;

  const Json* value_;
  std::string place_;
};

[[nodiscard]] std::optional<tensor::Storage> storage_from(std::string_view name);

/// int64 or scalar32 by the values, or object where asked.
[[nodiscard]] tensor::Storage choose_storage(const IntegerView& values, bool object_storage);

/// Publishes in order, the last file last; where one fails, removes those published before.
[[nodiscard]] Status publish_all(std::vector<AtomicFile>& files);

inline constexpr std::string_view kConversionJson = "conversion_metadata.json";
inline constexpr std::size_t kMaxDirectoryLayers = 512;

}  // namespace assay::pipeline
