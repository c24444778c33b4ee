// Quotient commitments: [q(t)]_1 of q = (r(x, ..) - r(z, ..)) / (x - z), x the first axis of the values r.
//
// The values are `nodes` rows of level.size() / nodes, the level's points stand in the same order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assay/commit.h"
#include "commit/magnitude.h"

namespace assay::pst::internal {

/// How the quotient at a node is reached. All ways give the same point.
enum class QuotientWay {
  kWord64,  ///< denominators cleared, scalars in 64-bit words
  kApart,   ///< the same, but plain differences and an MSM for each node; only the row of z has wider scalars
  kWord128,  ///< denominators cleared, scalars in 128-bit words
  kByNode,   ///< for each node an MSM over plain differences; wide scalars for the row of z alone
  kField,    ///< quotients as field elements, one MSM of wide scalars
};

/// The cheapest way whose words hold every number that occurs, given max |value| of the rows.
[[nodiscard]] QuotientWay choose_way(std::uint32_t nodes, std::uint32_t z, std::uint64_t row_size,
                                     UInt128 largest);

/// The quotient at node z. Errors: kTooLarge (memory).
[[nodiscard]] Result<G1Affine> commit_quotient(QuotientWay way, std::span<const G1Affine> level,
                                               IntegerView rows, std::uint32_t nodes, std::uint32_t z);

/// Replaces the values of r by those of its quotient at any z of Fr; returns the row r(z, ..).
[[nodiscard]] std::vector<Fr> divide_in_place(std::span<Fr> rows, std::uint32_t nodes, const Fr& z);

}  // namespace assay::pst::internal
