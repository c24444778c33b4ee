// Secrets that are powers of others: with such a relation a quotient makes up for another.
#pragma once

#include <cstdint>
#include <optional>

#include "assay/pst.h"

namespace assay::pst::internal {

/// t_of = t_base^exponent.
struct PowerOf {
  std::size_t of, base;
  std::uint32_t exponent;
};

/// Exponents that are looked for on an axis of n nodes: up to n where that is 1,024 or less, and as many as
/// cost 2^20 products of points, four at least, on a longer one.
[[nodiscard]] std::uint32_t largest_exponent(std::uint32_t nodes);

/// The first relation t_j = t_i^e, 2 <= e <= largest_exponent(n_i), among axes of two nodes or more. The
/// levels must be Lagrange bases at the secrets.
[[nodiscard]] std::optional<PowerOf> find_power(const Srs& srs);

}  // namespace assay::pst::internal
