// Making the points of an SRS from its secrets, block by block.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "assay/pst.h"
#include "base/threads.h"

namespace assay::pst::internal {

/// t_i of the dev SRS.
[[nodiscard]] Fr dev_secret(std::uint64_t seed, std::size_t axis);
/// The same for every axis.
[[nodiscard]] std::vector<Fr> dev_secrets(const Axes& axes, std::uint64_t seed);

/// Points of levels 0..m-1 together.
[[nodiscard]] std::uint64_t total_points(const Axes& axes);

class LevelMaker {
 public:
  static constexpr std::size_t kBlock = std::size_t{1} << 16;

  /// One secret per axis.
  LevelMaker(const Axes& axes, std::span<const Fr> secrets);

  /// Hands the points of a level to `sink` in order, in blocks; stops at the first error of `sink`.
  [[nodiscard]] Status make(std::size_t level, Progress& progress,
                            const std::function<Status(std::span<const G1Affine>)>& sink) const;

 private:
  Axes axes_;
  std::vector<std::vector<Fr>> lagrange_;  // l_j(t_i) per axis i and node j
};

/// The verifier's part that belongs to the secrets, with the label kDev and the digests given.
[[nodiscard]] VerifierKey make_verifier_key(const Axes& axes, std::span<const Fr> secrets,
                                            std::vector<Digest> level_digests);

}  // namespace assay::pst::internal
