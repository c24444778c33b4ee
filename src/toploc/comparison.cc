#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/try.h"
#include "toploc/chunks.h"
#include "toploc/report.h"

namespace assay::toploc {
namespace {

// The fields of a bf16 pattern.
constexpr std::uint32_t exponent_of(std::uint32_t bits) { return bits >> 7 & 0xff; }
constexpr std::uint32_t mantissa_of(std::uint32_t bits) { return bits & 0x7f; }
constexpr std::uint32_t sign_of(std::uint32_t bits) { return bits >> 15; }
constexpr std::uint32_t kExponentOfNonfinite = 0xff;

template <class T>
std::uint32_t count_distinct(std::span<const T> values) {
  std::vector<T> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  return static_cast<std::uint32_t>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
}

/// Differences of mantissas, counted by size.
class MantissaErrors {
 public:
  void add(std::uint32_t error) {
    ++counts_[error];
    ++total_;
    sum_ += error;
  }

  void describe(Comparison& out) const {
    if (total_ == 0) return;
    out.mantissa_mean = static_cast<double>(sum_) / static_cast<double>(total_);
    out.mantissa_median = (at(total_ / 2) + at((total_ - 1) / 2)) / 2;
    out.mantissa_median_upper = at(total_ / 2);
  }

 private:
  /// The error at this position in ascending order.
  [[nodiscard]] double at(std::uint64_t position) const {
    std::size_t error = 0;
    for (std::uint64_t before = counts_[0]; before <= position; before += counts_[error]) ++error;
    return static_cast<double>(error);
  }

  std::array<std::uint64_t, 128> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t sum_ = 0;
};

Result<Comparison> compare_chunk(const Proof& proof, std::span<const std::uint16_t> values, std::uint32_t k,
                                 TieRule rule) {
  const std::vector<std::uint32_t> indices = ASSAY_TRY(select(values, k, rule));
  return compare(proof, indices, internal::gather(values, indices));
}

Json known_or_null(double error) { return error == Comparison::kNoMatch ? Json(nullptr) : Json(error); }

}  // namespace

Json json_of(const Comparison& chunk) {
  return {{"points", chunk.points},
          {"modulus", chunk.modulus},
          {"exponent_mismatches", chunk.exponent_mismatches},
          {"sign_mismatches", chunk.sign_mismatches},
          {"distinct_values", chunk.distinct_values},
          {"distinct_own", chunk.distinct_own},
          {"mantissa_mean", known_or_null(chunk.mantissa_mean)},
          {"mantissa_median", known_or_null(chunk.mantissa_median)}};
}

std::string Comparison::to_json() const { return dump_json(json_of(*this), -1); }

Result<Comparison> compare(const Proof& proof, std::span<const std::uint32_t> indices,
                           std::span<const std::uint16_t> values) {
  if (indices.empty() || indices.size() > kMaxTopK)
    return Error{ErrorCode::kOutOfRange, "indices",
                 fmt::format("k = {} is not in 1 to {}", indices.size(), kMaxTopK)};
  if (indices.size() != values.size())
    return Error{ErrorCode::kMismatch, "values",
                 fmt::format("{} values for {} indices", values.size(), indices.size())};
  if (proof.coefficients.size() != indices.size())
    return Error{ErrorCode::kMismatch, "proof",
                 fmt::format("it is of {} values, not of {}", proof.coefficients.size(), indices.size())};
  if (proof.modulus == 0 || proof.modulus > kPrime)
    return Error{ErrorCode::kOutOfRange, "proof",
                 fmt::format("modulus {} is not in 1 to {}", proof.modulus, kPrime)};

  std::vector<std::uint32_t> x(indices.begin(), indices.end());
  for (std::uint32_t& point : x) point %= proof.modulus;
  const std::vector<std::uint32_t> coefficients(proof.coefficients.begin(), proof.coefficients.end());
  const std::vector<std::uint32_t> decoded = ASSAY_TRY(evaluate(coefficients, x));

  Comparison out;
  out.points = static_cast<std::uint32_t>(indices.size());
  out.modulus = proof.modulus;
  out.distinct_values = count_distinct<std::uint32_t>(decoded);
  out.distinct_own = count_distinct<std::uint16_t>(values);
  MantissaErrors errors;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const std::uint32_t theirs = decoded[i];
    const std::uint32_t own = values[i];
    if (sign_of(theirs) != sign_of(own)) ++out.sign_mismatches;
    if (exponent_of(own) == kExponentOfNonfinite) ++out.nonfinite_own;
    if (exponent_of(theirs) != exponent_of(own)) {
      ++out.exponent_mismatches;
    } else {
      const std::uint32_t a = mantissa_of(theirs);
      const std::uint32_t b = mantissa_of(own);
      errors.add(a > b ? a - b : b - a);
    }
  }
  errors.describe(out);
  return out;
}

Result<std::vector<Comparison>> compare_all(std::span<const Proof> proofs,
                                            std::span<const std::uint16_t> values,
                                            std::span<const std::uint64_t> lengths, std::uint32_t k,
                                            TieRule rule) {
  if (proofs.size() != lengths.size())
    return Error{ErrorCode::kMismatch, "proofs",
                 fmt::format("{} proofs for {} chunks", proofs.size(), lengths.size())};
  return internal::for_each_chunk<Comparison>(
      values, lengths, [&](std::size_t i, auto chunk) { return compare_chunk(proofs[i], chunk, k, rule); });
}

Statistics statistics_of(std::span<const Comparison> comparisons) {
  Statistics out;
  std::uint64_t exponents = 0;
  std::uint64_t signs = 0;
  std::uint64_t distinct = 0;
  std::uint64_t distinct_own = 0;
  const auto known = [](double error) { return std::min(error, Statistics::kNoMatchError); };
  for (const Comparison& chunk : comparisons) {
    if (chunk.points == 0) continue;
    ++out.chunks;
    out.points += chunk.points;
    // Compared by division: a caller may say any number of rows.
    const bool dense = chunk.points / Statistics::kPointsOfRow >= chunk.rows;
    out.counted_points += dense ? Statistics::kPointsOfRow * chunk.rows : chunk.points;
    exponents += chunk.exponent_mismatches;
    signs += chunk.sign_mismatches;
    distinct += chunk.distinct_values;
    distinct_own += chunk.distinct_own;
    out.mantissa_mean += chunk.points * known(chunk.mantissa_mean);
    out.mantissa_median += chunk.points * known(chunk.mantissa_median);
    out.worst_chunk_exponent_mismatches =
        std::max(out.worst_chunk_exponent_mismatches, 128.0 * chunk.exponent_mismatches / chunk.points);
    out.worst_chunk_dispersion =
        std::min(out.worst_chunk_dispersion, 1.0 * chunk.distinct_values / chunk.distinct_own);
  }
  if (out.points == 0) return out;
  const auto points = static_cast<double>(out.points);
  out.exponent_mismatches = 128.0 * static_cast<double>(exponents) / points;
  out.sign_mismatches = 128.0 * static_cast<double>(signs) / points;
  out.mantissa_mean /= points;
  out.mantissa_median /= points;
  out.dispersion = static_cast<double>(distinct) / static_cast<double>(distinct_own);
  return out;
}

}  // namespace assay::toploc
