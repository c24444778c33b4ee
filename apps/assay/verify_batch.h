// Many claims at once, as `assay verify --batch` judges them.
#pragma once

#include <string>
#include <vector>

#include "console.h"

namespace assay::cli {

struct BatchOptions {
  std::string list;  ///< a text: commitment file, tab, proof file, and where one was agreed on tab and digest
  std::string srs;
  std::string srs_digest;
  std::vector<std::string> expect;
};

[[nodiscard]] Result<int> verify_batch(const BatchOptions& options, const Console& console);

}  // namespace assay::cli
