#include "curve/fixed_bases.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/threads.h"
#include "curve/kernel.h"
#include "curve/pairs.h"

namespace assay::curve {
namespace {

constexpr unsigned kLowBits = 64;
constexpr unsigned kScalarBits = 255;  // one more than r has, for the last carry
constexpr unsigned kMostBits = 8;      // the row of a wider window is more than a first cache keeps

/// Windows of `low` bits for the first 64 bits, of `high` bits for the others.
std::vector<Window> windows_of(unsigned low, unsigned high) {
  std::vector<Window> out;
  std::size_t first = 0;
  const auto put = [&](unsigned shift, unsigned bits) {
    out.push_back({shift, bits, first});
    first += std::size_t{1} << (bits - 1);
  };
  for (unsigned shift = 0; shift < kLowBits; shift += low) put(shift, std::min(low, kLowBits - shift));
  for (unsigned shift = kLowBits; shift < kScalarBits; shift += high) put(shift, high);
  return out;
}

std::size_t multiples_of(std::span<const Window> windows) {
  return windows.back().first + (std::size_t{1} << (windows.back().bits - 1));
}

/// Leaves are narrow and many, so additions for the first 64 bits count as four.
std::optional<std::vector<Window>> plan(std::size_t bases, std::size_t max_bytes) {
  std::optional<std::vector<Window>> best;
  std::size_t least = 0;
  for (unsigned low = 2; low <= kMostBits; ++low)
    for (unsigned high = 2; high <= kMostBits; ++high) {
      std::vector<Window> windows = windows_of(low, high);
      if (windows.size() > FixedBases::kMaxWindows) continue;
      if (multiples_of(windows) > max_bytes / sizeof(G1Affine) / bases) continue;
      const std::size_t cost = windows.size() + 3 * ((kLowBits + low - 1) / low);
      if (best && cost >= least) continue;
      best = std::move(windows);
      least = cost;
    }
  return best;
}

std::uint64_t bits_of(const std::array<std::uint64_t, 4>& words, const Window& window) {
  const std::size_t word = window.shift / 64, shift = window.shift % 64;
  std::uint64_t bits = words[word] >> shift;
  if (shift + window.bits > 64 && word + 1 < words.size()) bits |= words[word + 1] << (64 - shift);
  return bits & ((std::uint64_t{1} << window.bits) - 1);
}

std::uint64_t load_word(const std::uint8_t* bytes) {
  std::uint64_t out;
  std::memcpy(&out, bytes, sizeof out);
  if constexpr (std::endian::native == std::endian::big) out = __builtin_bswap64(out);
  return out;
}

}  // namespace

FixedBases::FixedBases(std::span<const G1Affine> bases, std::vector<Window> windows)
    : bases_(bases.begin(), bases.end()),
      windows_(std::move(windows)),
      low_windows_(static_cast<std::size_t>(
          std::ranges::count_if(windows_, [](const Window& w) { return w.shift < kLowBits; }))),
      of_base_(multiples_of(windows_)),
      table_(bases.size() * of_base_) {
  parallel_for(0, bases_.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      active_curve_kernel().fill_multiples(bases_[i], windows_,
                                           table_.span().subspan(i * of_base_, of_base_));
  });
}

std::optional<FixedBases> FixedBases::make(std::span<const G1Affine> bases, std::size_t max_bytes) {
  if (bases.empty()) return std::nullopt;
  for (const G1Affine& base : bases)
    if (base.is_infinity()) return std::nullopt;
  std::optional<std::vector<Window>> windows = plan(bases.size(), max_bytes);
  if (!windows) return std::nullopt;
  return FixedBases(bases, std::move(*windows));
}

PointRef FixedBases::multiple(std::size_t base, const Window& window, std::int64_t digit) const {
  if (digit == 0) return {};
  const auto magnitude = static_cast<std::size_t>(digit < 0 ? -digit : digit);
  return PointRef(table_[base * of_base_ + window.first + magnitude - 1], digit < 0);
}

void FixedBases::append(std::size_t base, const Scalar& scalar, std::vector<PointRef>& points) const {
  // A small negative number has few digits, as residue it has all of them.
  const bool negative = scalar.is_negative();
  const Scalar magnitude = scalar.magnitude();
  std::uint64_t carry = 0;
  for (const Window& window : windows_) {
    // A digit above half of the window is taken from the next one.
    const std::uint64_t bits = bits_of(magnitude.words, window) + carry;
    carry = bits > std::uint64_t{1} << (window.bits - 1) ? 1 : 0;
    const auto digit = static_cast<std::int64_t>(bits) - static_cast<std::int64_t>(carry << window.bits);
    const PointRef point = multiple(base, window, digit);
    if (!point.is_none()) points.push_back(point.negated_if(negative));
  }
}

void FixedBases::sum_vartime(std::span<const Sum> sums, std::span<G1Affine> out) const {
  ASSAY_CHECK_EQ(sums.size(), out.size());
  // So many points at once that what they sum up to stays in the second cache.
  constexpr std::size_t kTogether = std::size_t{1} << 14;
  std::size_t scalars = 0;
  for (const Sum& sum : sums) scalars += sum.scalars.size();
  const std::size_t grain = std::max<std::size_t>(1, sums.size() * 16 / std::max<std::size_t>(1, scalars));
  parallel_for(0, sums.size(), grain, [&](std::size_t first, std::size_t last) {
    std::vector<PointRef> points;
    std::vector<std::size_t> ends;
    const auto finish = [&](std::size_t end) {
      active_curve_kernel().sum_groups(points, ends, out.subspan(end - ends.size(), ends.size()));
      points.clear();
      ends.clear();
    };
    for (std::size_t i = first; i < last; ++i) {
      ASSAY_CHECK_LE(sums[i].base + sums[i].scalars.size(), size());
      for (std::size_t j = 0; j < sums[i].scalars.size(); ++j)
        append(sums[i].base + j, sums[i].scalars[j], points);
      ends.push_back(points.size());
      if (points.size() >= kTogether) finish(i + 1);
    }
    finish(last);
  });
}

G1Affine FixedBases::offset(std::size_t columns, bool is_signed) const {
  // What sum_rows_vartime() takes off every value, and the 2^63 that it adds to a signed one.
  std::uint64_t taken = 0;
  for (std::size_t k = 0; k < low_windows_; ++k)
    taken += std::uint64_t{1} << (windows_[k].shift + windows_[k].bits - 1);
  Fr factor = Fr::from_u64(taken);
  if (is_signed) factor -= Fr::from_u64(std::uint64_t{1} << 63);
  const std::vector<Scalar> all(columns, factor.to_scalar());
  const Sum sum{0, all};
  G1Affine out;
  sum_vartime({&sum, 1}, {&out, 1});
  return out;
}

void FixedBases::sum_rows_vartime(const std::uint8_t* rows, std::size_t columns, std::size_t stride,
                                  bool is_signed, std::span<G1Affine> out) const {
  ASSAY_CHECK_LE(columns, size());
  if (out.empty()) return;
  const G1Affine constant = offset(columns, is_signed);
  const std::uint64_t flipped = is_signed ? std::uint64_t{1} << 63 : 0;
  const auto fill_of = [&](const std::uint8_t* begin) {
    return [this, begin, stride, flipped, columns, &constant](std::size_t round, std::span<PointRef> points) {
      if (round == columns * low_windows_) {
        std::ranges::fill(points, PointRef(constant));
        return;
      }
      const std::size_t column = round / low_windows_;
      const Window& window = windows_[round % low_windows_];
      const std::int64_t half = std::int64_t{1} << (window.bits - 1);
      const std::uint64_t mask = (std::uint64_t{1} << window.bits) - 1;
      const G1Affine* const row = table_.data() + column * of_base_ + window.first;
      const std::uint8_t* word = begin + column * sizeof(std::uint64_t);
      for (PointRef& point : points) {
        const std::int64_t digit =
            static_cast<std::int64_t>(((load_word(word) ^ flipped) >> window.shift) & mask) - half;
        word += stride;
        point = digit == 0 ? PointRef() : PointRef(row[(digit < 0 ? -digit : digit) - 1], digit < 0);
      }
    };
  };
  for (std::size_t done = 0; done < out.size();) {
    const std::size_t count = std::min(PairBatch::kCapacity, out.size() - done);
    active_curve_kernel().sum_rounds(columns * low_windows_ + 1, fill_of(rows + done * stride),
                                     out.subspan(done, count));
    done += count;
  }
}

}  // namespace assay::curve
