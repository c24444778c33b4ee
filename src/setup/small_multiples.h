// Secrets that anybody finds by trying.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "assay/curve.h"

namespace assay::setup::internal {

/// The multiples k of G2's generator with |k| at most kLargest, found by baby steps and giant steps (Shanks,
/// "Class number, a theory of factorization, and genera", 1971).
class SmallMultiples {
 public:
  static constexpr std::int64_t kLargest = std::int64_t{1} << 20;

  SmallMultiples();
  /// k of a point that is k times the generator; none where there is no such k.
  [[nodiscard]] std::optional<std::int64_t> find(const G2Affine& point) const;

 private:
  static constexpr std::int64_t kBaby = 1024;

  std::map<std::array<std::uint64_t, 8>, std::int64_t> baby_;  // by x: k and -k have the same
};

}  // namespace assay::setup::internal
