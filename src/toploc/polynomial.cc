#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "assay/toploc.h"
#include "base/try.h"
#include "toploc/kernel.h"

namespace assay::toploc {
namespace {

/// A set of residues that is emptied by naming what was put in.
class ResidueSet {
 public:
  /// False when it was there already.
  bool insert(std::uint32_t residue) {
    std::uint64_t& word = words_[residue / 64];
    const std::uint64_t bit = std::uint64_t{1} << residue % 64;
    const bool added = (word & bit) == 0;
    word |= bit;
    return added;
  }
  void erase(std::uint32_t residue) { words_[residue / 64] &= ~(std::uint64_t{1} << residue % 64); }

 private:
  std::array<std::uint64_t, kPrime / 64 + 1> words_{};
};

Error check_count(std::size_t count, std::string_view what) {
  return {ErrorCode::kOutOfRange, std::string(what),
          fmt::format("{} of them, 1 to {} are taken", count, kPrime)};
}

/// An index that stands twice.
std::optional<std::uint32_t> repeated(std::span<const std::uint32_t> indices) {
  std::vector<std::uint32_t> sorted(indices.begin(), indices.end());
  std::ranges::sort(sorted);
  const auto found = std::ranges::adjacent_find(sorted);
  return found == sorted.end() ? std::nullopt : std::optional(*found);
}

bool is_injective(std::span<const std::uint32_t> indices, std::uint32_t modulus, ResidueSet& seen) {
  std::size_t inserted = 0;
  while (inserted < indices.size() && seen.insert(indices[inserted] % modulus)) ++inserted;
  for (std::size_t i = 0; i < inserted; ++i) seen.erase(indices[i] % modulus);
  return inserted == indices.size();
}

std::vector<std::uint32_t> reduced(std::span<const std::uint32_t> numbers) {
  std::vector<std::uint32_t> residues(numbers.begin(), numbers.end());
  for (std::uint32_t& residue : residues) residue %= kPrime;
  return residues;
}

}  // namespace

Result<std::uint32_t> injective_modulus(std::span<const std::uint32_t> indices) {
  if (indices.empty() || indices.size() > kPrime) return check_count(indices.size(), "indices");
  // Only this makes the search below long for nothing.
  if (const std::optional<std::uint32_t> twice = repeated(indices))
    return Error{ErrorCode::kOutOfRange, "indices", fmt::format("{} stands twice", *twice)};
  ResidueSet seen;
  for (std::uint32_t modulus = kPrime; modulus >= indices.size(); --modulus) {
    if (is_injective(indices, modulus, seen)) return modulus;
  }
  return Error{ErrorCode::kOutOfRange, "indices",
               fmt::format("no modulus up to {} tells all {} apart", kPrime, indices.size())};
}

Result<std::vector<std::uint32_t>> interpolate(std::span<const std::uint32_t> x,
                                               std::span<const std::uint32_t> y) {
  if (x.size() != y.size())
    return Error{ErrorCode::kMismatch, "points", fmt::format("{} x for {} y", x.size(), y.size())};
  if (x.empty() || x.size() > kPrime) return check_count(x.size(), "points");
  ResidueSet seen;
  for (const std::uint32_t point : x) {
    if (point >= kPrime)
      return Error{ErrorCode::kOutOfRange, "x", fmt::format("{} is not below {}", point, kPrime)};
    if (!seen.insert(point)) return Error{ErrorCode::kOutOfRange, "x", fmt::format("{} stands twice", point)};
  }
  const std::vector<std::uint32_t> residues = reduced(y);
  std::vector<std::uint32_t> coefficients(x.size());
  std::vector<std::uint32_t> scratch(internal::interpolation_scratch(x.size()));
  std::vector<std::uint64_t> sums(x.size());
  internal::kernel().interpolate(x.data(), residues.data(), x.size(), coefficients.data(), scratch.data(),
                                 sums.data());
  return coefficients;
}

Result<std::vector<std::uint32_t>> evaluate(std::span<const std::uint32_t> coefficients,
                                            std::span<const std::uint32_t> x) {
  if (coefficients.empty())
    return Error{ErrorCode::kOutOfRange, "coefficients", "none: a polynomial has one at least"};
  const std::vector<std::uint32_t> residues = reduced(coefficients);
  const std::vector<std::uint32_t> points = reduced(x);
  std::vector<std::uint32_t> y(x.size());
  internal::kernel().evaluate(residues.data(), residues.size(), points.data(), y.data(), points.size());
  return y;
}

}  // namespace assay::toploc
