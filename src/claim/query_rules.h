// Which queries suit which axes, and which are one and the same.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "assay/claim.h"

namespace assay::claim::internal {

/// Why this is not the one form of a query over these axes; empty when it is. A point of the grid in the form
/// of others would escape the range that values on the grid are held to.
[[nodiscard]] std::string fault_of(const Query& query, const Axes& axes);

/// The index of a query that stands earlier too, the least such; nothing when all differ.
[[nodiscard]] std::optional<std::size_t> find_repeated(std::span<const Query> queries);
[[nodiscard]] std::optional<std::size_t> find_repeated(const Proofs& proofs);

/// How many different queries there are.
[[nodiscard]] std::size_t count_distinct(const Proofs& proofs);

/// The first that asks for padding: an entry there, a set with one, a slice without a value that is none.
[[nodiscard]] std::optional<std::size_t> find_padding(const encode::Layout& layout,
                                                      std::span<const Query> queries);

}  // namespace assay::claim::internal
