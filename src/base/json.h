// JSON: values by nlohmann's library, and a careful reader of texts: a cap on depth and size, no duplicate
// keys, messages of a few words whatever the text holds, and integers of any size, which the original
// pipeline's files have. An integer that does not fit 64 bits is kept as its digits.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "assay/base.h"

namespace assay {

using Json = nlohmann::ordered_json;

/// As a value takes up to forty times the space of its text, there is a most that is kept; what may hold more
/// is read as a stream.
inline constexpr std::size_t kMaxJsonValues = std::size_t{1} << 17;

/// `left_out` names a field of the object whose value is checked and not kept. Errors: kMalformed (with the
/// offset; duplicate keys, bytes after the value, invalid UTF-8, numbers outside the doubles, integers of
/// more than 308 digits), kTooLarge (deeper than 64, more than kMaxJsonValues values that are kept, more than
/// 262,144 keys in the objects around a place).
[[nodiscard]] Result<Json> parse_json(std::string_view text, std::string_view place,
                                      std::string_view left_out = {});

/// A whole file of at most `max_bytes`. Errors: kIo, kTooLarge, those of parse_json.
[[nodiscard]] Result<Json> read_json_file(const std::filesystem::path& path, std::uint64_t max_bytes,
                                          std::string_view left_out = {});

/// An integer of any size from its decimal digits (with optional '-'): a plain number where 64 bits do.
[[nodiscard]] Json json_integer(std::string_view decimal);

/// The decimal digits of a number or of an integer kept by json_integer. Errors: kMalformed.
[[nodiscard]] Result<std::string> json_decimal(const Json& value, std::string_view place);

/// Takes the events of parse_json_stream. An event that is not overridden refuses the text; the place of an
/// Error is one within the text; left empty, it becomes that of the event.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  virtual Status begin_object();
  virtual Status end_object();
  virtual Status begin_array();
  virtual Status end_array();
  virtual Status key(std::string_view name);
  virtual Status string(std::string_view text);
  virtual Status integer(std::string_view decimal);  ///< of any size, as its digits with optional '-'
  virtual Status real(double value);                 ///< a number with a fraction or an exponent
  virtual Status boolean(bool value);
  virtual Status null();

 protected:
  /// "an array is not expected here", as the default of each event says.
  static Error unexpected(std::string_view what);
};

/// Reads a text of any size without keeping it, with the checks of parse_json. Errors: those, and the
/// visitor's.
[[nodiscard]] Status parse_json_stream(std::string_view text, JsonVisitor& visitor, std::string_view place);

namespace internal {

/// Integers of so many digits lie among the doubles, whatever the digits are.
inline constexpr std::size_t kMaxIntegerDigits = 308;

/// The number of digits of -?(0|[1-9][0-9]*); 0 for another text.
std::size_t count_integer_digits(std::string_view text);

/// The start of a name or text from outside, for a message. It ends before a character, not within one.
std::string_view shown(std::string_view text);

}  // namespace internal

/// Text with integers of any size written as plain numbers; `indent` < 0 for one line. What printable() does
/// not show is escaped in it.
[[nodiscard]] std::string dump_json(const Json& value, int indent = 2);

}  // namespace assay
