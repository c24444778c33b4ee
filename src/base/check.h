// Checks of our own reasoning. A failed check is a bug of ours: it prints the operands and terminates. Input
// is never checked with these; see Result.
//
//   ASSAY_CHECK_EQ(a, b)           that a == b; likewise _LT, _LE, _GT and _GE. Prints a and b.
//   ASSAY_CHECK(condition, a, ..)  any other condition. Prints a and what else follows: what it rests on.
//   ASSAY_CHECK(condition)         one that rests on nothing that could be printed.
//
// What is printed is asked for only when the check has failed. A comparison that stands in the third form
// does not pass the tests (tests/architecture/check_operands.py).
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

namespace assay::internal {

[[noreturn]] void fail_check(const char* file, int line, const char* condition, const std::string& operands);

/// How an operand is printed: the members of an enumeration by number, what has a text of its own by that.
template <class T>
std::string operand_text(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return fmt::to_string(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (requires {
                         { value.to_string() } -> std::convertible_to<std::string>;
                       }) {
    return value.to_string();
  } else {
    return fmt::format("{}", value);
  }
}

// Out of line, so that a check costs its caller a comparison and a jump.

template <class A, class B>
[[noreturn, gnu::cold, gnu::noinline]] void fail_comparison(const char* file, int line, const char* condition,
                                                            const A& a, const B& b) {
  fail_check(file, line, condition, operand_text(a) + " against " + operand_text(b));
}

template <class... T>
[[noreturn, gnu::cold, gnu::noinline]] void fail_condition(const char* file, int line, const char* condition,
                                                           const char* names, const T&... operands) {
  std::string text;
  ((text += (text.empty() ? "" : ", ") + operand_text(operands)), ...);
  fail_check(file, line, condition, text.empty() ? "" : std::string("with ") + names + " = " + text);
}

/// An integer that std::cmp_equal and its like compare by value, whatever the signs of the types.
template <class T>
concept Comparable = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

template <class A, class B>
constexpr bool is_equal(const A& a, const B& b) {
  if constexpr (Comparable<A> && Comparable<B>)
    return std::cmp_equal(a, b);
  else
    return a == b;
}
template <class A, class B>
constexpr bool is_less(const A& a, const B& b) {
  if constexpr (Comparable<A> && Comparable<B>)
    return std::cmp_less(a, b);
  else
    return a < b;
}
template <class A, class B>
constexpr bool is_at_most(const A& a, const B& b) {
  if constexpr (Comparable<A> && Comparable<B>)
    return std::cmp_less_equal(a, b);
  else
    return a <= b;
}

}  // namespace assay::internal

#define ASSAY_CHECK(condition, ...)                                               \
  do {                                                                            \
    if (!(condition)) [[unlikely]]                                                \
      ::assay::internal::fail_condition(__FILE__, __LINE__, #condition,           \
                                        #__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__); \
  } while (false)

#define ASSAY_CHECK_EQ(a, b) ASSAY_CHECK_COMPARISON(a, ==, b, ::assay::internal::is_equal(check_a_, check_b_))
#define ASSAY_CHECK_LT(a, b) ASSAY_CHECK_COMPARISON(a, <, b, ::assay::internal::is_less(check_a_, check_b_))
#define ASSAY_CHECK_LE(a, b) \
  ASSAY_CHECK_COMPARISON(a, <=, b, ::assay::internal::is_at_most(check_a_, check_b_))
#define ASSAY_CHECK_GT(a, b) ASSAY_CHECK_COMPARISON(a, >, b, ::assay::internal::is_less(check_b_, check_a_))
#define ASSAY_CHECK_GE(a, b) \
  ASSAY_CHECK_COMPARISON(a, >=, b, ::assay::internal::is_at_most(check_b_, check_a_))

/// What the five above share; `holds` speaks of check_a_ and check_b_.
#define ASSAY_CHECK_COMPARISON(a, sign, b, holds)                                                      \
  do {                                                                                                 \
    const auto& check_a_ = (a);                                                                        \
    const auto& check_b_ = (b);                                                                        \
    if (!(holds)) [[unlikely]]                                                                         \
      ::assay::internal::fail_comparison(__FILE__, __LINE__, #a " " #sign " " #b, check_a_, check_b_); \
  } while (false)

// For checks that cost more than the work they guard: only where assertions are on.
#ifdef NDEBUG
#define ASSAY_DCHECK(condition, ...) static_cast<void>(sizeof(!(condition)))
#else
#define ASSAY_DCHECK(condition, ...) ASSAY_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#endif
