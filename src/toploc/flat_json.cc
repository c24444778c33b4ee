#include "toploc/flat_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/format_version.h"
#include "base/json.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::toploc::internal {
namespace {

constexpr std::string_view kFormat = "format";

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// Puts each value where it belongs, and refuses the first that belongs nowhere.
class FieldVisitor final : public JsonVisitor {
 public:
  FieldVisitor(std::string_view tag, std::uint32_t version, std::span<const Field> fields)
      : tag_(tag), version_(version), fields_(fields), seen_(fields.size()) {}

  Status begin_object() override {
    if (open_) return unexpected();
    open_ = true;
    return {};
  }

  Status end_object() override {
    if (!format_read_) return missing(kFormat);
    for (std::size_t i = 0; i < fields_.size(); ++i)
      if (!seen_[i]) return missing(fields_[i].name);
    return {};
  }

  Status key(std::string_view name) override {
    if (!format_read_) return name == kFormat ? Status() : missing(kFormat);
    const auto found = std::ranges::find(fields_, name, &Field::name);
    if (found == fields_.end())
      return Error{ErrorCode::kMalformed, std::string(assay::internal::shown(name)),
                   "no field of this name belongs here"};
    field_ = &*found;
    seen_[static_cast<std::size_t>(found - fields_.begin())] = true;
    return {};
  }

  Status begin_array() override {
    if (field_ == nullptr || in_list_ || !items()) return unexpected();
    in_list_ = true;
    return {};
  }

  Status end_array() override {
    in_list_ = false;
    return {};
  }

  Status string(std::string_view text) override {
    if (open_ && !format_read_) {
      format_read_ = true;
      return check_format(text, tag_, version_, std::string(kFormat));
    }
    if (const auto* place = place_for<TextPlace>(false)) return put_text(*place, text);
    if (const auto* place = place_for<BytesPlace>(true)) return add_bytes(*place, text);
    return unexpected();
  }

  Status integer(std::string_view decimal) override {
    if (const auto* place = place_for<IntegerPlace>(false)) {
      *place->value = ASSAY_TRY(in_range(decimal, place->min, place->max));
      return {};
    }
    if (const auto* place = place_for<IntegersPlace>(true)) {
      ASSAY_TRY(check_room(place->max_items));
      place->values->push_back(static_cast<std::uint32_t>(ASSAY_TRY(in_range(decimal, 0, place->max))));
      return {};
    }
    return unexpected();
  }

  Status real(double) override { return unexpected(); }
  Status boolean(bool) override { return unexpected(); }
  Status null() override { return unexpected(); }

 private:
  /// Where the field wants its value, if that is of this kind and may come now: in a list or by itself.
  template <class Place>
  [[nodiscard]] const Place* place_for(bool in_list) const {
    return field_ != nullptr && in_list_ == in_list ? std::get_if<Place>(&field_->place) : nullptr;
  }

  /// How many the list of the field has so far; none where it is no list.
  [[nodiscard]] std::optional<std::size_t> items() const {
    using Count = std::optional<std::size_t>;
    return std::visit(
        Overloaded{[](const TextPlace&) { return Count(); }, [](const IntegerPlace&) { return Count(); },
                   [](const auto& list) { return Count(list.values->size()); }},
        field_->place);
  }

  [[nodiscard]] std::string here() const {
    if (field_ == nullptr) return open_ ? std::string(kFormat) : std::string();
    return in_list_ ? fmt::format("{}[{}]", field_->name, *items()) : std::string(field_->name);
  }

  [[nodiscard]] Error expected(std::string_view what, ErrorCode code = ErrorCode::kMalformed) const {
    return {code, here(), fmt::format("{} is expected here", what)};
  }

  static Error missing(std::string_view name) {
    return {ErrorCode::kMalformed, std::string(name), "this field is missing"};
  }

  /// That the value that comes is none of those that may stand here.
  [[nodiscard]] Error unexpected() const {
    if (!open_) return expected("an object");
    if (field_ == nullptr) return expected("a text");
    if (!in_list_ && items()) return expected("an array");
    return std::visit(Overloaded{[&](const TextPlace&) { return expected("a text"); },
                                 [&](const BytesPlace&) { return expected("a text in base64"); },
                                 [&](const IntegerPlace& place) { return no_integer(place.min, place.max); },
                                 [&](const IntegersPlace& place) { return no_integer(0, place.max); }},
                      field_->place);
  }

  [[nodiscard]] Error no_integer(std::uint64_t min, std::uint64_t max,
                                 ErrorCode code = ErrorCode::kMalformed) const {
    return expected(fmt::format("an integer from {} to {}", min, max), code);
  }

  [[nodiscard]] Result<std::uint64_t> in_range(std::string_view decimal, std::uint64_t min,
                                               std::uint64_t max) const {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(decimal.data(), decimal.data() + decimal.size(), value);
    if (code != std::errc{} || value < min || value > max)
      return no_integer(min, max, ErrorCode::kOutOfRange);
    return value;
  }

  [[nodiscard]] Status check_room(std::size_t most) const {
    if (*items() < most) return {};
    return Error{ErrorCode::kTooLarge, std::string(field_->name),
                 fmt::format("over {} items, which is as many as are read", most)};
  }

  [[nodiscard]] Status put_text(const TextPlace& place, std::string_view text) const {
    if (text.size() > place.max_bytes)
      return Error{ErrorCode::kTooLarge, here(),
                   fmt::format("a text of {} bytes, at most {} are taken", text.size(), place.max_bytes)};
    *place.value = text;
    return {};
  }

  [[nodiscard]] Status add_bytes(const BytesPlace& place, std::string_view text) const {
    ASSAY_TRY(check_room(place.max_items));
    const auto too_large = [&] {
      return Error{ErrorCode::kTooLarge, here(),
                   fmt::format("base64 of more than {} bytes", place.max_bytes)};
    };
    if (text.size() / 4 > (place.max_bytes + 2) / 3) return too_large();
    Result<Bytes> bytes = from_base64(text, {});
    if (!bytes.ok()) return within(here(), bytes.error());
    if (bytes->size() > place.max_bytes) return too_large();
    place.values->push_back(*std::move(bytes));
    return {};
  }

  std::string_view tag_;
  std::uint32_t version_;
  std::span<const Field> fields_;
  std::vector<bool> seen_;
  const Field* field_ = nullptr;  // whose value comes
  bool open_ = false;
  bool format_read_ = false;
  bool in_list_ = false;
};

}  // namespace

Status read_flat_json(std::string_view text, std::string_view place, std::string_view tag,
                      std::uint32_t version, std::span<const Field> fields) {
  FieldVisitor visitor(tag, version, fields);
  return parse_json_stream(text, visitor, place);
}

void FlatJsonWriter::put(std::string_view piece) {
  if (!holds_) {
    text_ += piece;
  } else if (same_ && given_.starts_with(piece)) {
    given_.remove_prefix(piece.size());
  } else {
    same_ = false;
  }
}

void FlatJsonWriter::put_quoted(std::string_view value) {
  put("\"");
  while (!value.empty()) {
    const auto special = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; };
    const auto at = static_cast<std::size_t>(std::ranges::find_if(value, special) - value.begin());
    put(value.substr(0, at));
    if (at == value.size()) break;
    constexpr std::string_view kCharacters = "\"\\\b\f\n\r\t";
    constexpr std::string_view kNames = "\"\\bfnrt";
    const std::size_t named = kCharacters.find(value[at]);
    if (named != kCharacters.npos) {
      const std::array<char, 2> escape = {'\\', kNames[named]};
      put({escape.data(), escape.size()});
    } else {
      put(fmt::format("\\u{:04x}", static_cast<unsigned char>(value[at])));
    }
    value.remove_prefix(at + 1);
  }
  put("\"");
}

void FlatJsonWriter::line(int depth) {
  if (layout_ == Layout::kLines) put(depth == 0 ? "\n" : depth == 1 ? "\n  " : "\n    ");
}

void FlatJsonWriter::begin(std::string_view name) {
  put(first_ ? "{" : ",");
  first_ = false;
  line(1);
  put_quoted(name);
  put(layout_ == Layout::kLines ? ": " : ":");
}

template <class Values, class Put>
void FlatJsonWriter::list(std::string_view name, const Values& values, const Put& put_item) {
  begin(name);
  put("[");
  bool first = true;
  for (const auto& value : values) {
    if (!first) put(",");
    first = false;
    line(2);
    put_item(value);
  }
  if (!first) line(1);
  put("]");
}

void FlatJsonWriter::format(std::string_view tag, std::uint32_t version) {
  text(kFormat, fmt::format("{}{}", tag, version));
}

void FlatJsonWriter::text(std::string_view name, std::string_view value) {
  begin(name);
  put_quoted(value);
}

void FlatJsonWriter::integer(std::string_view name, std::uint64_t value) {
  begin(name);
  put(fmt::format_int(value).c_str());
}

void FlatJsonWriter::integers(std::string_view name, std::span<const std::uint32_t> values) {
  list(name, values, [this](std::uint32_t value) { put(fmt::format_int(value).c_str()); });
}

void FlatJsonWriter::bytes(std::string_view name, std::span<const Bytes> values) {
  list(name, values, [this](const Bytes& value) { put_quoted(to_base64(value)); });
}

void FlatJsonWriter::finish() {
  line(0);
  put("}\n");
}

}  // namespace assay::toploc::internal
