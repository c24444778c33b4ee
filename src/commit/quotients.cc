#include "commit/quotients.h"

#include <limits>
#include <type_traits>

#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "commit/allocate.h"
#include "commit/lagrange.h"
#include "commit/node_weights.h"

namespace assay::pst::internal {
namespace {

// Below this many points per node, separate MSMs cost more than one of wide scalars.
constexpr std::uint64_t kMinRowByNode = 32;

// From this many points per node on, the windows that plain differences save are worth the MSMs' own cost.
constexpr std::uint64_t kMinRowApart = 8192;

constexpr UInt128 kWord64Limit = std::numeric_limits<std::int64_t>::max();

/// out[j * width + k] = denominator * q(j, k) in words of type Word.
template <class Word, class T, class Out>
void scaled_quotients(std::span<const T> rows, const NodeWeights& weights, std::uint32_t z,
                      std::span<Out> out) {
  const std::size_t nodes = weights.direct.size();
  const std::size_t width = rows.size() / nodes;
  const auto store = [&](std::size_t index, Word value) {
    if constexpr (std::is_same_v<Out, Scalar>)
      out[index] = to_scalar(value);
    else
      out[index] = value;
  };
  parallel_for(0, width, 1024, [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      const Word base = to_word<Word>(rows[z * width + k]);
      Word slope = 0;
      for (std::size_t j = 0; j < nodes; ++j) {
        if (j == z) continue;
        const Word difference = to_word<Word>(rows[j * width + k]) - base;
        store(j * width + k, difference * weights.direct[j]);
        slope += difference * weights.derivative[j];
      }
      store(z * width + k, slope);
    }
  });
}

template <class Word, class Out>
Result<G1Affine> commit_cleared(std::span<const G1Affine> level, IntegerView rows, std::uint32_t nodes,
                                std::uint32_t z) {
  const NodeWeights weights = node_weights(nodes, z);
  std::vector<Out> quotients = ASSAY_TRY(allocate<Out>(level.size(), "opening"));
  rows.visit([&](const auto& span) { scaled_quotients<Word>(span, weights, z, std::span(quotients)); });
  const G1Affine scaled = curve::msm_vartime(level, IntegerView(quotients));
  return weights.denominator == 1
             ? scaled
             : curve::multiply_vartime(scaled, Fr::from_i64(weights.denominator).inverse());
}

Result<G1Affine> commit_apart(std::span<const G1Affine> level, IntegerView rows, std::uint32_t nodes,
                              std::uint32_t z) {
  const std::size_t width = level.size() / nodes;
  const NodeWeights weights = node_weights(nodes, z);
  std::vector<std::int64_t> differences = ASSAY_TRY(allocate<std::int64_t>(width, "opening"));
  std::vector<std::int64_t> slopes = ASSAY_TRY(allocate<std::int64_t>(width, "opening"));
  std::vector<G1Affine> sums(nodes);
  for (std::uint32_t j = 0; j < nodes; ++j) {
    if (j == z) continue;
    rows.visit([&](const auto& span) {
      parallel_for(0, width, 1024, [&](std::size_t first, std::size_t last) {
        for (std::size_t k = first; k < last; ++k) {
          differences[k] =
              to_word<std::int64_t>(span[j * width + k]) - to_word<std::int64_t>(span[z * width + k]);
          slopes[k] += differences[k] * weights.derivative[j];
        }
      });
    });
    sums[j] = curve::msm_vartime(level.subspan(j * width, width), IntegerView(differences));
  }
  const G1Affine scaled =
      curve::add(curve::msm_vartime(sums, IntegerView(weights.direct)),
                 curve::msm_vartime(level.subspan(z * width, width), IntegerView(slopes)));
  return curve::multiply_vartime(scaled, Fr::from_i64(weights.denominator).inverse());
}

Result<G1Affine> commit_by_node(std::span<const G1Affine> level, IntegerView rows, std::uint32_t nodes,
                                std::uint32_t z) {
  const std::size_t width = level.size() / nodes;
  const std::vector<Fr> weights = barycentric_weights(nodes);
  const Fr minus_inverse_weight = -weights[z].inverse();
  std::vector<Fr> inverses(nodes);
  for (std::uint32_t j = 0; j < nodes; ++j) inverses[j] = Fr::from_u64(j) - Fr::from_u64(z);
  batch_inverse(inverses);

  std::vector<std::int64_t> differences = ASSAY_TRY(allocate<std::int64_t>(width, "opening"));
  std::vector<Fr> wide = ASSAY_TRY(allocate<Fr>(width, "opening"));
  std::vector<Fr> slopes = ASSAY_TRY(allocate<Fr>(width, "opening"));
  std::vector<G1Affine> sums(nodes);
  for (std::uint32_t j = 0; j < nodes; ++j) {
    if (j == z) continue;
    rows.visit([&](const auto& span) {
      parallel_for(0, width, 1024, [&](std::size_t first, std::size_t last) {
        for (std::size_t k = first; k < last; ++k)
          differences[k] =
              to_word<std::int64_t>(span[j * width + k]) - to_word<std::int64_t>(span[z * width + k]);
      });
    });
    sums[j] = curve::msm_vartime(level.subspan(j * width, width), IntegerView(differences));
    to_field(differences, wide);
    add_scaled(slopes, minus_inverse_weight * weights[j] * inverses[j], wide);
  }
  return curve::add(curve::msm_vartime(sums, inverses),
                    curve::msm_vartime(level.subspan(z * width, width), slopes));
}

Result<G1Affine> commit_in_field(std::span<const G1Affine> level, IntegerView rows, std::uint32_t nodes,
                                 std::uint32_t z) {
  std::vector<Fr> quotients = ASSAY_TRY(allocate<Fr>(level.size(), "opening"));
  to_field(rows, quotients);
  static_cast<void>(divide_in_place(quotients, nodes, Fr::from_u64(z)));
  return curve::msm_vartime(level, quotients);
}

}  // namespace

QuotientWay choose_way(std::uint32_t nodes, std::uint32_t z, std::uint64_t row_size, UInt128 largest) {
  if (largest >= kHuge) return QuotientWay::kField;
  const UInt128 difference = 2 * largest;
  if (nodes > kMaxClearedAxis)
    return row_size >= kMinRowByNode && difference <= kWord64Limit ? QuotientWay::kByNode
                                                                   : QuotientWay::kField;
  // Every partial sum is bounded by the sum of its absolute values, and so by growth * difference.
  const UInt128 growth = node_weights(nodes, z).growth;
  if (growth == 0 || difference <= kWord64Limit / growth)
    return row_size >= kMinRowApart ? QuotientWay::kApart : QuotientWay::kWord64;
  return difference <= kHuge / growth ? QuotientWay::kWord128 : QuotientWay::kField;
}

Result<G1Affine> commit_quotient(QuotientWay way, std::span<const G1Affine> level, IntegerView rows,
                                 std::uint32_t nodes, std::uint32_t z) {
  ASSAY_CHECK_EQ(level.size(), rows.size());
  ASSAY_CHECK(z < nodes && level.size() % nodes == 0);
  if (nodes == 1) return G1Affine::infinity();
  switch (way) {
    case QuotientWay::kWord64:
      return commit_cleared<std::int64_t, std::int64_t>(level, rows, nodes, z);
    case QuotientWay::kApart:
      return commit_apart(level, rows, nodes, z);
    case QuotientWay::kWord128:
      return commit_cleared<Int128, Scalar>(level, rows, nodes, z);
    case QuotientWay::kByNode:
      return commit_by_node(level, rows, nodes, z);
    case QuotientWay::kField:
      break;
  }
  return commit_in_field(level, rows, nodes, z);
}

std::vector<Fr> divide_in_place(std::span<Fr> rows, std::uint32_t nodes, const Fr& z) {
  const std::size_t width = rows.size() / nodes;
  std::vector<Fr> at_z = combine_rows(rows, lagrange_at(nodes, z));

  std::vector<Fr> inverses(nodes);
  std::uint32_t node = nodes;  // the node that z is, if it is one
  for (std::uint32_t j = 0; j < nodes; ++j) {
    inverses[j] = Fr::from_u64(j) - z;
    if (inverses[j].is_zero()) node = j;
  }
  batch_inverse(inverses);
  parallel_for(0, width, 256, [&](std::size_t first, std::size_t last) {
    for (std::uint32_t j = 0; j < nodes; ++j)
      for (std::size_t k = first; k < last; ++k)
        rows[j * width + k] = (rows[j * width + k] - at_z[k]) * inverses[j];
  });
  if (node < nodes) {
    // q has degree below nodes - 1, so its value at z follows from the other nodes:
    // sum_j w_j q(j) = 0 over all nodes, and that row holds zeros as yet.
    const std::vector<Fr> weights = barycentric_weights(nodes);
    std::vector<Fr> slopes = combine_rows(rows, weights);
    const Fr factor = -weights[node].inverse();
    for (std::size_t k = 0; k < width; ++k) rows[node * width + k] = slopes[k] * factor;
  }
  return at_z;
}

}  // namespace assay::pst::internal
