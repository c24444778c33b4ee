// Checks of our own reasoning. A failed check is a bug of ours: it prints the operands and terminates. Input
// is never checked with these; see Result.
#pragma once

#include <fmt/format.h>

#include <string>

namespace assay::internal {
[[noreturn]] void fail_check(const char* file, int line, const char* condition, const std::string& operands);
}  // namespace assay::internal

#define ASSAY_CHECK(condition)                                                           \
  do {                                                                                   \
    if (!(condition)) ::assay::internal::fail_check(__FILE__, __LINE__, #condition, {}); \
  } while (false)

#define ASSAY_CHECK_EQ(a, b)                                                           \
  do {                                                                                 \
    const auto& check_a_ = (a);                                                        \
    const auto& check_b_ = (b);                                                        \
    if (!(check_a_ == check_b_))                                                       \
      ::assay::internal::fail_check(__FILE__, __LINE__, #a " == " #b,                  \
                                    fmt::format("{} against {}", check_a_, check_b_)); \
  } while (false)

// For checks that cost more than the work they guard: only where assertions are on.
#ifdef NDEBUG
#define ASSAY_DCHECK(condition) static_cast<void>(sizeof(!(condition)))
#else
#define ASSAY_DCHECK(condition) ASSAY_CHECK(condition)
#endif
