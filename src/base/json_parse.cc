#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/try.h"

namespace assay {
namespace {

constexpr std::size_t kMaxDepth = 64;

// Reads the text for nlohmann's lexer and tells how far it is, which its events do not.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// nlohmann's events, checked and passed on. Its names are not ours to choose.
class CheckedEvents {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  CheckedEvents(std::string_view text, JsonVisitor& visitor, std::string_view place)
      : start_(text.data()), reached_(text.data()), visitor_(visitor), place_(place) {}

  CountingIterator iterator(const char* at) { return {at, &reached_}; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  bool null() { return pass(visitor_.null()); }
  bool boolean(bool value) { return pass(visitor_.boolean(value)); }
  bool number_integer(number_integer_t value) {
    return pass(visitor_.integer(fmt::format_int(value).c_str()));
  }
  bool number_unsigned(number_unsigned_t value) {
    return pass(visitor_.integer(fmt::format_int(value).c_str()));
  }
  bool number_float(number_float_t value, const string_t& token) {
    const std::size_t digits = internal::count_integer_digits(token);
    if (digits == 0) return pass(visitor_.real(value));
    if (digits > internal::kMaxIntegerDigits) {
      return refuse(ErrorCode::kMalformed, "an integer of more than 308 digits");
    }
    return pass(visitor_.integer(token));
  }
  bool string(string_t& value) { return pass(visitor_.string(value)); }
  // Only nlohmann's binary formats have this event.
  bool binary(binary_t&) { return refuse(ErrorCode::kMalformed, "binary data"); }

  bool start_object(std::size_t) { return enter() && pass(visitor_.begin_object()); }
  bool key(string_t& name) {
    if (!keys_.back().insert(name).second) {
      return refuse(ErrorCode::kMalformed, fmt::format("the key \"{}\" stands twice in one object", name));
    }
    return pass(visitor_.key(name));
  }
  bool end_object() { return keys_.pop_back(), pass(visitor_.end_object()); }
  bool start_array(std::size_t) { return enter() && pass(visitor_.begin_array()); }
  bool end_array() { return keys_.pop_back(), pass(visitor_.end_array()); }

  bool parse_error(std::size_t position, const std::string&, const Json::exception& failure) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: what": the code says nothing to a
    // user.
    const std::string_view what = failure.what();
    const std::size_t head = what.find("] ");
    error_ = Error{ErrorCode::kMalformed, fmt::format("{}: byte {}", place_, position),
                   "not JSON: " + std::string(what.substr(head == what.npos ? 0 : head + 2))};
    return false;
  }

 private:
  bool enter() {
    if (keys_.size() == kMaxDepth) return refuse(ErrorCode::kTooLarge, "nested deeper than 64");
    keys_.emplace_back();
    return true;
  }

  std::string here() const { return fmt::format("{}: before byte {}", place_, reached_ - start_); }

  bool refuse(ErrorCode code, std::string reason) {
    error_ = Error{code, here(), std::move(reason)};
    return false;
  }

  bool pass(const Status& status) {
    if (status.ok()) return true;
    error_ = status.error();
    error_->place = error_->place.empty() ? here() : fmt::format("{}: {}", place_, error_->place);
    return false;
  }

  const char* start_;
  const char* reached_;
  JsonVisitor& visitor_;
  std::string_view place_;
  std::vector<std::unordered_set<std::string>> keys_;  // one set for each open object or array
  std::optional<Error> error_;
};

// Builds the value. Objects are filled through their vector: the map's own insertion looks for the key first,
// which takes quadratic time, and CheckedEvents has done so.
class Builder final : public JsonVisitor {
 public:
  Status begin_object() override { return open(Json::object()); }
  Status begin_array() override { return open(Json::array()); }
  Status end_object() override { return close(); }
  Status end_array() override { return close(); }
  Status key(std::string_view name) override { return key_ = name, Status{}; }
  Status string(std::string_view text) override { return add(Json(text)), Status{}; }
  Status integer(std::string_view decimal) override { return add(json_integer(decimal)), Status{}; }
  Status real(double value) override { return add(Json(value)), Status{}; }
  Status boolean(bool value) override { return add(Json(value)), Status{}; }
  Status null() override { return add(Json(nullptr)), Status{}; }
  Json take() { return std::move(root_); }

 private:
  Json* add(Json value) {
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
  Status open(Json value) { return open_.push_back(add(std::move(value))), Status{}; }
  Status close() { return open_.pop_back(), Status{}; }

  Json root_;
  std::string key_;
  std::vector<Json*> open_;  // each lies in the one before, which does not grow while it is open
};

}  // namespace

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
  // nlohmann's lexer takes a zero byte for the end and would leave what follows unread.
  if (const std::size_t zero = text.find('\0'); zero != text.npos) {
    return Error{ErrorCode::kMalformed, fmt::format("{}: byte {}", place, zero), "not JSON: a zero byte"};
  }
  try {
    CheckedEvents events(text, visitor, place);
    if (Json::sax_parse(events.iterator(text.data()), events.iterator(text.data() + text.size()), &events))
      return {};
    ASSAY_CHECK(events.error().has_value(), place, text.size());
    return *events.error();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kTooLarge, std::string(place), "no memory for this JSON text"};
  }
}

Result<Json> parse_json(std::string_view text, std::string_view place) {
  Builder builder;
  ASSAY_TRY(parse_json_stream(text, builder, place));
  return builder.take();
}

Result<Json> read_json_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const Bytes bytes = ASSAY_TRY(read_file(path, max_bytes));
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

}  // namespace assay
