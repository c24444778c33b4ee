// What reports are made of: openings, numbers, seconds.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "assay/base.h"
#include "base/verdict_json.h"
#include "claim/report.h"
#include "console.h"

namespace assay::cli {

/// The openings of a report, made when they are printed: there may be a million of them.
[[nodiscard]] Rows rows_of(const claim::Proofs& proofs, const claim::Header* header,
                           const claim::Verification* found);

/// "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

/// Seconds since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  }

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace assay::cli
