// What a prover's setup holds: the bases of nodes and of their quotients, and a table of their multiples.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "assay/tree_prover.h"
#include "curve/fixed_bases.h"

namespace assay::tree {

struct Setup::State {
  static constexpr std::size_t kTableBytes = std::size_t{1} << 24;

  Kind kind = Kind::kMerkle;
  Digest digest{};
  Key key = Key::merkle();
  std::vector<std::uint32_t> arities;
  std::optional<kzg::Srs> kzg;
  std::optional<pst::Srs> pst;
  /// The points of a node's children, then, for a Terkle node, of its levels 1 to m - 1.
  std::vector<G1Affine> bases;
  std::vector<std::size_t> first_of_level;
  std::optional<RootDomain> domain;  ///< of a Verkle node
  /// 1/k, k!, 1/k! for k below the longest axis of a Terkle node.
  std::vector<Fr> inverses, factorials, inverse_factorials;

  /// sums[i] over `bases`, by the table or, for nodes that are too wide for one, without it.
  void sum(std::span<const curve::FixedBases::Sum> sums, std::span<G1Affine> out) const;
  /// Null where nodes are too wide.
  [[nodiscard]] const curve::FixedBases* table() const;

 private:
  mutable std::once_flag made_;
  mutable std::optional<curve::FixedBases> table_;

 public:
  /// 1/x of the nodes of a Verkle node's domain; 1/(x_c - x_z) at z w + c, of domains that are small enough.
  std::vector<Fr> inverse_nodes, inverse_differences;
};

namespace internal {

/// The commitment to a quotient of a node's values: its scalars, over the bases from `base` on.
struct Quotient {
  std::size_t base = 0;
  std::vector<Scalar> scalars;
};

/// (f - f(z)) / (X - z) at all nodes of the domain, for f with these values at them and z the node of
/// `child`.
[[nodiscard]] std::vector<Fr> verkle_quotient(const Setup::State& setup, std::span<const Fr> values,
                                              std::uint32_t child);

/// The quotients that open children of a node with these values, in the order of a proof. Verkle: (f - f(z))
/// / (X - z). Terkle: axis after axis, each for the coordinates that differ from those of the child before.
[[nodiscard]] std::vector<Quotient> quotients_of(const Setup::State& setup, std::span<const Fr> values,
                                                 std::span<const std::uint32_t> children);

}  // namespace internal
}  // namespace assay::tree
