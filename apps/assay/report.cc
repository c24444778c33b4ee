#include "report.h"

#include <fmt/format.h>

namespace assay::cli {

Rows rows_of(const claim::Proofs& proofs, const claim::Header* header, const claim::Verification* found) {
  return {"proofs", proofs.size(),
          [&proofs, header, found](std::size_t k) {
            return claim::json_of(claim::report_of(proofs, k, header, found));
          },
          [&proofs, header, found](std::size_t k) {
            return claim::line_of(claim::report_of(proofs, k, header, found));
          }};
}

std::string grouped(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

}  // namespace assay::cli
