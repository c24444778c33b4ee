// Which proofs are of one and the same point.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "assay/claim.h"

namespace assay::claim::internal {

/// The index of a point that stands earlier too, the least such; nothing when all differ.
[[nodiscard]] std::optional<std::size_t> find_repeated(std::span<const Proof> proofs);

/// How many different points there are.
[[nodiscard]] std::size_t count_distinct(std::span<const Proof> proofs);

}  // namespace assay::claim::internal
