// What lies between the products: norms, activations, the residual stream, attention.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "assay/audit_measure.h"
#include "audit/facts.h"
#include "audit/number.h"

namespace assay::audit::internal {

/// What a norm makes of a row, each value rounded as the model's program rounds it. The factor of RMSNorm is
/// moved by `shift` places of fp32: see norms_of.
[[nodiscard]] std::vector<double> normalised(const ModelSpec& spec, const Norm& norm,
                                             std::span<const double> row, const FloatFormat& format,
                                             int shift = 0);

/// What a norm may make of a row, the likeliest first and each once. The sum of squares is taken in fp32 in
/// an order that nobody knows, so that the factor may be another number nearby. Where it lies beside a
/// fraction of few bits, such as 3/4, values of 8 bits times it lie beside the middle between two numbers,
/// and one in ten and more falls to the other side.
[[nodiscard]] std::vector<std::vector<double>> norms_of(const ModelSpec& spec, const Norm& norm,
                                                        std::span<const double> row,
                                                        const FloatFormat& format);

/// What activation and gate give; `gate` is empty for an MLP without one.
[[nodiscard]] std::vector<double> activated(const ModelSpec& spec, std::span<const double> gate,
                                            std::span<const double> up, const FloatFormat& format);

/// Sum of two rows, rounded.
[[nodiscard]] std::vector<double> added(std::span<const double> a, std::span<const double> b,
                                        const FloatFormat& format);

/// How far values of activated() may lie off where one of the steps within was rounded otherwise: where gelu
/// falls off to 0, the last place of 1 + tanh is large beside what is left. Empty for functions of one
/// rounding.
[[nodiscard]] std::vector<double> activation_slack(const ModelSpec& spec, std::span<const double> up,
                                                   const FloatFormat& format);

/// How far two rows are apart, in the last places that differing orders of summation leave.
struct RowDifference {
  std::size_t values = 0;
  std::size_t differing = 0;
  double worst = 0;  ///< difference of a value over what is allowed
  std::size_t worst_at = 0;
};
[[nodiscard]] RowDifference difference_of(std::span<const double> expected, std::span<const double> given,
                                          const FloatFormat& format, std::span<const double> slack = {});

/// Whether two rows are the same but for the last places that differing orders of summation leave: why not,
/// or "" where they are. `slack` may be empty.
/// `measured` takes their difference.
[[nodiscard]] std::string compare_rows(std::span<const double> expected, std::span<const double> given,
                                       const FloatFormat& format, std::span<const double> slack = {},
                                       Measured* measured = nullptr);

/// compare_rows with that of norms_of which is nearest.
[[nodiscard]] std::string compare_norm(const ModelSpec& spec, const Norm& norm, std::span<const double> row,
                                       std::span<const double> given, const FloatFormat& format,
                                       Measured* measured = nullptr);

/// q, k and v of one token, rotated and normed as attention takes them.
struct AttentionRow {
  std::vector<double> q;  ///< [heads, head size]; empty for what is not the token asked about
  std::vector<double> k;  ///< [kv heads, head size]
  std::vector<double> v;  ///< [kv heads, head size]
};

/// Norms and rotates a row of q or k in place, as it stands at a position.
void rotate(const ModelSpec& spec, const Norm* head_norm, std::uint64_t position, const FloatFormat& format,
            std::span<double> row);

/// The output of attention of the last row, in double: [heads, head size].
[[nodiscard]] std::vector<double> attention(const ModelSpec& spec, std::span<const double> q,
                                            std::span<const AttentionRow> rows);

/// The largest over the heads of |given - expected| / |expected|, in the Euclidean norm.
[[nodiscard]] double attention_error(const ModelSpec& spec, std::span<const double> expected,
                                     std::span<const double> given);

}  // namespace assay::audit::internal
