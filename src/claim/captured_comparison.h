// Opened values held against those that the verifier has itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assay/verifier.h"

namespace assay::claim::internal {

/// Whether the verifier's own values are of the header's layers. Step: "captured tensor".
[[nodiscard]] Verdict check_captured_tensor(const Header& header, const Captured& own);

/// One comparison of all opened values. What is given outlives it; the queries suit the header's axes, and
/// the captured values its layers.
class CapturedComparison {
 public:
  CapturedComparison(const Header& header, const Proofs& proofs, const Captured& own)
      : header_(header), proofs_(proofs), own_(own) {}

  /// Step: "captured values" (inconclusive where the memory to interpolate them is missing, or where points
  /// off the grid would cost more than Verification::kMaxInterpolation). The item is the first entry or part
  /// that differs, or where all agree the first point off the grid.
  [[nodiscard]] Verdict compare_all();

  /// Of each proof whether its values are the captured ones; none where that was not found out.
  [[nodiscard]] std::vector<std::optional<bool>> take_matches() { return std::move(matches_); }

 private:
  Verdict compare_entries();
  Verdict compare_parts(std::size_t k);
  Verdict compare_single_entries();
  Verdict compare_off_grid(std::size_t off_grid);
  [[nodiscard]] std::string no_integer() const;

  const Header& header_;
  const Proofs& proofs_;
  const Captured& own_;
  std::vector<std::optional<bool>> matches_;
};

}  // namespace assay::claim::internal
