// JSON as the original lays it out: two spaces, every item on its own line, and floats as the shortest
// decimal that gives the same float back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"

namespace assay::probe::internal {

/// "0.1", "1.0", "1e-7". `value` is finite. Adams 2018, Ryu: fast float-to-string conversion, and the layout
/// of the library of that name.
[[nodiscard]] std::string number_text(float value);
[[nodiscard]] std::string number_text(double value);

/// Writes one value. Within an object each value follows its key.
class PrettyJson {
 public:
  PrettyJson& key(std::string_view name);
  PrettyJson& begin_object() { return open('{'); }
  PrettyJson& end_object() { return close('}'); }
  PrettyJson& begin_array() { return open('['); }
  PrettyJson& end_array() { return close(']'); }
  PrettyJson& text(std::string_view value);
  PrettyJson& number(float value) { return item(number_text(value)); }
  PrettyJson& number(double value) { return item(number_text(value)); }
  PrettyJson& number(std::uint64_t value) { return item(std::to_string(value)); }
  PrettyJson& boolean(bool value) { return item(value ? "true" : "false"); }
  PrettyJson& null() { return item("null"); }
  PrettyJson& hex(ByteSpan bytes) { return text(to_hex(bytes)); }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  PrettyJson& open(char bracket);
  PrettyJson& close(char bracket);
  PrettyJson& item(std::string_view written);
  void separate();

  std::string out_;
  std::vector<bool> empty_;  // of each open bracket
  bool after_key_ = false;
};

/// A text as JSON has it, quotes included.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace assay::probe::internal
