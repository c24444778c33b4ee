// The one strict reader of JSON objects: each field by its name, of its type and within its caps. An error
// names the place, "FILE: a.b[3].c", and says what is expected there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/try.h"

namespace assay {

class JsonArray;
class JsonFields;
class JsonValue;

using JsonNames = std::vector<std::string_view>;

/// A text that was read. What is taken out of it, as the classes below, looks into it: it must stay where it
/// is.
class JsonText {
 public:
  /// Errors: kTooLarge (over `max_bytes`), and those of parse_json.
  [[nodiscard]] static Result<JsonText> parse(std::string_view text, std::string_view place,
                                              std::size_t max_bytes);
  /// A file. Errors: those of read_file and parse_json.
  [[nodiscard]] static Result<JsonText> read(const std::filesystem::path& path, std::uint64_t max_bytes);

  [[nodiscard]] JsonValue root() const&;
  JsonValue root() && = delete;
  [[nodiscard]] const Json& json() const { return json_; }
  [[nodiscard]] Json take() && { return std::move(json_); }

 private:
  friend class JsonValue;
  JsonText(Json json, std::string_view place) : json_(std::move(json)), place_(place) {}
  /// Found by looking for the value in the whole text, so that reading what is right costs nothing for it.
  [[nodiscard]] std::string place_of(const Json& value) const;

  Json json_;
  std::string place_;
};

/// A value, or the place of a field that is missing. Errors of all that read it: kMalformed (missing, or of
/// another type), and those named.
class JsonValue {
 public:
  [[nodiscard]] bool is_null() const { return value_ != nullptr && value_->is_null(); }
  [[nodiscard]] Result<bool> boolean() const;

  /// Errors: kOutOfRange.
  template <class T>
  [[nodiscard]] Result<T> integer(T min = std::numeric_limits<T>::min(),
                                  T max = std::numeric_limits<T>::max()) const {
    if constexpr (std::is_signed_v<T>) {
      return static_cast<T>(ASSAY_TRY(signed_integer(min, max)));
    } else {
      return static_cast<T>(ASSAY_TRY(unsigned_integer(min, max)));
    }
  }

  /// The digits of an integer of any size, with optional '-'.
  [[nodiscard]] Result<std::string> decimal() const;

  /// A number that is finite, as all in JSON are. Errors: kOutOfRange.
  [[nodiscard]] Result<double> real(double min = std::numeric_limits<double>::lowest(),
                                    double max = std::numeric_limits<double>::max()) const;

  /// Text in UTF-8, as all in JSON is. Errors: kTooLarge.
  [[nodiscard]] Result<std::string> text(std::size_t max_bytes) const;

  /// Printable ASCII, the space among it. Errors: kTooLarge.
  [[nodiscard]] Result<std::string> ascii(std::size_t max_bytes) const;

  /// So many bytes as hexadecimal digits.
  [[nodiscard]] Result<Bytes> hex(std::size_t bytes) const;

  /// Errors: kTooLarge (more bytes), kNonCanonical.
  [[nodiscard]] Result<Bytes> base64(std::size_t max_bytes) const;

  /// Errors: kTooLarge (more items).
  [[nodiscard]] Result<JsonArray> array(std::size_t max_items) const;

  /// An array of integers. Errors: kTooLarge (more items), kOutOfRange.
  template <class T>
  [[nodiscard]] Result<std::vector<T>> integers(std::size_t max_items, T min = std::numeric_limits<T>::min(),
                                                T max = std::numeric_limits<T>::max()) const;

  /// An object with all of the required fields, and no others than those and the optional ones.
  [[nodiscard]] Result<JsonFields> fields(const JsonNames& required, const JsonNames& optional = {}) const;

  /// The object of a format of ours: its field "format", which need not be named, is looked at before the
  /// others, and holds the tag, which ends in "/v", and the version. Errors: kUnsupported (another format, or
  /// another version, as check_format_version says it).
  [[nodiscard]] Result<JsonFields> format(std::string_view tag, std::uint32_t version,
                                          const JsonNames& required, const JsonNames& optional = {}) const;

  /// An object that other programs add fields to: those that nobody reads here are left alone.
  [[nodiscard]] Result<JsonFields> open_fields() const;

  [[nodiscard]] Error error(ErrorCode code, std::string reason) const;
  /// The result of reading further what this value holds, with this place before that of its error.
  template <class T>
  [[nodiscard]] Result<T> located(Result<T> result) const {
    if (result.ok()) return result;
    return located(result.error());
  }
  [[nodiscard]] Error located(Error error) const;

 private:
  friend class JsonArray;
  friend class JsonFields;
  friend class JsonText;
  JsonValue(const JsonText& whole, const Json& value) : whole_(&whole), value_(&value) {}
  JsonValue(const JsonText& whole, const Json* value, const Json& parent, std::string_view name)
      : whole_(&whole), value_(value), parent_(&parent), name_(name) {}

  [[nodiscard]] Result<std::uint64_t> unsigned_integer(std::uint64_t min, std::uint64_t max) const;
  [[nodiscard]] Result<std::int64_t> signed_integer(std::int64_t min, std::int64_t max) const;
  [[nodiscard]] std::string place() const;
  /// `what` is expected here, or the field is missing.
  [[nodiscard]] Error expected(std::string_view what, ErrorCode code = ErrorCode::kMalformed) const;

  const JsonText* whole_;
  const Json* value_;             // null where the field is missing
  const Json* parent_ = nullptr;  // of a field
  std::string_view name_;         // of a field
};

/// The fields of an object.
class JsonFields {
 public:
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The value; where the field is missing, one whose every reading says so. `name` must outlive it.
  [[nodiscard]] JsonValue operator[](std::string_view name) const {
    return {*object_.whole_, find(name), *object_.value_, name};
  }

  /// The i-th field, where the names are not known before.
  [[nodiscard]] std::size_t size() const { return object_.value_->size(); }
  [[nodiscard]] const std::string& name(std::size_t i) const { return members()[i].first; }
  [[nodiscard]] JsonValue value(std::size_t i) const { return {*object_.whole_, members()[i].second}; }

 private:
  friend class JsonValue;
  explicit JsonFields(const JsonValue& object) : object_(object) {}
  [[nodiscard]] const Json::object_t::Container& members() const {
    return object_.value_->get_ref<const Json::object_t&>();
  }
  [[nodiscard]] const Json* find(std::string_view name) const;

  JsonValue object_;
};

class JsonArray {
 public:
  [[nodiscard]] std::size_t size() const { return array_.value_->size(); }
  [[nodiscard]] JsonValue operator[](std::size_t i) const { return {*array_.whole_, (*array_.value_)[i]}; }

  /// What read(item), a Result<T>, gives for each item. Errors: the first item's that has one.
  template <class Read>
  [[nodiscard]] auto all(const Read& read) const {
    using T = std::decay_t<decltype(read(std::declval<const JsonValue&>()).value())>;
    const auto take = [&]() -> Result<std::vector<T>> {
      std::vector<T> items;
      items.reserve(size());
      for (std::size_t i = 0; i < size(); ++i) items.push_back(ASSAY_TRY(read((*this)[i])));
      return items;
    };
    return take();
  }

 private:
  friend class JsonValue;
  explicit JsonArray(const JsonValue& array) : array_(array) {}

  JsonValue array_;
};

template <class T>
Result<std::vector<T>> JsonValue::integers(std::size_t max_items, T min, T max) const {
  const JsonArray items = ASSAY_TRY(array(max_items));
  return items.all([&](const JsonValue& item) { return item.integer<T>(min, max); });
}

}  // namespace assay
