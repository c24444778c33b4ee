// The polynomial part of TOPLOC as its published library does it in C++ (arXiv 2501.16007, library 0.1.6),
// for bench/toploc_against_published.py: the same steps, each written as plainly as its description. Newton's
// divided differences in place with one extended Euclid for each of the k (k - 1) / 2 entries, their
// expansion to monomials, Horner's rule with a division at each step.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <utility>
#include <vector>

namespace {

constexpr int kPrime = 65497;

int reduced(std::int64_t value) {
  const auto rest = static_cast<int>(value % kPrime);
  return rest < 0 ? rest + kPrime : rest;
}

/// By the extended Euclidean algorithm; `value` is not 0 modulo the prime.
int inverse(int value) {
  int r = value;
  int next_r = kPrime;
  int s = 1;
  int next_s = 0;
  while (next_r != 0) {
    const int quotient = r / next_r;
    r = std::exchange(next_r, r - quotient * next_r);
    s = std::exchange(next_s, s - quotient * next_s);
  }
  return reduced(s);
}

/// The largest modulus for which the indices are distinct; 0 if there is none.
int injective_modulus(const std::vector<std::int64_t>& indices) {
  for (int modulus = kPrime; modulus > 0; --modulus) {
    std::vector<std::int64_t> seen;
    seen.reserve(indices.size());
    for (const std::int64_t index : indices) seen.push_back(index % modulus);
    std::sort(seen.begin(), seen.end());
    if (std::adjacent_find(seen.begin(), seen.end()) == seen.end()) return modulus;
  }
  return 0;
}

std::vector<int> interpolate(const std::vector<int>& x, std::vector<int> differences) {
  const std::size_t k = x.size();
  for (std::size_t order = 1; order < k; ++order) {
    for (std::size_t i = k - 1; i >= order; --i) {
      const int rise = reduced(std::int64_t{differences[i]} - differences[i - 1]);
      differences[i] = reduced(std::int64_t{rise} * inverse(reduced(x[i] - x[i - order])));
    }
  }
  std::vector<int> coefficients(k, 0);
  std::vector<int> product(k + 1, 0);  // (X - x_0) .. (X - x_(i-1))
  product[0] = 1;
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j <= i; ++j)
      coefficients[j] = reduced(coefficients[j] + std::int64_t{differences[i]} * product[j]);
    for (std::size_t j = i + 1; j > 0; --j)
      product[j] = reduced(product[j - 1] - std::int64_t{x[i]} * product[j]);
    product[0] = reduced(-std::int64_t{x[i]} * product[0]);
  }
  return coefficients;
}

int evaluate(const std::vector<int>& coefficients, int x) {
  std::int64_t value = 0;
  for (std::size_t i = coefficients.size(); i-- > 0;) value = (value * x + coefficients[i]) % kPrime;
  return static_cast<int>(value);
}

int exponent_of(int bits) { return bits >> 7 & 0xff; }
int mantissa_of(int bits) { return bits & 0x7f; }

void put(std::uint8_t* at, int number) {
  at[0] = static_cast<std::uint8_t>(number >> 8);
  at[1] = static_cast<std::uint8_t>(number);
}

}  // namespace

/// Writes the 2 + 2k bytes of the proof; false where no modulus keeps the indices apart.
extern "C" bool published_prove(const std::int64_t* indices, const std::uint16_t* values, int k,
                                std::uint8_t* proof) {
  const std::vector<std::int64_t> given(indices, indices + k);
  const int modulus = injective_modulus(given);
  if (modulus == 0) return false;
  std::vector<int> x;
  std::vector<int> y;
  for (int i = 0; i < k; ++i) {
    x.push_back(static_cast<int>(indices[i] % modulus));
    y.push_back(reduced(values[i]));
  }
  put(proof, modulus);
  for (const int coefficient : interpolate(x, std::move(y))) put(proof += 2, coefficient);
  return true;
}

/// Exponents that differ; mean and upper median of the mantissas' differences where they do not.
extern "C" void published_compare(const std::uint8_t* proof, const std::int64_t* indices,
                                  const std::uint16_t* values, int k, double* out) {
  const auto number = [proof](int i) { return proof[2 * i] << 8 | proof[2 * i + 1]; };
  std::vector<int> coefficients;
  for (int i = 1; i <= k; ++i) coefficients.push_back(number(i));
  std::vector<int> errors;
  for (int i = 0; i < k; ++i) {
    const int theirs = evaluate(coefficients, static_cast<int>(indices[i] % number(0)));
    if (exponent_of(theirs) == exponent_of(values[i]))
      errors.push_back(std::abs(mantissa_of(theirs) - mantissa_of(values[i])));
  }
  out[0] = k - static_cast<double>(errors.size());
  out[1] = out[2] = std::ldexp(1.0, 64);
  if (errors.empty()) return;
  std::sort(errors.begin(), errors.end());
  out[1] = std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
  out[2] = errors[errors.size() / 2];
}
