// What lies between the products: norms, activations, the residual stream, attention.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/facts.h"
#include "audit/number.h"

namespace assay::audit::internal {

/// What a norm makes of a row, each value rounded as the model's program rounds it.
[[nodiscard]] std::vector<double> normalised(const ModelSpec& spec, const Norm& norm,
                                             std::span<const double> row, const FloatFormat& format);

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

/// Whether two rows are the same but for the last places that differing orders of summation leave: why not,
/// or "" where they are. `slack` may be empty.
[[nodiscard]] std::string compare_rows(std::span<const double> expected, std::span<const double> given,
                                       const FloatFormat& format, std::span<const double> slack = {});

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
