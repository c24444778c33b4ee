#include <algorithm>
#include <array>
#include <bit>

#include "assay/field.h"
#include "base/check.h"
#include "base/threads.h"
#include "field/kernel.h"
#include "field/transform.h"

namespace assay {
namespace {

/// Blocks of this many elements stay in a core's second cache: their layers are gone through one block after
/// the other.
constexpr std::size_t kPointsBlock = std::size_t{1} << 13;
constexpr std::size_t kGrain = 2048;

Fr power(const Fr& base, std::span<const std::uint64_t> exponent) {
  Fr out = Fr::one();
  for (std::size_t i = exponent.size() * 64; i-- > 0;) {
    out *= out;
    if ((exponent[i / 64] >> (i % 64) & 1) != 0) out *= base;
  }
  return out;
}

}  // namespace

Fr RootDomain::root(unsigned log_size) {
  static const std::array<Fr, kMaxLogSize + 1> roots = [] {
    // (r - 1) / 2^28; no higher power of two divides r - 1.
    std::array<std::uint64_t, 4> exponent = kScalarModulus;
    exponent[0] -= 1;
    for (std::size_t i = 0; i < exponent.size(); ++i)
      exponent[i] =
          exponent[i] >> kMaxLogSize | (i + 1 < exponent.size() ? exponent[i + 1] << (64 - kMaxLogSize) : 0);
    std::array<Fr, kMaxLogSize + 1> out;
    out[kMaxLogSize] = power(Fr::from_u64(5), exponent);
    for (unsigned k = kMaxLogSize; k-- > 0;) out[k] = out[k + 1] * out[k + 1];
    return out;
  }();
  ASSAY_CHECK_LE(log_size, kMaxLogSize);
  return roots[log_size];
}

RootDomain::RootDomain(unsigned log_size) : log_size_(log_size) {
  ASSAY_CHECK_LE(log_size, kMaxLogSize);
  half_.resize(log_size == 0 ? 1 : size() / 2);
  half_[0] = Fr::one();
  // Place b + 2^l, b < 2^l, is that of b turned by the root of order 2^(l+2), here of even places.
  for (unsigned l = 0; (std::size_t{1} << l) < half_.size(); ++l) {
    const Fr turn = root(l + 2);
    const std::size_t known = std::size_t{1} << l;
    parallel_for(0, known, kGrain, [&](std::size_t first, std::size_t last) {
      for (std::size_t b = first; b < last; ++b) half_[known + b] = half_[b] * turn;
    });
  }
}

void RootDomain::evaluate(std::span<Fr> coefficients) const {
  ASSAY_CHECK(std::has_single_bit(coefficients.size()), coefficients.size());
  ASSAY_CHECK_LE(coefficients.size(), size());
  const field::FieldKernel& kernel = field::active_field_kernel();
  std::size_t blocks = 1;
  for (; coefficients.size() / blocks > kPointsBlock; blocks *= 2) {
    parallel_for(0, coefficients.size() / 2, kGrain, [&](std::size_t first, std::size_t last) {
      field::for_butterflies(coefficients, blocks, first, last,
                             [&](std::span<Fr> low, std::span<Fr> high, std::size_t b) {
                               kernel.butterflies(low, high, half_[b]);
                             });
    });
  }
  const std::size_t length = coefficients.size() / blocks;
  parallel_for(0, blocks, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t b = first; b < last; ++b)
      kernel.evaluate_block(coefficients.subspan(b * length, length), b, half_);
  });
}

void RootDomain::interpolate(std::span<Fr> values) const {
  ASSAY_CHECK(std::has_single_bit(values.size()), values.size());
  ASSAY_CHECK_LE(values.size(), size());
  const field::FieldKernel& kernel = field::active_field_kernel();
  const std::size_t length = std::min(values.size(), kPointsBlock);
  std::size_t blocks = values.size() / length;
  parallel_for(0, blocks, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t b = first; b < last; ++b)
      kernel.interpolate_block(values.subspan(b * length, length), b, half_);
  });
  for (blocks /= 2; blocks > 0; blocks /= 2) {
    parallel_for(0, values.size() / 2, kGrain, [&](std::size_t first, std::size_t last) {
      field::for_butterflies(values, blocks, first, last,
                             [&](std::span<Fr> low, std::span<Fr> high, std::size_t b) {
                               kernel.inverse_butterflies(low, high, field::inverse_node(half_, b));
                             });
    });
  }
  const Fr scale = Fr::from_u64(values.size()).inverse();
  parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
    for (Fr& value : values.subspan(first, last - first)) value *= scale;
  });
}

void RootDomain::inverse_differences(const Fr& z, std::span<Fr> out) const {
  ASSAY_CHECK_EQ(out.size(), size());
  const field::FieldKernel& kernel = field::active_field_kernel();
  const std::optional<std::size_t> place = place_of(z);
  std::vector<Fr> powers{z};  // z^(2^j)
  for (unsigned j = 0; j < log_size_; ++j) powers.push_back(powers.back() * powers.back());
  // Squares of the nodes of a domain are the nodes of half the domain, each twice: from one node on.
  std::vector<Fr> inverses{(Fr::one() - powers.back()).inverse()}, next;
  for (unsigned level = 1; level <= log_size_; ++level) {
    const Fr& point = powers[log_size_ - level];
    const std::size_t count = std::size_t{1} << level;
    if (level < log_size_) next.resize(count);
    const std::span<Fr> target = level < log_size_ ? std::span(next) : out;
    parallel_for(0, count / 2, kGrain, [&](std::size_t first, std::size_t last) {
      kernel.split_inverses(std::span<const Fr>(inverses).subspan(first, last - first),
                            even_nodes().subspan(first, last - first), point,
                            target.subspan(2 * first, 2 * (last - first)));
    });
    // Beside the place of z the inverse above is that of zero.
    if (place) {
      const std::size_t beside = *place >> (log_size_ - level) ^ 1;
      target[beside] = (node(beside) - point).inverse();
    }
    inverses.swap(next);
  }
  if (log_size_ == 0) out[0] = inverses[0];
}

std::optional<std::size_t> RootDomain::place_of(const Fr& z) const {
  Fr rest = z;
  for (unsigned j = 0; j < log_size_; ++j) rest *= rest;
  if (rest != Fr::one()) return std::nullopt;
  // z is the product of the roots of order 2^(bit + 1) for every bit of the place that is set. Without the
  // higher ones, z^(2^bit) is -1 or 1 by this bit.
  rest = z;
  std::size_t place = 0;
  for (unsigned bit = log_size_; bit-- > 0;) {
    Fr power = rest;
    for (unsigned j = 0; j < bit; ++j) power *= power;
    if (power == Fr::one()) continue;
    place |= std::size_t{1} << bit;
    rest *= root(bit + 1).inverse();
  }
  return place;
}

void RootDomain::differentiate(std::span<Fr> values) const {
  interpolate(values);
  parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) values[i] *= Fr::from_u64(i);
  });
  evaluate(values);
}

}  // namespace assay
