// The bodies of the kernels, in eight lanes that compilers map to the registers there are. Everything is
// inlined into the kernels, which say for which instruction set, and are compiled with -ffp-contract=off.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "audit/kernel.h"

namespace assay::audit::internal {

inline constexpr std::size_t kLanes = 8;
/// Two sums for each lane hide how long an addition takes.
inline constexpr std::size_t kStride = 2 * kLanes;

using Doubles [[gnu::vector_size(64)]] = double;
using Floats [[gnu::vector_size(32)]] = float;
using Longs [[gnu::vector_size(64)]] = std::int64_t;
using Words [[gnu::vector_size(32)]] = std::uint32_t;
using Halves [[gnu::vector_size(16)]] = std::uint16_t;

// Vectors are handed over by reference alone: as values they have another place in each instruction set.
template <class Vector, class Element>
[[gnu::always_inline]] inline void load(const Element* at, Vector& out) {
  std::memcpy(&out, at, sizeof(Vector));
}

[[gnu::always_inline]] inline double sum_of(const Doubles& a, const Doubles& b) {
  double sum = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) sum += a[lane] + b[lane];
  return sum;
}

[[gnu::always_inline]] inline bool read_bf16_lanes(const std::uint8_t* bytes, std::size_t count,
                                                   double* out) {
  constexpr std::uint16_t kExponent = 0x7f80;
  const Halves exponent = Halves{} + kExponent;
  Halves bad{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Halves halves;
    load(bytes + 2 * i, halves);
    bad |= reinterpret_cast<Halves>((halves & exponent) == exponent);
    const Words words = __builtin_convertvector(halves, Words) << 16;
    const Doubles values = __builtin_convertvector(reinterpret_cast<Floats>(words), Doubles);
    std::memcpy(out + i, &values, sizeof(values));
  }
  bool finite = true;
  for (std::size_t lane = 0; lane < kLanes; ++lane) finite = finite && bad[lane] == 0;
  for (; i < count; ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, bytes + 2 * i, sizeof(half));
    finite = finite && (half & kExponent) != kExponent;
    out[i] = std::bit_cast<float>(std::uint32_t{half} << 16);
  }
  return finite;
}

[[gnu::always_inline]] inline bool read_f32_lanes(const std::uint8_t* bytes, std::size_t count, double* out) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  const Words exponent = Words{} + kExponent;
  Words bad{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Words words;
    load(bytes + 4 * i, words);
    bad |= reinterpret_cast<Words>((words & exponent) == exponent);
    const Doubles values = __builtin_convertvector(reinterpret_cast<Floats>(words), Doubles);
    std::memcpy(out + i, &values, sizeof(values));
  }
  bool finite = true;
  for (std::size_t lane = 0; lane < kLanes; ++lane) finite = finite && bad[lane] == 0;
  for (; i < count; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes + 4 * i, sizeof(word));
    finite = finite && (word & kExponent) != kExponent;
    out[i] = std::bit_cast<float>(word);
  }
  return finite;
}

[[gnu::always_inline]] inline double dot_lanes(const double* a, const double* b, std::size_t count) {
  Doubles even{};
  Doubles odd{};
  std::size_t i = 0;
  for (; i + kStride <= count; i += kStride) {
    Doubles x;
    Doubles y;
    load(a + i, x);
    load(b + i, y);
    even += x * y;
    load(a + i + kLanes, x);
    load(b + i + kLanes, y);
    odd += x * y;
  }
  double sum = sum_of(even, odd);
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

[[gnu::always_inline]] inline Terms terms_lanes(const double* a, const double* b, std::size_t count) {
  Doubles even{};
  Doubles odd{};
  Doubles even_squares{};
  Doubles odd_squares{};
  std::size_t i = 0;
  for (; i + kStride <= count; i += kStride) {
    Doubles x;
    Doubles y;
    load(a + i, x);
    load(b + i, y);
    x *= y;
    even += x;
    even_squares += x * x;
    load(a + i + kLanes, x);
    load(b + i + kLanes, y);
    x *= y;
    odd += x;
    odd_squares += x * x;
  }
  Terms terms{sum_of(even, odd), sum_of(even_squares, odd_squares)};
  for (; i < count; ++i) {
    const double term = a[i] * b[i];
    terms.sum += term;
    terms.squares += term * term;
  }
  return terms;
}

/// As ulp_of(), of which this is the square, for each lane.
[[gnu::always_inline]] inline void ulp_squares(const Doubles& values, int fraction_bits, int least_exponent,
                                               Doubles& out) {
  const Longs least = Longs{} + (least_exponent + 1023);
  const Longs one = Longs{} + 1;
  Longs exponent = (reinterpret_cast<const Longs&>(values) >> 52) & 0x7ff;
  exponent = exponent > least ? exponent : least;
  exponent -= fraction_bits;
  exponent = exponent > one ? exponent : one;
  const Longs bits = exponent << 52;
  const Doubles ulp = reinterpret_cast<Doubles>(bits);
  out = ulp * ulp;
}

[[gnu::always_inline]] inline Spread variances_lanes(const double* row, const float* scales,
                                                     std::size_t count, int fraction_bits, int least_exponent,
                                                     double summing, double* out) {
  Doubles total{};
  Doubles squares{};
  // The last lanes of a row whose length is no multiple of theirs: outputs of size 1 that are not there.
  double last_row[kLanes]{};
  float last_scales[kLanes];
  double last_out[kLanes];
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t there = count - i < kLanes ? count - i : kLanes;
    const double* row_at = row + i;
    const float* scales_at = scales + i;
    double* out_at = out + i;
    if (there < kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        last_row[lane] = lane < there ? row[i + lane] : 0;
        last_scales[lane] = lane < there ? scales[i + lane] : 1;
      }
      row_at = last_row;
      scales_at = last_scales;
      out_at = last_out;
    }
    Doubles values;
    load(row_at, values);
    Floats narrow;
    load(scales_at, narrow);
    const Doubles scale = __builtin_convertvector(narrow, Doubles);
    const Doubles scale_squares = scale * scale;
    Doubles variance;
    ulp_squares(values, fraction_bits, least_exponent, variance);
    variance = variance / 12.0 + summing * scale_squares;
    std::memcpy(out_at, &variance, sizeof(variance));
    Doubles share = variance / scale_squares;
    if (there < kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if (lane < there)
          out[i + lane] = last_out[lane];
        else
          share[lane] = 0;
      }
    }
    total += share;
    squares += share * share;
  }
  const Doubles none{};
  return {sum_of(total, none), sum_of(squares, none)};
}

[[gnu::always_inline]] inline Projection project_lanes(const double* row, const double* variances,
                                                       const double* r, std::size_t count) {
  Doubles even{};
  Doubles odd{};
  Doubles even_variance{};
  Doubles odd_variance{};
  std::size_t i = 0;
  for (; i + kStride <= count; i += kStride) {
    Doubles value;
    Doubles variance;
    Doubles random;
    load(row + i, value);
    load(variances + i, variance);
    load(r + i, random);
    even += value * random;
    even_variance += random * random * variance;
    load(row + i + kLanes, value);
    load(variances + i + kLanes, variance);
    load(r + i + kLanes, random);
    odd += value * random;
    odd_variance += random * random * variance;
  }
  Projection found{sum_of(even, odd), sum_of(even_variance, odd_variance)};
  for (; i < count; ++i) {
    found.value += row[i] * r[i];
    found.variance += r[i] * r[i] * variances[i];
  }
  return found;
}

}  // namespace assay::audit::internal
