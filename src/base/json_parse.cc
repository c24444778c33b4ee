#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <exception>
#include <unordered_set>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"

namespace assay {
namespace {

constexpr std::size_t kMaxDepth = 64;
// Those of the objects that are open are kept to find one that stands twice.
constexpr std::size_t kMaxOpenKeys = std::size_t{1} << 18;

/// Whether a number that is no double is so because it is too small: then 0 is the nearest.
bool vanishes(std::string_view number) {
  const std::size_t exponent_at = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, exponent_at);
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == mantissa.npos) return true;
  const auto signed_size = [](std::size_t size) { return static_cast<std::int64_t>(size); };
  // The power of ten of the first digit that is not 0.
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::int64_t power = signed_size(point) - signed_size(first);
  if (exponent_at == number.npos) return power < 0;
  std::string_view digits = number.substr(exponent_at + 1);
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t exponent = 0;
  // Of so many digits that it does not fit, it outweighs any mantissa there is room for.
  if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc{} ||
      exponent > INT64_MAX / 2)
    return negative;
  return power + (negative ? -exponent : exponent) < 0;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto byte = [&text](std::uint32_t bits) { text += static_cast<char>(bits); };
  const auto next = [&](std::uint32_t shift) { byte(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6), next(0);
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12), next(6), next(0);
  } else {
    byte(0xf0 | code >> 18), next(12), next(6), next(0);
  }
}

// Goes through a text once, and holds of it no more than one string with escapes and the keys of the objects
// that are open. What is wrong is told by its place, whatever the size of the thing that stands there.
class Reader {
 public:
  Reader(std::string_view text, JsonVisitor& visitor, std::string_view place)
      : text_(text), visitor_(visitor), place_(place) {}

  Status read() {
    ASSAY_TRY(read_value());
    skip_space();
    if (at_ != text_.size()) return malformed("nothing more is expected");
    return {};
  }

 private:
  [[nodiscard]] bool ended() const { return at_ == text_.size(); }
  [[nodiscard]] bool follows(char c) const { return !ended() && text_[at_] == c; }
  [[nodiscard]] bool digit_follows() const { return !ended() && text_[at_] >= '0' && text_[at_] <= '9'; }

  bool take(char c) {
    if (!follows(c)) return false;
    ++at_;
    return true;
  }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size()); }

  Status read_value() {
    skip_space();
    if (ended()) return malformed("a value is expected, and the text ends");
    switch (text_[at_]) {
      case '{':
        return read_object();
      case '[':
        return read_array();
      case '"':
        return pass(visitor_.string(ASSAY_TRY(read_string())));
      case 't':
        return read_literal("true", [this] { return visitor_.boolean(true); });
      case 'f':
        return read_literal("false", [this] { return visitor_.boolean(false); });
      case 'n':
        return read_literal("null", [this] { return visitor_.null(); });
      default:
        return read_number();
    }
  }

  Status read_object() {
    ++at_;
    ASSAY_TRY(enter());
    ASSAY_TRY(pass(visitor_.begin_object()));
    std::unordered_set<std::string> keys;
    skip_space();
    if (!take('}')) {
      do {
        skip_space();
        if (!follows('"')) return malformed("a key in quotes is expected");
        const std::string_view name = ASSAY_TRY(read_string());
        if (!keys.emplace(name).second)
          return refuse(ErrorCode::kMalformed,
                        fmt::format("the key \"{}\" stands twice in one object", internal::shown(name)));
        if (++open_keys_ > kMaxOpenKeys)
          return refuse(ErrorCode::kTooLarge,
                        fmt::format("more than {} keys in objects that are not ended", kMaxOpenKeys));
        ASSAY_TRY(pass(visitor_.key(name)));
        skip_space();
        if (!take(':')) return malformed("a colon is expected");
        ASSAY_TRY(read_value());
        skip_space();
      } while (take(','));
      if (!take('}')) return malformed("a comma or the end of the object is expected");
    }
    open_keys_ -= keys.size();
    --depth_;
    return pass(visitor_.end_object());
  }

  Status read_array() {
    ++at_;
    ASSAY_TRY(enter());
    ASSAY_TRY(pass(visitor_.begin_array()));
    skip_space();
    if (!take(']')) {
      do {
        ASSAY_TRY(read_value());
        skip_space();
      } while (take(','));
      if (!take(']')) return malformed("a comma or the end of the array is expected");
    }
    --depth_;
    return pass(visitor_.end_array());
  }

  /// What the string stands for, in the text itself where it has no escapes. Good until the next one is read.
  Result<std::string_view> read_string() {
    const std::size_t start = ++at_;
    std::size_t plain = start;  // from where on there are no escapes
    unescaped_.clear();
    while (true) {
      while (!ended() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20)
        ++at_;
      if (ended()) return malformed("a string is not ended");
      const std::string_view piece = text_.substr(plain, at_ - plain);
      // No byte of a longer character is a quote or a backslash, so that no piece ends within one.
      if (!is_valid_utf8(piece)) return malformed("a string is not UTF-8");
      if (take('"')) {
        if (plain == start) return piece;
        unescaped_ += piece;
        return std::string_view(unescaped_);
      }
      if (!take('\\')) return malformed("a string has a control character, which must be escaped");
      unescaped_ += piece;
      ASSAY_TRY(read_escape());
      plain = at_;
    }
  }

  Status read_escape() {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kCharacters = "\"\\/\b\f\n\r\t";
    if (take('u')) return read_unicode_escape();
    const std::size_t named = ended() ? kNames.npos : kNames.find(text_[at_]);
    if (named == kNames.npos) return malformed("a backslash without an escape");
    ++at_;
    unescaped_ += kCharacters[named];
    return {};
  }

  Status read_unicode_escape() {
    std::uint32_t code = ASSAY_TRY(read_four_digits());
    const auto is_low = [](std::uint32_t c) { return c >= 0xdc00 && c < 0xe000; };
    if (code >= 0xd800 && code < 0xdc00) {
      if (!take('\\') || !take('u')) return malformed("half of a surrogate pair");
      const std::uint32_t low = ASSAY_TRY(read_four_digits());
      if (!is_low(low)) return malformed("half of a surrogate pair");
      code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
    } else if (is_low(code)) {
      return malformed("half of a surrogate pair");
    }
    append_utf8(unescaped_, code);
    return {};
  }

  Result<std::uint32_t> read_four_digits() {
    const std::string_view digits = text_.substr(at_, 4);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || error != std::errc{} || end != digits.data() + 4)
      return malformed("four hexadecimal digits are expected");
    at_ += 4;
    return code;
  }

  template <class Event>
  Status read_literal(std::string_view word, const Event& event) {
    if (!text_.substr(at_).starts_with(word)) return malformed("a value is expected");
    at_ += word.size();
    return pass(event());
  }

  Status read_number() {
    const std::size_t start = at_;
    take('-');
    if (!digit_follows()) return malformed("a value is expected");
    if (!take('0')) skip_digits();
    const std::string_view integer = text_.substr(start, at_ - start);
    if (!follows('.') && !follows('e') && !follows('E')) return pass_integer(integer);
    if (take('.')) {
      if (!digit_follows()) return malformed("a digit is expected after the point");
      skip_digits();
    }
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digit_follows()) return malformed("a digit is expected in the exponent");
      skip_digits();
    }
    const std::string_view number = text_.substr(start, at_ - start);
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} && vanishes(number)) {
      value = number.starts_with('-') ? -0.0 : 0.0;
    } else if (error != std::errc{} || !std::isfinite(value)) {
      return malformed("a number outside the doubles");
    }
    return pass(visitor_.real(value));
  }

  void skip_digits() {
    while (digit_follows()) ++at_;
  }

  Status pass_integer(std::string_view decimal) {
    if (internal::count_integer_digits(decimal) > internal::kMaxIntegerDigits)
      return refuse(ErrorCode::kMalformed, "an integer of more than 308 digits");
    return pass(visitor_.integer(decimal == "-0" ? "0" : decimal));
  }

  Status enter() {
    if (depth_ == kMaxDepth) return refuse(ErrorCode::kTooLarge, "nested deeper than 64");
    ++depth_;
    return {};
  }

  [[nodiscard]] std::string here() const { return fmt::format("{}: before byte {}", place_, at_); }

  [[nodiscard]] Error refuse(ErrorCode code, std::string reason) const {
    return {code, here(), std::move(reason)};
  }

  /// The byte that the reader stands at is wrong, or is missing.
  [[nodiscard]] Error malformed(std::string_view reason) const {
    const std::string_view before = text_.substr(0, at_);
    const std::size_t line_start = before.rfind('\n') + 1;  // 0 where there is none
    return {ErrorCode::kMalformed, fmt::format("{}: byte {}", place_, at_ + 1),
            fmt::format("not JSON: parse error at line {}, column {}: {}",
                        1 + std::ranges::count(before, '\n'), at_ - line_start + 1, reason)};
  }

  [[nodiscard]] Status pass(const Status& status) const {
    if (status.ok()) return {};
    Error error = status.error();
    error.place = error.place.empty() ? here() : fmt::format("{}: {}", place_, error.place);
    return error;
  }

  std::string_view text_;
  JsonVisitor& visitor_;
  std::string_view place_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t open_keys_ = 0;
  std::string unescaped_;
};

// Builds the value. Objects are filled through their vector: the map's own insertion looks for the key first,
// which takes quadratic time, and Reader has done so.
class Builder final : public JsonVisitor {
 public:
  explicit Builder(std::string_view left_out) : left_out_(left_out) {}
  Status begin_object() override { return open(Json::object()); }
  Status begin_array() override { return open(Json::array()); }
  Status end_object() override { return close(); }
  Status end_array() override { return close(); }
  Status key(std::string_view name) override {
    if (depth_left_out_ == 0) {
      leaves_out_ = open_.size() == 1 && !left_out_.empty() && name == left_out_;
      if (!leaves_out_) key_ = name;
    }
    return {};
  }
  Status string(std::string_view text) override { return leaves_out_ ? Status{} : put(Json(text)); }
  Status integer(std::string_view decimal) override {
    return leaves_out_ ? Status{} : put(json_integer(decimal));
  }
  Status real(double value) override { return put(Json(value)); }
  Status boolean(bool value) override { return put(Json(value)); }
  Status null() override { return put(Json(nullptr)); }
  Json take() { return std::move(root_); }

 private:
  Result<Json*> add(Json value) {
    if (++count_ > kMaxJsonValues)
      return Error{ErrorCode::kTooLarge, {}, fmt::format("more than {} values", kMaxJsonValues)};
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& items = open_.back()->get_ref<Json::array_t&>();
      return &items.emplace_back(std::move(value));
    }
    auto& members = static_cast<Json::object_t::Container&>(open_.back()->get_ref<Json::object_t&>());
    return &members.emplace_back(std::move(key_), std::move(value)).second;
  }
  Status put(Json value) {
    if (!leaves_out_) static_cast<void>(ASSAY_TRY(add(std::move(value))));
    return {};
  }
  Status open(Json value) {
    if (leaves_out_) return ++depth_left_out_, Status{};
    open_.push_back(ASSAY_TRY(add(std::move(value))));
    return {};
  }
  Status close() {
    if (depth_left_out_ > 0) {
      --depth_left_out_;
    } else {
      open_.pop_back();
    }
    return {};
  }

  std::string_view left_out_;
  bool leaves_out_ = false;         // what comes is of the field that is left out
  std::size_t depth_left_out_ = 0;  // within it
  std::size_t count_ = 0;
  Json root_;
  std::string key_;
  std::vector<Json*> open_;  // each lies in the one before, which does not grow while it is open
};

}  // namespace

std::string_view internal::shown(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  if (text.size() <= kLongest) return text;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

Error JsonVisitor::unexpected(std::string_view what) {
  return {ErrorCode::kMalformed, {}, fmt::format("{} is not expected here", what)};
}

Status JsonVisitor::begin_object() { return unexpected("an object"); }
Status JsonVisitor::end_object() { return unexpected("the end of an object"); }
Status JsonVisitor::begin_array() { return unexpected("an array"); }
Status JsonVisitor::end_array() { return unexpected("the end of an array"); }
Status JsonVisitor::key(std::string_view) { return unexpected("a key"); }
Status JsonVisitor::string(std::string_view) { return unexpected("a string"); }
Status JsonVisitor::integer(std::string_view) { return unexpected("an integer"); }
Status JsonVisitor::real(double) { return unexpected("a number that is not an integer"); }
Status JsonVisitor::boolean(bool) { return unexpected("true or false"); }
Status JsonVisitor::null() { return unexpected("null"); }

Status parse_json_stream(std::string_view text, JsonVisitor& visitor, std::string_view place) {
  if (text.starts_with("\xef\xbb\xbf")) {
    return Error{ErrorCode::kMalformed, std::string(place),
                 "a byte order mark before the JSON text: remove it"};
  }
  try {
    return Reader(text, visitor, place).read();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kTooLarge, std::string(place), "no memory for this JSON text"};
  }
}

Result<Json> parse_json(std::string_view text, std::string_view place, std::string_view left_out) {
  Builder builder(left_out);
  ASSAY_TRY(parse_json_stream(text, builder, place));
  return builder.take();
}

Result<Json> read_json_file(const std::filesystem::path& path, std::uint64_t max_bytes,
                            std::string_view left_out) {
  const Bytes bytes = ASSAY_TRY(read_file(path, max_bytes));
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(), left_out);
}

}  // namespace assay
