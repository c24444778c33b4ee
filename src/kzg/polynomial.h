// Polynomials by their values at the nodes of a domain, and their quotients.
#pragma once

#include <span>
#include <vector>

#include "assay/curve.h"
#include "assay/field.h"
#include "assay/integers.h"

namespace assay::kzg::internal {

/// The values as elements, and zeros up to the size of the domain. Errors: kMismatch (more values than the
/// domain has nodes), kTooLarge (memory).
[[nodiscard]] Result<std::vector<Fr>> on_domain(const RootDomain& domain, IntegerView values);

/// `count` elements. Errors: kTooLarge.
[[nodiscard]] Result<std::vector<Fr>> allocate(std::uint64_t count);

struct Quotient {
  Fr value;                ///< p(z)
  std::vector<Fr> values;  ///< (p - p(z)) / (X - z) at the nodes
};

/// Divides p, given by its values at all nodes. Berrut and Trefethen, SIAM Review 2004, for the value;
/// Errors: kTooLarge (memory).
[[nodiscard]] Result<Quotient> divide(const RootDomain& domain, std::span<const Fr> values, const Fr& point);

/// The same at the node of an index below the domain's size, for integers of at most 32 bits: the quotient's
/// values as integers modulo r. Errors: kTooLarge (memory).
[[nodiscard]] Result<std::vector<Scalar>> divide_at(const RootDomain& domain, IntegerView values,
                                                    std::uint64_t index);

/// values[i] *= factors[i]. Equal lengths.
void multiply(std::span<Fr> values, std::span<const Fr> factors);

}  // namespace assay::kzg::internal
