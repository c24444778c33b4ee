// Arithmetic modulo 65497 on 32-bit numbers, in loops that compilers turn into vector code. Everything is
// inlined into the kernels, which say for which instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "assay/toploc.h"

namespace assay::toploc::internal {

// 2^16 = 39 modulo the prime.
inline constexpr std::uint32_t kFold = 39;
static_assert((1U << 16) % kPrime == kFold);

/// Any 32-bit number, reduced. The first fold leaves at most 40 * 65535, the second at most 67056, less than
/// twice the prime.
[[gnu::always_inline]] inline std::uint32_t reduced(std::uint32_t number) {
  number = (number >> 16) * kFold + (number & 0xffff);
  number = (number >> 16) * kFold + (number & 0xffff);
  const std::uint32_t less = number - kPrime;  // wraps around where the number is below the prime
  return less < number ? less : number;
}

// The largest argument that the functions below give to reduced(): the product of two residues, one of them
// perhaps the prime itself, and a third.
static_assert(std::uint64_t{kPrime} * (kPrime - 1) + kPrime <= UINT32_MAX);

[[gnu::always_inline]] inline std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  return reduced(a * b);
}

/// Fermat: a^(p-2), 0 for 0.
[[gnu::always_inline]] inline std::uint32_t inverse(std::uint32_t a) {
  std::uint32_t result = 1;
  for (std::uint32_t exponent = kPrime - 2; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = multiply(result, a);
    a = multiply(a, a);
  }
  return result;
}

/// Horner's rule at all points at once.
[[gnu::always_inline]] inline void evaluate_lanes(const std::uint32_t* coefficients, std::size_t count,
                                                  const std::uint32_t* __restrict x,
                                                  std::uint32_t* __restrict y, std::size_t points) {
  for (std::size_t j = 0; j < points; ++j) y[j] = coefficients[count - 1];
  for (std::size_t i = count - 1; i-- > 0;) {
    const std::uint32_t coefficient = coefficients[i];
    for (std::size_t j = 0; j < points; ++j) y[j] = reduced(y[j] * x[j] + coefficient);
  }
}

/// product = factor (X - root), for a factor with `count` coefficients.
[[gnu::always_inline]] inline void multiply_by_root(const std::uint32_t* __restrict factor, std::size_t count,
                                                    std::uint32_t root, std::uint32_t* __restrict product) {
  const std::uint32_t minus_root = kPrime - root;
  product[0] = multiply(factor[0], minus_root);
  for (std::size_t i = 1; i < count; ++i) product[i] = reduced(factor[i] * minus_root + factor[i - 1]);
  product[count] = factor[count - 1];
}

/// numbers[j] = numerators[j] / numbers[j], by one inversion (Montgomery's trick); no number is 0.
[[gnu::always_inline]] inline void divide_all(const std::uint32_t* numerators, std::uint32_t* numbers,
                                              std::size_t count, std::uint32_t* products) {
  std::uint32_t product = 1;
  for (std::size_t j = 0; j < count; ++j) {
    products[j] = product;
    product = multiply(product, numbers[j]);
  }
  std::uint32_t inverse_so_far = inverse(product);
  for (std::size_t j = count; j-- > 0;) {
    const std::uint32_t number = numbers[j];
    numbers[j] = multiply(numerators[j], multiply(inverse_so_far, products[j]));
    inverse_so_far = multiply(inverse_so_far, number);
  }
}

/// Lagrange's formula. With M = prod_j (X - x_j), M_t its coefficients, and a_j = y_j / M'(x_j), the
/// polynomial is sum_j a_j M / (X - x_j). Synthetic division gives M / (X - x_j) = sum_i X^i sum_{t > i} M_t
/// x_j^(t-i-1), so coefficient i is sum_{t > i} M_t S_(t-i-1) with the power sums S_s = sum_j a_j x_j^s: a
/// correlation in place of k divisions.
[[gnu::always_inline]] inline void interpolate_lanes(const std::uint32_t* __restrict x,
                                                     const std::uint32_t* y, std::size_t count,
                                                     std::uint32_t* coefficients, std::uint32_t* scratch,
                                                     std::uint64_t* __restrict sums) {
  std::uint32_t* master = scratch;                         // count + 1
  std::uint32_t* other = master + count + 1;               // count + 1
  std::uint32_t* derivative = other + count + 1;           // count
  std::uint32_t* __restrict weights = derivative + count;  // count
  std::uint32_t* power_sums = weights + count;             // count

  master[0] = 1;
  for (std::size_t j = 0; j < count; ++j) {
    multiply_by_root(master, j + 1, x[j], other);
    std::uint32_t* const product = other;
    other = master;
    master = product;
  }
  for (std::size_t i = 0; i < count; ++i) {
    derivative[i] = multiply(static_cast<std::uint32_t>(i + 1), master[i + 1]);
  }
  evaluate_lanes(derivative, count, x, weights, count);
  divide_all(y, weights, count, derivative);

  for (std::size_t s = 0; s < count; ++s) {
    std::uint32_t sum = 0;  // of less than 2^16 residues
    for (std::size_t j = 0; j < count; ++j) {
      sum += weights[j];
      weights[j] = multiply(weights[j], x[j]);
    }
    power_sums[s] = reduced(sum);
  }
  for (std::size_t i = 0; i < count; ++i) sums[i] = 0;
  for (std::size_t s = 0; s < count; ++s) {
    const std::uint64_t power_sum = power_sums[s];
    const std::uint32_t* __restrict shifted = master + 1 + s;
    for (std::size_t i = 0; i < count - s; ++i) sums[i] += power_sum * shifted[i];
  }
  for (std::size_t i = 0; i < count; ++i) coefficients[i] = static_cast<std::uint32_t>(sums[i] % kPrime);
}

}  // namespace assay::toploc::internal
