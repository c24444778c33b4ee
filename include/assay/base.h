// Errors, verdicts, bytes and digests: what every other room speaks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "assay/verdict.h"

namespace assay {

using Bytes = std::vector<std::uint8_t>;
using ByteSpan = std::span<const std::uint8_t>;

/// A SHA-256 digest.
using Digest = std::array<std::uint8_t, 32>;

/// Why an input could not be used. A rejected proof is not an error: see Verdict.
enum class ErrorCode {
  kIo,            ///< the operating system refused: missing file, full disk, no permission
  kMalformed,     ///< the bytes are not of the format they should be
  kNonCanonical,  ///< the bytes mean something, but are not the one encoding of it
  kTooLarge,      ///< over a cap that is checked before anything is allocated
  kOutOfRange,    ///< a number outside the range that its place allows
  kMismatch,      ///< two inputs that do not belong together
  kUnsupported,   ///< a known feature that this build or format does not have
};

/// What was wrong with an input, where, and what may be done about it.
struct Error {
  ErrorCode code;
  std::string place;   ///< the file, field or offset
  std::string reason;  ///< one short clause

  /// "place: reason", or the reason alone where there is no place.
  [[nodiscard]] std::string to_string() const;
};

namespace internal {
struct ProgressSink;
/// Terminates with `what`: reading the value of a failed Result is a bug of the caller.
[[noreturn]] void fail_result_access(const char* what, const Error* error);
}  // namespace internal

/// A value, or the Error that prevented it. No exception crosses the library's boundary.
template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit, for `return value;` and `return Error{..};`. NOLINTBEGIN(google-explicit-constructor)
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] const T& value() const& { return checked(), std::get<T>(state_); }
  [[nodiscard]] T& value() & { return checked(), std::get<T>(state_); }
  /// By value, so that nothing refers into a Result that is gone.
  [[nodiscard]] T value() && { return checked(), std::get<T>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  [[nodiscard]] const Error& error() const {
    if (ok()) internal::fail_result_access("error() of a Result that holds a value", nullptr);
    return std::get<Error>(state_);
  }

 private:
  void checked() const {
    if (!ok()) internal::fail_result_access("value() of a failed Result", &std::get<Error>(state_));
  }
  std::variant<T, Error> state_;
};

/// Success, or the Error that prevented it.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  void value() const {
    if (failed_) internal::fail_result_access("value() of a failed Status", &error_);
  }
  [[nodiscard]] const Error& error() const {
    if (!failed_) internal::fail_result_access("error() of a successful Status", nullptr);
    return error_;
  }

 private:
  Error error_{};
  bool failed_ = false;
};

using Status = Result<void>;

/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(ByteSpan bytes);

/// Reads hexadecimal of either case, without prefix. Errors: kMalformed (odd length or another character).
[[nodiscard]] Result<Bytes> from_hex(std::string_view text, std::string_view place);

/// Base64 (RFC 4648, section 4), with padding.
[[nodiscard]] std::string to_base64(ByteSpan bytes);

/// Reads base64, of which each byte string has one text. Errors: kMalformed (length, alphabet, padding),
/// kNonCanonical (bits set after the last byte).
[[nodiscard]] Result<Bytes> from_base64(std::string_view text, std::string_view place);

/// Text that a stranger may have written, as one line for people: UTF-8 without what would move a terminal's
/// cursor, turn the direction of the text beside it, or not be seen. In its place stand \n, \r, \t, the
/// character's number as \u009b or \U000e0041, and \xff for a byte that is not UTF-8. What was made printable
/// stays as it is.
[[nodiscard]] std::string printable(std::string_view text);

/// The same JSON, in UTF-8, with such characters within its texts as JSON's escapes.
[[nodiscard]] std::string printable_json(std::string_view text);

/// SHA-256 (FIPS 180-4) of `bytes`.
[[nodiscard]] Digest sha256(ByteSpan bytes);

/// Called as long work goes on, with the name of the phase and the part done, 0 to 1; may come from any
/// thread, but never from two at a time. The library itself never prints.
using ProgressHandler = std::function<void(std::string_view phase, double done)>;
void set_progress_handler(ProgressHandler handler);

/// While it lives, the progress of calls that the thread which made it makes goes to this handler, and not to
/// the one above. Scopes nest; those of different threads know nothing of each other.
class ProgressScope {
 public:
  explicit ProgressScope(ProgressHandler handler);
  ~ProgressScope();
  ProgressScope(const ProgressScope&) = delete;
  ProgressScope& operator=(const ProgressScope&) = delete;

 private:
  std::shared_ptr<internal::ProgressSink> before_;
};

/// At most this many threads work for one call; 0 asks for one per processor. The start value is the
/// environment's ASSAY_THREADS, else 0. Set it before work is under way.
void set_thread_limit(unsigned threads);
[[nodiscard]] unsigned thread_limit();

/// While it lives, at most this many threads work for one call that the thread which made it makes, whatever
/// the limit above says; 0 changes nothing. For work beside something that must not be slowed down.
class ThreadLimitScope {
 public:
  explicit ThreadLimitScope(unsigned threads);
  ~ThreadLimitScope();
  ThreadLimitScope(const ThreadLimitScope&) = delete;
  ThreadLimitScope& operator=(const ThreadLimitScope&) = delete;

 private:
  unsigned before_;
};

}  // namespace assay
