// What links a contribution to the one before it: digests, challenges, secrets out of a beacon.
#pragma once

#include <span>
#include <vector>

#include "assay/setup.h"

namespace assay::setup::internal {

/// Where a contribution stands.
struct Place {
  const Axes& axes;
  std::size_t number;  ///< of contributions before it
  const Digest& before;
};

/// The digest of a ceremony before its first contribution.
[[nodiscard]] Digest first_digest(const Axes& axes, const Digest& nonce);
/// The digest after a contribution.
[[nodiscard]] Digest next_digest(const Digest& before, const Contribution& contribution);

/// c_i of every axis, from everything that the contribution says but its responses.
[[nodiscard]] std::vector<Fr> challenges(const Place& place, const Contribution& contribution);

/// s_i of every axis: 2^log2_iterations hashes, and a stream keyed by the last.
[[nodiscard]] std::vector<Fr> secrets_of_beacon(const Place& place, std::string_view name,
                                                const Beacon& beacon);

/// A factor for each axis from a ChaCha20 stream, neither 0 nor 1.
[[nodiscard]] std::vector<Fr> draw_factors(const Digest& key, std::size_t count);

/// Errors: kOutOfRange.
[[nodiscard]] Status check_beacon_form(const Beacon& beacon, std::string_view place);

}  // namespace assay::setup::internal
