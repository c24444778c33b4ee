// The rows that were opened, by where they flowed.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "assay/audit_challenge.h"
#include "audit/number.h"

namespace assay::audit::internal {

class OpenedRows {
 public:
  explicit OpenedRows(const Openings& openings);

  /// nullptr where it was not opened.
  [[nodiscard]] const Openings::Row* find(std::uint64_t step, const Wire& wire, std::uint64_t position) const;

  /// Of a row that was opened; empty where it is not there. Errors: kOutOfRange (NaN or Inf).
  [[nodiscard]] Result<std::vector<double>> values(std::uint64_t step, const Wire& wire,
                                                   std::uint64_t position) const;

 private:
  std::map<std::tuple<std::uint64_t, Wire, std::uint64_t>, const Openings::Row*> rows_;
};

}  // namespace assay::audit::internal
