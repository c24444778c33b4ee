// The form of this room's files: one JSON object whose values are texts, integers and lists, and which has
// one text. A file is read as it comes, into the place of each value, so that nothing is kept of it that does
// not belong there; and it is held against the one text piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "assay/base.h"

namespace assay::toploc::internal {

struct TextPlace {
  std::string* value;
  std::size_t max_bytes;
};
struct IntegerPlace {
  std::uint64_t* value;
  std::uint64_t min;
  std::uint64_t max;
};
struct IntegersPlace {
  std::vector<std::uint32_t>* values;
  std::size_t max_items;
  std::uint32_t max;
};
struct BytesPlace {  ///< a list of byte strings in base64
  std::vector<Bytes>* values;
  std::size_t max_items;
  std::size_t max_bytes;
};

/// Where the value of a field goes.
struct Field {
  std::string_view name;
  std::variant<TextPlace, IntegerPlace, IntegersPlace, BytesPlace> place;
};

/// Reads "format": TAG and version, which stands first, and these fields, each once, in any order and layout.
/// Errors: kMalformed (not JSON, a field that is missing, unknown, there twice or of another type),
/// kUnsupported (format), kOutOfRange, kTooLarge, kNonCanonical (base64).
[[nodiscard]] Status read_flat_json(std::string_view text, std::string_view place, std::string_view tag,
                                    std::uint32_t version, std::span<const Field> fields);

/// Puts one text together, or holds another against it.
class FlatJsonWriter {
 public:
  enum class Layout : std::uint8_t {
    kOneLine,  ///< without spaces
    kLines,    ///< two spaces of indent, a line for each field and each item of a list
  };

  explicit FlatJsonWriter(Layout layout) : layout_(layout) {}
  /// Holds `given` against the text instead of keeping it.
  FlatJsonWriter(Layout layout, std::string_view given) : layout_(layout), holds_(true), given_(given) {}

  void format(std::string_view tag, std::uint32_t version);
  void text(std::string_view name, std::string_view value);
  void integer(std::string_view name, std::uint64_t value);
  void integers(std::string_view name, std::span<const std::uint32_t> values);
  void bytes(std::string_view name, std::span<const Bytes> values);
  void finish();

  [[nodiscard]] std::string take() { return std::move(text_); }
  /// After finish(): whether the text held against it is this one.
  [[nodiscard]] bool same() const { return same_ && given_.empty(); }

 private:
  void put(std::string_view piece);
  void put_quoted(std::string_view value);
  void begin(std::string_view name);
  void line(int depth);
  template <class Values, class Put>
  void list(std::string_view name, const Values& values, const Put& put_item);

  Layout layout_;
  bool first_ = true;
  bool holds_ = false;
  bool same_ = true;
  std::string_view given_;  // what is left of it
  std::string text_;
};

}  // namespace assay::toploc::internal
