// ASSAY_TRY(expression): the value of a Result, or return its Error from the enclosing function.
#pragma once

#include <utility>

#include "assay/base.h"

#define ASSAY_TRY(...)                                 \
  __extension__({                                      \
    auto try_result_ = (__VA_ARGS__);                  \
    if (!try_result_.ok()) return try_result_.error(); \
    std::move(try_result_).value();                    \
  })
